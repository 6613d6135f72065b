//! The resolver with real servers: at a URL, and over NATS.

mod others;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::Client;
use futures::StreamExt as _;
use portcullis_claims::{AccountClaims, KeyKind, OperatorClaims, SigningKey};
use portcullis_harness::{Authority, Host, Made, NatsServer, PATIENCE, Page, Release};
use rstest::rstest;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;

/// A store, servers' configuration and credentials of `init --mode operator --resolver url`, with
/// a user.
struct Stage {
    made: Made,
    worker: PathBuf,
}

impl Stage {
    async fn new() -> Result<Self> {
        let made = Made::new(&["--resolver", "url", "--oldest-server", "2.10.26"]).await?;
        let worker = made.path("worker.creds");
        let creds = worker.display();
        made.text(&format!("user add worker --account APP --creds {creds}"))
            .await?;
        Ok(Self { made, worker })
    }

    async fn server_at(&self, release: Release, address: &str) -> Result<NatsServer> {
        let url = format!("URL(http://{address}/jwt/v1/accounts/)");
        self.server(release, &url).await
    }

    /// Starts a server whose resolver is `resolver`.
    async fn server(&self, release: Release, resolver: &str) -> Result<NatsServer> {
        let made = &self.made;
        made.start_server_with(release, "started.conf", resolver)
            .await
    }

    async fn log_in(&self, server: &NatsServer) -> Result<Client> {
        self.made.log_in(server, &self.worker).await
    }

    /// Revokes the user in the account's next version, which the resolver does not have yet.
    async fn revoking_jwt(&self) -> Result<String> {
        let key = self.made.account_key("APP").await?;
        let file = self.made.path("store/accounts").join(key + ".jwt");
        let before = fs::read(&file)?;
        self.made.text("user revoke worker --account APP").await?;
        let revoking = self.made.account_jwt("APP").await?;
        fs::write(&file, before)?;
        Ok(revoking)
    }
}

async fn post(address: &str, key: &str, jwt: &str) -> Result<Page> {
    Page::post(address, &format!("/jwt/v1/accounts/{key}"), &[], jwt).await
}

