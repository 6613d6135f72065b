//! Replacement of the callout's issuer and xkey while clients log in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::ConnectOptions;
use nkeys::{KeyPair, XKey};
use portcullis_harness::{
    Accounts, Answer, Host, NatsServer, Operator, PATIENCE, Release, Resolver, Site, Wire,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::configuration::reload;
use crate::health;
use crate::support::{SENSOR_TOKEN, sensor_site};

/// The pause between two logins, so that the clients leave the processors to the servers.
const PAUSE: Duration = Duration::from_millis(10);

/// Clients that log in at one server, one after the other.
struct Clients {
    stop: Arc<AtomicBool>,
    logins: JoinHandle<Result<Logins>>,
}

/// The results of logins after the first admitted one.
#[derive(Debug, Default)]
struct Logins {
    admitted: u32,
    others: Vec<Answer>,
}

impl Clients {
    /// Starts clients that present the fields of CONNECT. Waits until the first one is admitted,
    /// because a server that has just started has no route to the host yet.
    async fn start(server: &NatsServer, presented: &Value) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (admitted, is_admitted) = oneshot::channel();
        let logins = log_in_often(
            server.port(),
            presented.clone(),
            Arc::clone(&stop),
            admitted,
        );
        let logins = tokio::spawn(logins);
        let waited = timeout(PATIENCE, is_admitted).await;
        waited.context("no client is admitted")??;
        Ok(Self { stop, logins })
    }

    /// Stops the clients. Fails if a login was not admitted.
    async fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let logins = self.logins.await??;
        ensure!(
            logins.others.is_empty() && logins.admitted > 0,
            "logins were lost: {logins:?}"
        );
        Ok(())
    }
}

async fn log_in_often(
    port: u16,
    presented: Value,
    stop: Arc<AtomicBool>,
    admitted: oneshot::Sender<()>,
) -> Result<Logins> {
    let mut admitted = Some(admitted);
    let mut logins = Logins::default();
    let mut pauses = interval(PAUSE);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.load(Ordering::Relaxed) {
        pauses.tick().await;
        let answer = Wire::open(port).await?.log_in(&presented).await?;
        match (answer, admitted.take()) {
            (Answer::Admitted, first) => {
                logins.admitted += 1;
                if let Some(first) = first {
                    // The receiver has given up, which fails the test already.
                    let _ = first.send(());
                }
            }
            (_, Some(waiting)) => admitted = Some(waiting),
            (other, None) => logins.others.push(other),
        }
    }
    Ok(logins)
}

/// The keys of one configuration of the servers.
struct Keys {
    issuer: KeyPair,
    xkey: XKey,
}

impl Keys {
    /// Generates keys, and writes their seeds into the site as `NAME-issuer.nk` and `NAME-xkey.nk`.
    fn generate(site: &Site, name: &str) -> Result<Self> {
        let keys = Self {
            issuer: KeyPair::new_account(),
            xkey: XKey::new(),
        };
        site.write_config(&format!("{name}-issuer.nk"), &keys.issuer.seed()?)?;
        site.write_config(&format!("{name}-xkey.nk"), &keys.xkey.seed()?)?;
        Ok(keys)
    }

    /// Writes the configuration of the server `name`, which expects these keys and belongs to a
    /// cluster.
    fn expected_by(&self, site: &Site, name: &str, route: &str) -> Result<PathBuf> {
        let config = site.server_config(Accounts::Several, &self.issuer.public_key());
        let config = config.replace("portcullis-tests", name).replace(
            "auth_callout {",
            &format!("auth_callout {{ xkey: {},", self.xkey.public_key()),
        );
        let cluster =
            format!("cluster {{ name: one, listen: \"127.0.0.1:-1\", routes: [{route}] }}\n");
        site.write_config(&format!("{name}.conf"), &format!("{config}{cluster}"))
    }
}

/// Returns the address of a server for the routes of others.
async fn route_to(server: &NatsServer) -> Result<String> {
    let port = server.port_for("route connections").await?;
    Ok(format!("\"nats://127.0.0.1:{port}\""))
}

/// Returns the seeds of keys as lines of a configuration.
fn seeds(name: &str) -> String {
    format!("issuer-seed-file = \"{name}-issuer.nk\"\nxkey-seed-file = \"{name}-xkey.nk\"\n")
}

/// Writes the configuration of the host `name` at `url`. Its main keys are `main`, and it has those
/// of `other` for servers that expect them.
fn configure(
    site: &Site,
    name: &str,
    url: &str,
    main: &str,
    other: Option<&str>,
) -> Result<PathBuf> {
    let others = other.map(|other| format!("[callout.other-keys.{other}]\n{}", seeds(other)));
    let tables = format!(
        "state-directory = \"state-{name}\"\n{}\n[health]\nlisten = \"127.0.0.1:0\"\n",
        others.unwrap_or_default()
    );
    let config = site.host_config(url, &tables);
    let config = config.replace("issuer-seed-file = \"keys/issuer.nk\"\n", &seeds(main));
    site.write_config(&format!("{name}.toml"), &config)
}

