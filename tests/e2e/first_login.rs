//! Accounts that the host makes at their first login, with real servers.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use portcullis_harness::{
    Answer, Host, Made, NatsServer, PolicyDirectory, Relay, Release, Wire, hash, run_portcullis,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{POLICY, settings, static_users};

/// Accounts of the users in the policy. Each has a token of the same name.
const ACCOUNTS: [&str; 4] = ["tenant-a", "tenant-b", "tenant-c", "other"];

/// A system in operator mode whose callout may place logins in any account.
struct Stage {
    made: Made,
    sentinel: String,
}

impl Stage {
    async fn new(resolver: &str) -> Result<Self> {
        let made = Made::new(&["--resolver", resolver, "--oldest-server", "2.10.26"]).await?;
        made.text("account edit AUTH --allowed-account * --remove-allowed-account APP")
            .await?;
        // The host makes accounts with a signing key, and does not have the operator's own.
        made.text("operator add-key").await?;
        let operator = made.key("operator describe").await?;
        fs::remove_file(made.path("store/keys").join(format!("{operator}.nk")))?;
        let server = made.path("nats-server.conf");
        let jwt = fs::read_to_string(made.path("store/operator.jwt"))?;
        let text = fs::read_to_string(&server)?;
        let own = text.lines().find(|line| line.starts_with("operator: "));
        let text = text.replace(own.context("no operator")?, &format!("operator: {jwt}"));
        fs::write(&server, text.replace("timeout: 2", "timeout: 60"))?;
        if resolver != "url" {
            let preload = made.text("account preload").await?;
            fs::write(made.path("accounts.conf"), preload)?;
        }
        let sentinel = fs::read_to_string(made.path("creds/sentinel.creds"))?;
        let sentinel = sentinel.lines().find(|line| line.starts_with("eyJ"));
        let sentinel = sentinel.context("no sentinel")?.to_owned();
        Ok(Self { made, sentinel })
    }

    /// Starts a host whose connection to the system account goes to `system`. A decision takes at
    /// most `deadline`.
    async fn host(&self, server: &NatsServer, system: &str, deadline: &str) -> Result<Host> {
        let mut users = String::new();
        for account in ACCOUNTS {
            let token = hash(account, &["--token"]).await?;
            writeln!(
                users,
                "[settings.users.{account}]\ntoken = \"{token}\"\naccount = \"{account}\"\nprofile = \"own\""
            )?;
        }
        let policies = PolicyDirectory::create(self.made.path("policies"))?;
        policies.put_policy(POLICY, &static_users()?, &settings(&[users]))?;
        let config = self.made.point_at(server)?;
        let text = fs::read_to_string(&config)?;
        let text = text.replace("deadline = \"1s\"", &format!("deadline = \"{deadline}\""));
        let first_login = format!(
            "\n[operator.first-login]\nnames = [\"tenant-*\"]\nstore = \"store\"\nmax-accounts = 2\n\
             limits = {{ connections = 30, jetstream-disk = \"1MiB\" }}\n\
             [operator.first-login.nats]\nservers = [\"{system}\"]\ncreds-file = \"creds/system.creds\"\n\
             reconnect-wait = \"50ms\"\n"
        );
        fs::write(&config, text + &first_login)?;
        let host = Host::spawn(&config, &[])?;
        host.ready().await?;
        host.says("first logins can make accounts").await?;
        Ok(host)
    }

    async fn log_in(
        &self,
        server: &NatsServer,
        account: &str,
        name: &str,
    ) -> Result<(Wire, Answer)> {
        let mut wire = Wire::open(server.port()).await?;
        let fields = json!({ "jwt": self.sentinel, "auth_token": account, "name": name });
        let answer = wire.log_in(&fields).await?;
        Ok((wire, answer))
    }

    /// Returns the accounts of the store whose names begin with `tenant-`, with their keys.
    async fn tenants(&self) -> Result<Vec<(String, String)>> {
        let listed = self.made.text("account list --json").await?;
        let listed: Vec<Value> = serde_json::from_str(&listed)?;
        let text =
            |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        let all = listed
            .iter()
            .map(|entry| (text(entry, "name"), text(entry, "key")));
        Ok(all
            .filter(|(name, _)| name.starts_with("tenant-"))
            .collect())
    }
}

