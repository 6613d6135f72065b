//! Accounts that signed themselves: a policy decides, the host signs, and servers get them.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use async_nats::Client;
use nats_token::UserClaims;
use nkeys::KeyPair;
use portcullis_claims::AccountClaims;
use portcullis_harness::{
    Answer, Built, Host, Made, NatsServer, Page, PolicyDirectory, Release, Wire, run_portcullis,
};
use rstest::rstest;
use serde_json::{Value, json};

/// The subject of the requests.
const SUBJECT: &str = "portcullis.account.requests";

/// A system whose resolver and host have one store.
struct Stage {
    made: Made,
    server: NatsServer,
    host: Host,
    _resolver: Host,
    address: String,
}

impl Stage {
    async fn new(release: Release) -> Result<Self> {
        let made = Made::new(&["--resolver", "full", "--oldest-server", "2.10.26"]).await?;
        let server = made.start_server(release).await?;
        let policies = PolicyDirectory::create(made.path("policies"))?;
        policies.put_module("teams", &Built::guest("signs_accounts")?)?;
        let config = made.point_at(&server)?;
        let text = fs::read_to_string(&config)?;
        let url = server.url();
        let table = format!(
            "\n[operator.account-requests]\nsubject = \"{SUBJECT}\"\nnames = [\"team-*\"]\nstore = \"store\"\n\
             deadline = \"20s\"\nmax-accounts = 2\nlimits = {{ connections = 5, exports = 2, jetstream-disk = \"1GiB\" }}\n\
             [operator.account-requests.nats]\nservers = [\"{url}\"]\ncreds-file = \"creds/system.creds\"\n\
             [policies.chains.accounts]\nclient-kinds = [\"account-request\"]\npolicies = [\"teams\"]\n"
        );
        fs::write(&config, text + &table)?;
        let host = Host::spawn(&config, &[])?;
        host.says("accounts may ask to be signed").await?;
        host.ready().await?;
        let arguments = ["--sign-subject", SUBJECT, "--sign-timeout", "30s"];
        let (resolver, address) = made.start_connected_resolver(&server, &arguments).await?;
        Ok(Self {
            made,
            server,
            host,
            _resolver: resolver,
            address,
        })
    }

    async fn post(&self, account: &KeyPair, jwt: &str) -> Result<Page> {
        let path = format!("/jwt/v1/accounts/{}", account.public_key());
        Page::post(&self.address, &path, &[], jwt).await
    }

    /// Logs a new user of the account in.
    async fn log_in(&self, account: &KeyPair) -> Result<(Wire, Answer)> {
        let key = KeyPair::new_user();
        let mut claims = UserClaims::new(key.public_key()).context("a user needs a key")?;
        let jwt = claims.encode(account)?;
        let mut wire = Wire::open(self.server.port()).await?;
        let answer = wire.log_in_with_jwt(&jwt, &key).await?;
        Ok((wire, answer))
    }
}

fn now() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(now.as_secs().try_into()?)
}

/// Returns the request of an account, signed with its own key and issued at the time `issued_at`.
fn request(account: &KeyPair, name: &str, tags: &[&str], issued_at: i64) -> Result<String> {
    let mut claims = AccountClaims::new(&account.public_key(), issued_at.try_into()?);
    claims.name = Some(name.to_owned());
    claims.nats.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    claims.nats.limits.jetstream.disk_storage = -1;
    let seed = account.seed()?;
    let signer =
        portcullis_claims::SigningKey::from_seed(&seed, portcullis_claims::KeyKind::Account)?;
    Ok(claims.sign(&signer)?)
}

/// Returns the request of an account that another library makes and signs.
fn by_another_library(account: &KeyPair, name: &str, tag: &str) -> Result<String> {
    let claims = nats_token::AccountClaims::new(account.public_key());
    let mut claims = claims.context("an account needs a key")?;
    name.clone_into(&mut claims.claims.name);
    claims.account.tags.add([tag]);
    Ok(claims.encode(account)?)
}

/// Returns the version of an account that the server has.
async fn at_server(system: &Client, account: &KeyPair) -> Result<AccountClaims> {
    let subject = format!("$SYS.REQ.ACCOUNT.{}.CLAIMS.LOOKUP", account.public_key());
    let found = system.request(subject, "".into()).await?;
    Ok(AccountClaims::decode(str::from_utf8(&found.payload)?)?)
}