/// Starts the host of a configuration, and waits until it takes logins.
async fn start(config: &Path) -> Result<Host> {
    let host = Host::spawn(config, &[])?;
    host.ready().await?;
    Ok(host)
}

async fn stop(mut host: Host) -> Result<()> {
    host.ask_to_stop().await?;
    host.ended().await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn servers_move_to_a_new_issuer_and_xkey_one_by_one_and_no_login_is_lost(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let (old, new) = (Keys::generate(&site, "old")?, Keys::generate(&site, "new")?);
    let presented = json!({ "auth_token": SENSOR_TOKEN });
    let first = NatsServer::start(release, &old.expected_by(&site, "first", "")?).await?;
    let route = route_to(&first).await?;
    let second = NatsServer::start(release, &old.expected_by(&site, "second", &route)?).await?;
    let host = start(&configure(&site, "one", &first.url(), "old", None)?).await?;
    let at_first = Clients::start(&first, &presented).await?;
    let at_second = Clients::start(&second, &presented).await?;

    // The host gets the new keys. The second server is restarted with them, while clients log in at
    // the first one.
    let config = configure(&site, "one", &first.url(), "old", Some("new"))?;
    let reloaded = reload(&config).await?;
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    at_second.stop().await?;
    new.expected_by(&site, "second", &route)?;
    let second = second.stop().await?.await?;
    let at_second = Clients::start(&second, &presented).await?;
    let served = host.says("health served").await?;
    for (kind, key) in [
        ("issuer", old.issuer.public_key()),
        ("issuer", new.issuer.public_key()),
        ("xkey", old.xkey.public_key()),
        ("xkey", new.xkey.public_key()),
    ] {
        let name = format!(
            "portcullis_key_last_request_timestamp_seconds{{kind=\"{kind}\",key=\"{key}\"}}"
        );
        assert!(health::metric(served.text("health.address"), &name).await? > 0);
    }

    // The first server is restarted, after a host at the second one has taken over.
    let next = start(&configure(&site, "two", &second.url(), "new", Some("old"))?).await?;
    at_first.stop().await?;
    stop(host).await?;
    new.expected_by(&site, "first", &route_to(&second).await?)?;
    let first = first.stop().await?.await?;
    let at_first = Clients::start(&first, &presented).await?;

    // No server expects the old keys, so the host drops them.
    let config = configure(&site, "two", &second.url(), "new", None)?;
    let reloaded = reload(&config).await?;
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    let later = Clients::start(&first, &presented).await?;
    for clients in [at_first, at_second, later] {
        clients.stop().await?;
    }
    let log = next.log().all();
    assert!(!log.iter().any(|event| event.says("request refused")));
    Ok(())
}

#[rstest]
#[tokio::test]
async fn in_operator_mode_the_callout_accounts_keys_are_replaced_and_no_login_is_lost(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let mut operator = Operator::new(&["APP"])?;
    operator.callout.use_signing_key();
    operator.encrypt();
    operator.write(site.path())?;
    let config = operator.server_config(Resolver::Full, site.path(), "")?;
    let server = site.start_server_with(&config).await?;
    let presented = json!({ "jwt": operator.sentinel.jwt(), "auth_token": SENSOR_TOKEN });

    operator.callout.use_signing_key();
    operator.encrypt();
    operator.write(&site.path().join("new"))?;
    let config = operator.host_config(&server.url(), "");
    let config = site.write_config("portcullis.toml", &config)?;
    let host = start(&config).await?;
    let clients = Clients::start(&server, &presented).await?;

    // The host gets the new xkey. Then the server learns both signing keys and the new xkey.
    let other = "[callout.other-keys.new]\nxkey-seed-file = \"new/keys/curve.nk\"\n";
    fs::write(&config, operator.host_config(&server.url(), other))?;
    let reloaded = reload(&config).await?;
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    let admin = operator.system.user("admin")?;
    let admin = ConnectOptions::with_credentials(&admin.credentials()?)?;
    let admin = admin.connect(server.url()).await?;
    operator.push(&admin, &operator.callout).await?;
    let further = Clients::start(&server, &presented).await?;

    // The host signs with the new key. Then the server forgets the old one.
    for file in ["AUTH.nk", "curve.nk"] {
        let keys = site.path().join("keys").join(file);
        fs::copy(site.path().join("new/keys").join(file), keys)?;
    }
    fs::write(&config, operator.host_config(&server.url(), ""))?;
    let reloaded = reload(&config).await?;
    assert!(
        reloaded
            .stdout
            .contains("in effect: callout.issuer-seed-file"),
        "{reloaded:?}"
    );
    operator.callout.drop_old_signing_keys();
    operator.push(&admin, &operator.callout).await?;
    let last = Clients::start(&server, &presented).await?;
    for clients in [clients, further, last] {
        clients.stop().await?;
    }
    let log = host.log().all();
    assert!(!log.iter().any(|event| event.says("request refused")));
    Ok(())
}
