//! The end of a user JWT, and its renewal, with a real exchange.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions};
use portcullis_claims::UserClaims;
use portcullis_connect::{
    Authentication, Connection, ConnectionOptions, ExchangeClient, ExchangeOptions, Secret,
    StoredToken, TokenFuture, TokenSource, connect,
};
use portcullis_harness::{Exchange, Release};

use super::connections::{connections, find};
use super::recorder::{Events, Happened, recorder_of};

/// The lifetime of a user JWT that ends while its connection is up.
const SHORT: Duration = Duration::from_secs(3);

/// The lifetime of a user JWT that is renewed in time, also by a machine that is busy for some
/// seconds: the client renews it after half of it.
const LONG: Duration = Duration::from_secs(8);

/// A stored token, and the number of its uses: each exchange uses it once.
#[derive(Debug)]
struct Counted {
    token: StoredToken,
    uses: Arc<AtomicUsize>,
}

impl TokenSource for Counted {
    fn token(&self) -> TokenFuture<'_> {
        self.uses.fetch_add(1, Ordering::SeqCst);
        self.token.token()
    }
}

/// Verifies that a client whose user JWT has ended is back with another one after one exchange, and
/// that a client that renews before the end never loses its connection to the end.
pub(super) async fn renewal(release: Release) -> Result<()> {
    let mut stage = Exchange::start(release).await?;
    let token = stage.token("orders:read").await?;
    let credentials = stage.operator.system.user("admin")?.credentials()?;
    let system = ConnectOptions::with_credentials(&credentials)?;
    let system = system.connect(stage.server.url()).await?;
    let (short, long) = tokio::join!(
        ended(&stage, &token, &system),
        renewed(&stage, &token, &system)
    );
    short.context("a user jwt that ended")?;
    long.context("a user jwt that was renewed")
}

/// A client without the renewal before the end: its `Connection` is dropped.
async fn ended(stage: &Exchange, token: &str, system: &Client) -> Result<()> {
    let (connection, first, mut events) = client(stage, token, "ended", SHORT).await?;
    let _client = connection.client().clone();
    drop(connection);
    let (event, before) = events.next().await?;
    ensure!(event == Happened::Connected, "{event:?}");
    let (lost, exchanges) = loop {
        match events.next().await? {
            (Happened::Lost(reason), exchanges) => break (reason, exchanges),
            (Happened::Trouble(_), _) => {}
            other => anyhow::bail!("{other:?}"),
        }
    };
    ensure!(lost.contains("authentication expired"), "{lost}");
    ensure!(exchanges == before, "{exchanges} exchanges before the end");
    let ended = Instant::now();
    let back = events.next().await?;
    // The aim is 2 s. The number of exchanges holds the client to it on any machine: it is back
    // before the user JWT of its only exchange ends too, which would cost another exchange.
    let absent = ended.elapsed().as_millis();
    show(absent);
    ensure!(
        back == (Happened::Reconnected, before + 1),
        "{back:?} after {absent} ms"
    );
    ensure!(jti_of(system, "ended").await? != first);
    Ok(())
}

/// Prints the time that a client was absent, in milliseconds.
#[expect(clippy::print_stderr, reason = "a figure for the reader of the run")]
fn show(absent: u128) {
    eprintln!("a client was back {absent} ms after the end of its user jwt");
}

/// A client that renews before the end.
async fn renewed(stage: &Exchange, token: &str, system: &Client) -> Result<()> {
    let (_connection, first, mut events) = client(stage, token, "renewed", LONG).await?;
    let (event, before) = events.next().await?;
    ensure!(event == Happened::Connected, "{event:?}");
    for expected in [
        Happened::Renewed,
        Happened::Lost("the login ends soon".to_owned()),
        Happened::Reconnected,
    ] {
        let event = events.next().await?;
        ensure!(
            event == (expected.clone(), before + 1),
            "{event:?} and not {expected:?}"
        );
    }
    ensure!(jti_of(system, "renewed").await? != first);
    Ok(())
}

/// Connects with an exchanged user JWT. Returns the connection, the id of that JWT, and the events
/// of the connection with the number of exchanges.
async fn client(
    stage: &Exchange,
    token: &str,
    name: &str,
    lifetime: Duration,
) -> Result<(Connection, String, Events)> {
    let uses = Arc::new(AtomicUsize::new(0));
    let tokens = Counted {
        token: StoredToken::new(Secret::new(token)),
        uses: Arc::clone(&uses),
    };
    let exchange = ExchangeClient::new(ExchangeOptions {
        lifetime: Some(lifetime),
        ..ExchangeOptions::new(stage.url(), name, Arc::new(tokens))
    })?;
    let first = jti(exchange.credentials().await?.jwt())?;
    let (hooks, events) = recorder_of(uses);
    let options = ConnectionOptions {
        authentication: Authentication::Renewed(exchange.into()),
        // The policy allows no other.
        inbox_prefix: Some("_INBOX".parse()?),
        hooks,
        ..ConnectionOptions::new(name, vec![stage.server.url()])
    };
    Ok((connect(&options).await?, first, events))
}

/// Returns the id of the user JWT with which the connection `name` has logged in. Waits until the
/// server shows it.
async fn jti_of(system: &Client, name: &str) -> Result<String> {
    loop {
        let shown = connections(system).await?;
        if let Some(jwt) = find(&shown, name).and_then(|shown| shown.get("jwt")?.as_str()) {
            return jti(jwt);
        }
    }
}

fn jti(jwt: &str) -> Result<String> {
    UserClaims::decode(jwt)?.id.context("no id")
}
