//! The system that `init` makes, and the resolver of its accounts.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use nkeys::KeyPair;
use portcullis_claims::{AccountClaims, ActivationClaims, KeyKind, ShareKind, SigningKey};
use portcullis_harness::{Host, Made, NatsServer, Page, Release, run_portcullis, unix_now};
use portcullis_system::SystemEvent;
use tokio::process::Command;

use super::system::Seen;
use super::tap::Tap;
use crate::suite::Results;

/// The proof of writes, as `--bearer-file` has it and as requests present it.
const BEARER: &str = "bearer-of-the-tests-of-accounts";
const PROOF: (&str, &str) = ("authorization", "Bearer bearer-of-the-tests-of-accounts");

/// A store, a server that has its accounts from a resolver through a tap, and another resolver,
/// which is connected to that server.
struct Stage {
    made: Made,
    release: Release,
    /// The public key of the account `APP`.
    key: String,
    tap: Tap,
    server: NatsServer,
    /// The address of the resolver that is connected.
    address: String,
    _resolvers: [Host; 2],
}

/// Runs the rows 1 to 8.
pub(super) async fn act(release: Release, results: Results) -> Result<()> {
    let stage = Stage::start(release).await?;
    results.row(1, stage.bootstrap()).await;
    results.row(2, stage.lookup()).await;
    results.row(3, stage.routes()).await;
    results.row(4, stage.trust()).await;
    results.row(5, stage.notification()).await;
    results.row(6, stage.replay()).await;
    results.row(7, stage.cache()).await;
    results.row(8, stage.activations()).await;
    Ok(())
}

impl Stage {
    async fn start(release: Release) -> Result<Self> {
        let made = Made::new(&["--resolver", "url", "--oldest-server", "2.10.26"]).await?;
        // It has expired when the row about routes asks for it.
        made.text("account add BRIEF --expires 1s").await?;
        for user in ["worker", "keeper"] {
            let creds = made.path(&format!("{user}.creds"));
            let creds = creds.display();
            made.text(&format!("user add {user} --account APP --creds {creds}"))
                .await?;
        }
        let bearer = made.path("bearer");
        fs::write(&bearer, BEARER)?;
        let (first, address) = made.start_resolver(&[]).await?;
        let tap = Tap::start(&address).await?;
        let url = format!("URL(http://{}/jwt/v1/accounts/)", tap.address());
        let server = made.start_server_with(release, "url.conf", &url).await?;
        // The port of the server is known only now. Two resolvers may use one store.
        let bearer = bearer.display().to_string();
        let arguments = ["--bearer-file", &bearer, "--activations"];
        let (second, address) = made.start_connected_resolver(&server, &arguments).await?;
        Ok(Self {
            key: made.account_key("APP").await?,
            made,
            release,
            tap,
            server,
            address,
            _resolvers: [first, second],
        })
    }

    /// Verifies that the server accepts what `init` writes, that a login is an event for the system
    /// user, and that a store of nsc is taken over.
    async fn bootstrap(&self) -> Result<()> {
        let config = self.made.path("nats-server.conf");
        let tested = Command::new(self.release.program()?)
            .arg("-t")
            .arg("-c")
            .arg(config)
            .stderr(Stdio::piped())
            .output()
            .await?;
        let said = String::from_utf8_lossy(&tested.stderr);
        ensure!(tested.status.success(), "{said}");

        let mut seen = Seen::start(&self.made, &self.server).await?;
        self.log_in("worker").await?;
        seen.find("the login", |event| match event {
            SystemEvent::Connect(event) => (event.client.account == self.key).then_some(()),
            _ => None,
        })
        .await?;

        let nsc = self.made.path("nsc").display().to_string();
        self.made.text(&format!("export nsc {nsc}")).await?;
        let second = self.made.path("second").display().to_string();
        let import = ["import", "nsc", &nsc, "--store", &second];
        let imported = run_portcullis(&import, "").await?;
        ensure!(imported.code == Some(0), "{imported:?}");
        let list = ["account", "list", "--store", &second];
        let listed = run_portcullis(&list, "").await?;
        ensure!(listed.stdout.contains(&self.key), "{listed:?}");
        Ok(())
    }

    /// Verifies that the server has probed the resolver once, and asked once for an account in use.
    async fn lookup(&self) -> Result<()> {
        for _ in 0..2 {
            self.log_in("worker").await?;
        }
        let count = |account: &str| self.tap.count(&format!("/jwt/v1/accounts/{account}"));
        ensure!(count("") == 1, "{} probes", count(""));
        ensure!(count(&self.key) == 1, "{} lookups", count(&self.key));
        let system = self.made.account_key("SYS").await?;
        ensure!(count(&system) > 0, "no lookup of the system account");
        Ok(())
    }