#[rstest]
#[tokio::test]
async fn the_first_login_of_a_tenant_makes_its_account(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::new("full").await?;
    let server = stage.made.start_server(release).await?;
    let host = stage.host(&server, &server.url(), "30s").await?;

    // Without a server, `decide` shows the account that the login would make.
    let config = stage.made.path("portcullis.toml").display().to_string();
    let decide = [
        "decide", "--config", &config, "--token", "tenant-a", "--json",
    ];
    let decided = run_portcullis(&decide, "").await?;
    assert_eq!(decided.code, Some(0), "{decided:?}");
    let decided: Value = serde_json::from_str(&decided.stdout)?;
    let made = &decided["new-account"];
    assert_eq!(
        (&made["name"], &made["step"]),
        (&json!("tenant-a"), &json!("make"))
    );
    assert_eq!(made["limits"]["connections"], 30);
    assert_eq!(decided["server"]["accepts"], true);
    assert!(stage.tenants().await?.is_empty());

    // Logins at once make one account.
    let logins = (0..20).map(|number| {
        let stage = &stage;
        let server = &server;
        async move {
            stage
                .log_in(server, "tenant-a", &format!("first-{number}"))
                .await
        }
    });
    let mut logins = try_join_all(logins).await?;
    for (_, answer) in &logins {
        assert_eq!(*answer, Answer::Admitted);
    }
    let tenants = stage.tenants().await?;
    let [(name, key)] = tenants.as_slice() else {
        panic!("{tenants:?}");
    };
    assert_eq!(name, "tenant-a");
    let permitted = host.decision("first-0").await?;
    assert_eq!(permitted.text("account"), "tenant-a");
    // The login has the permissions of the policy.
    let (wire, _) = logins.first_mut().context("no login")?;
    for (subject, allowed) in [("alice.x", true), ("bob.x", false)] {
        wire.say(&format!("SUB {subject} 1\r\n")).await?;
        assert_eq!(
            wire.answer().await? == Answer::Admitted,
            allowed,
            "{subject}"
        );
    }

    // The server has the account, with the limits of the configuration.
    let system = stage.made.path("creds/system.creds");
    let system = stage.made.log_in(&server, &system).await?;
    let subject = format!("$SYS.REQ.ACCOUNT.{key}.CLAIMS.LOOKUP");
    let jwt = system.request(subject, "".into()).await?;
    let claims = portcullis_claims::AccountClaims::decode(str::from_utf8(&jwt.payload)?)?;
    assert_eq!(claims.nats.limits.connections, 30);
    assert_eq!(claims.nats.limits.jetstream.disk_storage, 1 << 20);
    let signer = claims
        .nats
        .signing_keys
        .iter()
        .next()
        .context("no signing key")?;
    for seed in [key, signer.0] {
        let seed = stage.made.path("store/keys").join(format!("{seed}.nk"));
        assert_eq!(fs::metadata(seed)?.permissions().mode() & 0o777, 0o600);
    }

    // The next login makes no account. Names and caps refuse others.
    let (_, answer) = stage.log_in(&server, "tenant-a", "again").await?;
    assert_eq!(answer, Answer::Admitted);
    assert_eq!(stage.tenants().await?, tenants);
    let (_, answer) = stage.log_in(&server, "other", "other").await?;
    assert_ne!(answer, Answer::Admitted);
    let denied = host.decision("other").await?;
    assert_eq!(denied.text("denial.class"), "account-not-allowed");
    let (_, answer) = stage.log_in(&server, "tenant-b", "second").await?;
    assert_eq!(answer, Answer::Admitted);
    let (_, answer) = stage.log_in(&server, "tenant-c", "third").await?;
    assert_ne!(answer, Answer::Admitted);
    let denied = host.decision("third").await?;
    assert_eq!(denied.text("denial.class"), "account-unavailable");
    assert!(
        denied.text("denial.reason").contains("max-accounts"),
        "{denied:?}"
    );
    assert_eq!(stage.tenants().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_login_whose_server_confirms_too_late_is_denied_and_the_next_one_is_let_in() -> Result<()>
{
    let stage = Stage::new("full").await?;
    let server = stage.made.start_server(Release::Nats2_15).await?;
    let relay = Relay::start(server.port()).await?;
    let host = stage.host(&server, &relay.url(), "3s").await?;
    relay.cut("portcullis-accounts");
    let (_, answer) = stage.log_in(&server, "tenant-a", "early").await?;
    assert_ne!(answer, Answer::Admitted);
    let denied = host.decision("early").await?;
    assert_eq!(denied.text("denial.class"), "account-unavailable");
    relay.cut("no client");
    // The host reconnects meanwhile.
    let mut number = 0;
    loop {
        let (_, answer) = stage
            .log_in(&server, "tenant-a", &format!("later-{number}"))
            .await?;
        if answer == Answer::Admitted {
            break;
        }
        number += 1;
        ensure!(number < 60, "no login is let in");
    }
    assert_eq!(stage.tenants().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_server_that_looks_accounts_up_gets_them_from_the_resolver() -> Result<()> {
    let stage = Stage::new("url").await?;
    let (_first, address) = Host::resolver(&stage.made.path("store"), &[]).await?;
    let file = stage.made.path("nats-server.conf");
    let text = fs::read_to_string(&file)?;
    fs::write(&file, text.replace("127.0.0.1:9090", &address))?;
    let server = stage.made.start_server(Release::Nats2_15).await?;
    // Its port is known only now.
    let creds = stage.made.path("creds/system.creds").display().to_string();
    let arguments = ["--server", &server.url(), "--creds", &creds];
    let (second, _) = Host::resolver(&stage.made.path("store"), &arguments).await?;
    second.says("accounts served over nats").await?;
    let _host = stage.host(&server, &server.url(), "30s").await?;
    let (_, answer) = stage.log_in(&server, "tenant-a", "first").await?;
    assert_eq!(answer, Answer::Admitted);
    Ok(())
}