#[rstest]
#[tokio::test]
async fn a_policy_decides_about_an_account_that_signed_itself(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::new(release).await?;
    let account = KeyPair::new_account();
    let issued_at = now()?;
    let first = request(&account, "team-a", &["plan:small"], issued_at)?;
    let stored = stage.post(&account, &first).await?;
    assert_eq!(stored.status, 200, "{}", stored.content);
    assert!(stored.content.contains("jwt updated"), "{}", stored.content);
    let decided = stage.host.decision("team-a").await?;
    assert_eq!(decided.text("client.kind"), "account-request");
    assert_eq!(decided.text("policy.name"), "teams");
    assert_eq!(decided.text("account"), "team-a");
    stage.gives_the_smallest_limits(&account).await?;
    stage.shows_the_decision(&account).await?;
    stage.undoes_nothing(&account, first, issued_at).await?;
    stage.names_each_denial().await?;
    stage.limits_the_number().await
}

impl Stage {
    /// The server has the account, and its users log in up to the limit.
    async fn gives_the_smallest_limits(&self, account: &KeyPair) -> Result<()> {
        let system = self.made.system(&self.server).await?;
        let claims = at_server(&system, account).await?;
        let limits = &claims.nats.limits;
        assert_eq!((limits.connections, limits.exports), (2, 2));
        assert_eq!(limits.jetstream.disk_storage, 1 << 20);
        let tags = &claims.nats.tags;
        for tag in ["plan:checked", "policy:teams"] {
            assert!(tags.iter().any(|known| known == tag), "{tags:?}");
        }
        let (_first, answer) = self.log_in(account).await?;
        assert_eq!(answer, Answer::Admitted);
        let (_second, answer) = self.log_in(account).await?;
        assert_eq!(answer, Answer::Admitted);
        let (_, answer) = self.log_in(account).await?;
        assert_ne!(answer, Answer::Admitted);
        Ok(())
    }

    /// Without a server, `decide` shows the most that the account can get.
    async fn shows_the_decision(&self, account: &KeyPair) -> Result<()> {
        let config = self.made.path("portcullis.toml").display().to_string();
        let login = json!({
            "nkey": account.public_key(),
            "client": { "kind": "account-request", "name": "team-a", "tags": ["plan:small"] },
        });
        let decide = ["decide", "--config", &config, "-", "--json"];
        let decided = run_portcullis(&decide, &login.to_string()).await?;
        assert_eq!(decided.code, Some(0), "{decided:?}");
        let decided: Value = serde_json::from_str(&decided.stdout)?;
        let shown = |pointer: &str| decided.pointer(pointer).cloned();
        assert_eq!(shown("/new-account/step"), Some(json!("sign")));
        assert_eq!(shown("/new-account/limits/connections"), Some(json!(2)));
        Ok(())
    }

    /// A later request is signed again. A replay of the first one is refused, at both doors.
    async fn undoes_nothing(&self, account: &KeyPair, first: String, issued_at: i64) -> Result<()> {
        let system = self.made.system(&self.server).await?;
        let second = request(account, "team-a", &["plan:small", "second"], issued_at + 30)?;
        let stored = self.post(account, &second).await?;
        assert_eq!(stored.status, 200, "{}", stored.content);
        let replayed = self.post(account, &first).await?;
        assert_eq!(replayed.status, 409, "{}", replayed.content);
        let replayed = system.request(SUBJECT, first.into()).await?;
        assert_eq!(replayed.payload, "denied");
        let claims = at_server(&system, account).await?;
        assert!(claims.nats.tags.iter().any(|tag| tag == "second"));
        Ok(())
    }

    /// Outcomes other than a signature have names, and the client learns none of them.
    async fn names_each_denial(&self) -> Result<()> {
        for (name, tags, class) in [
            ("team-b", &[][..], "policy-denied"),
            ("other", &["plan:small"], "account-not-allowed"),
            ("team-other", &[], "account-not-allowed"),
            ("team-login", &[], "invalid-permit"),
            ("team-traps", &[], "policy-trapped"),
            ("team-spins", &[], "policy-deadline"),
        ] {
            let account = KeyPair::new_account();
            let asked = request(&account, name, tags, now()?)?;
            let answer = self.post(&account, &asked).await?;
            let answer = (answer.status, answer.content.trim());
            assert_eq!(answer, (202, "denied"), "{name}");
            let denied = self.host.decision(name).await?;
            assert_eq!(denied.text("denial.class"), class, "{name}");
        }
        Ok(())
    }

    async fn limits_the_number(&self) -> Result<()> {
        let last = KeyPair::new_account();
        let asked = by_another_library(&last, "team-c", "plan:small")?;
        let stored = self.post(&last, &asked).await?;
        assert_eq!(stored.status, 200, "{}", stored.content);
        let another = KeyPair::new_account();
        let asked = request(&another, "team-d", &["plan:small"], now()?)?;
        let answer = self.post(&another, &asked).await?;
        let answer = (answer.status, answer.content.trim());
        assert_eq!(answer, (202, "not decided; try again later"));
        let denied = self.host.decision("team-d").await?;
        assert_eq!(denied.text("denial.class"), "account-unavailable");
        Ok(())
    }
}