    /// Verifies routes, queries and caching.
    async fn routes(&self) -> Result<()> {
        let path = format!("/jwt/v1/accounts/{}", self.key);
        let jwt = self.made.account_jwt("APP").await?;
        let probe = self.get("/jwt/v1/accounts/", 200).await?;
        expect_field(
            &probe,
            "cache-control",
            "no-cache, no-store, must-revalidate",
        )?;
        let account = self.get(&path, 200).await?;
        ensure!(account.content == jwt, "{account:?}");
        expect_field(&account, "content-type", "application/jwt")?;
        // The JWT never expires.
        let caching = "max-age=0, stale-while-revalidate=3600, stale-if-error=3600";
        expect_field(&account, "cache-control", caching)?;
        let tag = account.field("etag").context("no tag")?;
        let known = Page::get(&self.address, &path, &[("if-none-match", tag)]).await?;
        ensure!(known.status == 304, "{known:?}");

        let text = self.get(&format!("{path}?text=true"), 200).await?;
        expect_field(&text, "content-type", "text/plain")?;
        let decoded = self.get(&format!("{path}?decode=true"), 200).await?;
        ensure!(decoded.content.contains("\"iat\": "), "{decoded:?}");
        self.get(&format!("{path}?check=true"), 200).await?;
        self.get(&format!("{path}?jti=A"), 501).await?;
        let brief = self.made.account_key("BRIEF").await?;
        let brief = format!("/jwt/v1/accounts/{brief}");
        self.get(&brief, 200).await?;
        let checked = format!("{brief}?check=true");
        while Page::get(&self.address, &checked, &[]).await?.status != 404 {}
        let unknown = KeyPair::new_account().public_key();
        self.get(&format!("/jwt/v1/accounts/{unknown}"), 404)
            .await?;

        let notify = format!("{path}?notify=true");
        self.get(&notify, 401).await?;
        let notified = Page::get(&self.address, &notify, &[PROOF]).await?;
        ensure!(notified.status == 200, "{notified:?}");
        let operator = self.get("/jwt/v1/operator?decode=true", 200).await?;
        let name = "\"name\": \"OPERATOR\"";
        ensure!(operator.content.contains(name), "{operator:?}");
        let pack = Page::get(&self.address, "/jwt/v1/pack?max=1", &[PROOF]).await?;
        ensure!(pack.content.lines().count() == 1, "{pack:?}");
        let pack = Page::get(&self.address, "/jwt/v1/pack?max=10001", &[PROOF]).await?;
        ensure!(pack.status == 400, "{pack:?}");
        self.get("/jwt/v1/help", 200).await?;
        self.get("/healthz", 200).await?;
        Ok(())
    }

    /// Verifies that the store keeps its version unless the operator signed the other one, and the
    /// client proves itself.
    async fn trust(&self) -> Result<()> {
        let stored = self.made.account_jwt("APP").await?;
        let later = unix_now() + 60;
        let signer = |key: KeyPair, kind| anyhow::Ok(SigningKey::from_seed(&key.seed()?, kind)?);
        let stranger = signer(KeyPair::new_operator(), KeyKind::Operator)?;
        let itself = KeyPair::new_account();
        let own_path = format!("/jwt/v1/accounts/{}", itself.public_key());
        let own = AccountClaims::new(&itself.public_key(), later);
        let own = own.sign(&signer(itself, KeyKind::Account)?)?;
        let forged = AccountClaims::new(&self.key, later).sign(&stranger)?;
        let path = format!("/jwt/v1/accounts/{}", self.key);
        let system = self.made.account_jwt("SYS").await?;
        for (path, body, problem) in [
            (&path, "not a jwt", "bad JWT in request"),
            (&path, &forged, "untrusted issuer"),
            (&path, &system, "pub keys don't match"),
            (&own_path, &own, "signing service not enabled"),
        ] {
            let refused = Page::post(&self.address, path, &[PROOF], body).await?;
            ensure!(refused.status == 400, "{problem}: {refused:?}");
            ensure!(refused.content.contains(problem), "{problem}: {refused:?}");
        }
        let unproved = Page::post(&self.address, &path, &[], &stored).await?;
        ensure!(unproved.status == 401, "{unproved:?}");
        let served = self.get(&path, 200).await?;
        ensure!(served.content == stored, "{served:?}");
        let again = Page::post(&self.address, &path, &[PROOF], &stored).await?;
        ensure!(again.status == 200, "{again:?}");
        Ok(())
    }