#[rstest]
#[tokio::test]
async fn servers_start_from_the_resolver_and_go_on_without_it(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::new().await?;
    let (mut resolver, address) = stage.made.start_resolver(&[]).await?;
    let server = stage.server_at(release, &address).await?;
    stage.log_in(&server).await?;
    resolver.ask_to_stop().await?;
    assert_eq!(resolver.ended().await?, Some(0));
    // The server has the account, and keeps it.
    stage.log_in(&server).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_starts_from_a_resolver_with_tls() -> Result<()> {
    let stage = Stage::new().await?;
    let authority = Authority::create(&stage.made.path("tls"))?;
    let certificate = authority.issue("resolver")?;
    let (file, key) = (&certificate.file, &certificate.key_file);
    let (file, key) = (file.display().to_string(), key.display().to_string());
    let arguments = ["--tls-cert", &file, "--tls-key", &key];
    let (_resolver, address) = stage.made.start_resolver(&arguments).await?;
    let resolver = format!(
        "URL(https://{address}/jwt/v1/accounts/)\nresolver_tls: {{ ca_file: {:?} }}",
        authority.file
    );
    let server = stage.server(Release::Nats2_15, &resolver).await?;
    stage.log_in(&server).await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_revocation_reaches_clients_and_no_replay_undoes_it(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::new().await?;
    let (_first, address) = stage.made.start_resolver(&[]).await?;
    let server = stage.server_at(release, &address).await?;
    // Two resolvers may use one store. This one knows the server, whose port is known only now.
    let (_second, address) = stage.made.start_connected_resolver(&server, &[]).await?;
    let system = stage.made.system(&server).await?;
    let key = stage.made.account_key("APP").await?;
    let mut disconnects = system
        .subscribe(format!("$SYS.ACCOUNT.{key}.DISCONNECT"))
        .await?;
    system.flush().await?;
    let _worker = stage.log_in(&server).await?;
    let (first, revoking) = (
        stage.made.account_jwt("APP").await?,
        stage.revoking_jwt().await?,
    );

    let stored = post(&address, &key, &revoking).await?;
    assert_eq!(stored.status, 200, "{stored:?}");
    let told = stored.content.contains(": jwt updated");
    assert!(told && stored.content.starts_with("stored; "), "{stored:?}");
    let event = timeout(PATIENCE, disconnects.next()).await?;
    let event: Value = serde_json::from_slice(&event.context("no event")?.payload)?;
    assert_eq!(event["reason"], "Credentials Revoked", "{event:#}");
    assert!(stage.log_in(&server).await.is_err());

    let replay = post(&address, &key, &first).await?;
    assert_eq!(replay.status, 409, "{replay:?}");
    assert!(stage.log_in(&server).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_change_of_the_store_reaches_clients_without_a_request() -> Result<()> {
    let stage = Stage::new().await?;
    let (_first, address) = stage.made.start_resolver(&[]).await?;
    let server = stage.server_at(Release::Nats2_15, &address).await?;
    let (_second, _) = stage.made.start_connected_resolver(&server, &[]).await?;
    let system = stage.made.system(&server).await?;
    let key = stage.made.account_key("APP").await?;
    let mut disconnects = system
        .subscribe(format!("$SYS.ACCOUNT.{key}.DISCONNECT"))
        .await?;
    system.flush().await?;
    let _worker = stage.log_in(&server).await?;
    let revoke = async || stage.made.text("user revoke worker --account APP").await;
    revoke().await?;
    // A version that the resolver saw when it started is not announced, so another one follows.
    let event = timeout(PATIENCE, async {
        loop {
            let next = timeout(Duration::from_secs(10), disconnects.next());
            match next.await {
                Ok(event) => return event.context("no event"),
                Err(_) => revoke().await?,
            };
        }
    });
    let event: Value = serde_json::from_slice(&event.await??.payload)?;
    assert_eq!(event["reason"], "Credentials Revoked", "{event:#}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_server_with_a_cache_has_its_accounts_over_nats(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::new().await?;
    let directory = stage.made.path("cache");
    let (key, jwt) = (
        stage.made.account_key("SYS").await?,
        stage.made.account_jwt("SYS").await?,
    );
    let cache = format!(
        "{{ type: cache, dir: {directory:?}, ttl: \"1h\" }}\nresolver_preload: {{ {key}: {jwt} }}"
    );
    let server = stage.server(release, &cache).await?;
    let (mut resolver, _) = stage.made.start_connected_resolver(&server, &[]).await?;
    stage.log_in(&server).await?;
    resolver.kill().await?;
    stage.log_in(&server).await?;
    Ok(())
}

#[tokio::test]
async fn a_service_decides_about_an_account_that_signed_itself() -> Result<()> {
    let stage = Stage::new().await?;
    let (_first, address) = stage.made.start_resolver(&[]).await?;
    let server = stage.server_at(Release::Nats2_15, &address).await?;
    let signing = ["--sign-subject", "accounts.sign", "--sign-timeout", "9s"];
    let (_second, address) = stage
        .made
        .start_connected_resolver(&server, &signing)
        .await?;

    let operator = stage.made.key("operator describe").await?;
    let seed = stage.made.path("store/keys").join(format!("{operator}.nk"));
    let operator = SigningKey::from_seed(&fs::read_to_string(seed)?, KeyKind::Operator)?;
    let system = stage.made.system(&server).await?;
    let mut requests = system.subscribe("accounts.sign").await?;
    system.flush().await?;
    let answered = async {
        let request = requests.next().await.context("no request")?;
        let mut claims = AccountClaims::decode(str::from_utf8(&request.payload)?)?;
        claims.nats.limits.connections = 5;
        let reply = request.reply.context("no reply subject")?;
        system
            .publish(reply, claims.sign(&operator)?.into())
            .await?;
        anyhow::Ok(())
    };
    let seed = nkeys::KeyPair::new_account().seed()?;
    let own = SigningKey::from_seed(&seed, KeyKind::Account)?;
    let claims = AccountClaims::new(own.public_key(), 1_795_300_862);
    let requested = claims.sign(&own)?;
    let posted = post(&address, own.public_key(), &requested);
    let (stored, ()) = timeout(PATIENCE, async { tokio::try_join!(posted, answered) }).await??;
    assert_eq!(stored.status, 200, "{stored:?}");
    let file = format!("store/accounts/{}.jwt", own.public_key());
    let stored = fs::read_to_string(stage.made.path(&file))?;
    let stored = AccountClaims::decode(stored.trim())?;
    assert_eq!(stored.issuer.as_deref(), Some(operator.public_key()));
    assert_eq!(stored.nats.limits.connections, 5);
    Ok(())
}

#[tokio::test]
async fn a_resolver_that_is_killed_keeps_every_acknowledged_version() -> Result<()> {
    const ROUNDS: u64 = 200;
    const NOW: u64 = 1_795_300_862;
    let home = tempfile::tempdir()?;
    let operator = nkeys::KeyPair::new_operator().seed()?;
    let operator = SigningKey::from_seed(&operator, KeyKind::Operator)?;
    let claims = OperatorClaims::new(operator.public_key(), NOW).sign(&operator)?;
    fs::write(home.path().join("operator.jwt"), claims)?;
    fs::create_dir(home.path().join("accounts"))?;
    let account = nkeys::KeyPair::new_account().public_key();
    let mut issued = NOW;
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let (mut resolver, address) = Host::resolver(home.path(), &[]).await?;
        let began = Notify::new();
        let writes = async {
            loop {
                issued += 1;
                let jwt = AccountClaims::new(&account, issued).sign(&operator)?;
                let Ok(page) = post(&address, &account, &jwt).await else {
                    return anyhow::Ok(());
                };
                ensure!(page.status == 200 || page.status == 429, "{page:?}");
                if page.status == 200 {
                    acknowledged = issued;
                    began.notify_one();
                }
            }
        };
        // Later in each of 40 rounds, so that the signal meets different steps of a write.
        let kill = async {
            began.notified().await;
            tokio::time::sleep(Duration::from_micros(round % 40 * 400)).await;
            resolver.kill().await
        };
        timeout(PATIENCE, async { tokio::try_join!(writes, kill) }).await??;
        let (_resolver, address) = Host::resolver(home.path(), &[]).await?;
        let path = format!("/jwt/v1/accounts/{account}");
        let page = Page::get(&address, &path, &[]).await?;
        // The text is a whole JWT with a good signature.
        let served = AccountClaims::decode(&page.content).context(page.content.clone())?;
        let served = served.issued_at.unwrap_or_default();
        // The last write may be on disk without an acknowledgement.
        let is_kept = served == acknowledged || served == issued;
        assert!(is_kept, "{served}, acknowledged was {acknowledged}");
    }
    Ok(())
}