    /// Verifies that a revocation closes the connection of its user, and that the answer reports
    /// what the server says.
    async fn notification(&self) -> Result<()> {
        let mut seen = Seen::start(&self.made, &self.server).await?;
        let _worker = self.log_in("worker").await?;
        fs::write(self.earlier(), self.made.account_jwt("APP").await?)?;
        self.made.text("user revoke worker --account APP").await?;
        let revoking = self.made.account_jwt("APP").await?;
        let path = format!("/jwt/v1/accounts/{}", self.key);
        let stored = Page::post(&self.address, &path, &[PROOF], &revoking).await?;
        ensure!(stored.content.contains(": jwt updated"), "{stored:?}");
        let reason = seen
            .find("the end of the connection", |event| match event {
                SystemEvent::Disconnect(event) if event.client.account == self.key => {
                    (event.reason != "Client Closed").then(|| event.reason.clone())
                }
                _ => None,
            })
            .await?;
        ensure!(reason == "Credentials Revoked", "{reason}");
        ensure!(self.log_in("worker").await.is_err(), "the user came back");
        Ok(())
    }

    /// Verifies that the version before the revocation is refused, and that the user stays out.
    async fn replay(&self) -> Result<()> {
        let earlier = fs::read_to_string(self.earlier())?;
        let path = format!("/jwt/v1/accounts/{}", self.key);
        let replayed = Page::post(&self.address, &path, &[PROOF], &earlier).await?;
        ensure!(replayed.status == 409, "{replayed:?}");
        ensure!(self.log_in("worker").await.is_err(), "the user came back");
        Ok(())
    }

    /// Verifies that a server with a cache has its accounts from a resolver over NATS, and keeps
    /// them without it.
    async fn cache(&self) -> Result<()> {
        let directory = self.made.path("cache").display().to_string();
        let key = self.made.account_key("SYS").await?;
        let jwt = self.made.account_jwt("SYS").await?;
        let cache = format!(
            "{{ type: cache, dir: {directory:?}, ttl: \"1h\" }}\n\
             resolver_preload: {{ {key}: {jwt} }}"
        );
        let server = self
            .made
            .start_server_with(self.release, "cache.conf", &cache)
            .await?;
        let (mut resolver, _) = self.made.start_connected_resolver(&server, &[]).await?;
        let keeper = self.made.path("keeper.creds");
        self.made.log_in(&server, &keeper).await?;
        resolver.kill().await?;
        self.made.log_in(&server, &keeper).await?;
        Ok(())
    }

    /// Verifies that the activation of an account is stored by its hash, and that of a stranger is
    /// refused.
    async fn activations(&self) -> Result<()> {
        let seed = self
            .made
            .path("store/keys")
            .join(format!("{}.nk", self.key));
        let seed = KeyPair::from_seed(fs::read_to_string(seed)?.trim())?;
        let importer = KeyPair::new_account().public_key();
        let sign = |key: &KeyPair| {
            let signer = SigningKey::from_seed(&key.seed()?, KeyKind::Account)?;
            let kind = ShareKind::Stream;
            let claims = ActivationClaims::new(&importer, "orders.*", kind, unix_now());
            anyhow::Ok(claims.sign(&signer)?)
        };
        let path = "/jwt/v1/activations";
        let forged = sign(&KeyPair::new_account())?;
        let refused = Page::post(&self.address, path, &[PROOF], &forged).await?;
        ensure!(refused.content.contains("untrusted issuer"), "{refused:?}");
        let activation = sign(&seed)?;
        let unproved = Page::post(&self.address, path, &[], &activation).await?;
        ensure!(unproved.status == 401, "{unproved:?}");
        let stored = Page::post(&self.address, path, &[PROOF], &activation).await?;
        ensure!(stored.status == 200, "{stored:?}");
        let path = format!("{path}/{}", stored.content.trim());
        let served = self.get(&path, 200).await?;
        ensure!(served.content == activation, "{served:?}");
        Ok(())
    }

    async fn log_in(&self, user: &str) -> Result<async_nats::Client> {
        let creds = self.made.path(&format!("{user}.creds"));
        self.made.log_in(&self.server, &creds).await
    }

    /// The version of the account before the revocation.
    fn earlier(&self) -> std::path::PathBuf {
        self.made.path("earlier.jwt")
    }

    async fn get(&self, path: &str, status: u16) -> Result<Page> {
        let page = Page::get(&self.address, path, &[]).await?;
        ensure!(page.status == status, "`{path}`: {page:?}");
        Ok(page)
    }
}

fn expect_field(page: &Page, name: &str, expected: &str) -> Result<()> {
    ensure!(page.field(name) == Some(expected), "{page:?}");
    Ok(())
}
