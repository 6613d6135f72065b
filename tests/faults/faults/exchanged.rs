//! Clients that reconnect while no host runs: with exchanged user JWTs, and by auth callout.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use nkeys::KeyPair;
use portcullis_harness::{Answer, Exchange, Release, Wire};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::load::Tally;
use crate::report::Outcome;

/// The number of clients with exchanged user JWTs, and of clients whose logins a host decides.
const CLIENTS: usize = 500;
/// The number of concurrent exchanges and logins before the fault.
const AT_ONCE: usize = 16;
/// The delay of a client before it tries again.
const PAUSE: Duration = Duration::from_millis(50);
/// The maximum time from the start of the server until the last client is back.
const WITHIN: Duration = Duration::from_secs(30);

/// The way in which a client logs in.
enum Login {
    UserJwt { jwt: String, seed: String },
    Callout(Value),
}

/// A client that is connected.
struct Client {
    login: Login,
    wire: Wire,
}

pub(super) async fn all_hosts_killed() -> Result<Outcome> {
    let mut stage = Exchange::start(Release::Nats2_15).await?;
    let mut second = stage.another_host().await?;
    let token = stage.token("orders:read").await?;
    let sentinel = stage.operator.sentinel.jwt();
    let callout = json!({ "jwt": sentinel, "auth_token": token });
    let port = stage.server.port();
    let (exchanged, decided) = (
        connected(CLIENTS, || async {
            let (jwt, seed) = exchange(&stage, &token).await?;
            Client::connect(Login::UserJwt { jwt, seed }, port).await
        })
        .await?,
        connected(CLIENTS, || {
            Client::connect(Login::Callout(callout.clone()), port)
        })
        .await?,
    );

    stage.host.kill().await?;
    second.kill().await?;
    let start = stage.server.stop().await?;
    let ended = stream::iter(exchanged.into_iter().chain(decided));
    let clients: Vec<_> = ended.then(Client::ended).collect().await;
    let server = start.await?;
    let began = Instant::now();
    let (exchanged, decided): (Vec<_>, Vec<_>) = clients
        .into_iter()
        .partition(|login| matches!(login, Login::UserJwt { .. }));
    let back = exchanged.iter().map(|login| login.comes_back(port));
    let back = timeout(WITHIN, try_join_all(back));
    let refused = try_join_all(decided.iter().map(|login| login.log_in(port)));
    let (back, refused) = tokio::join!(async { (back.await, began.elapsed()) }, refused);
    drop(server);
    Ok(outcome(&back.0, back.1, &refused?))
}

/// Returns the outcome of the clients with exchanged user JWTs, which came `back`, and of those
/// that needed a host.
fn outcome<T, E>(
    back: &Result<Result<Vec<T>>, E>,
    took: Duration,
    decided: &[Option<Wire>],
) -> Outcome {
    let returned = match back {
        Ok(Ok(back)) => back.len(),
        _ => 0,
    };
    let admitted = decided.iter().flatten().count();
    let during = Tally {
        admitted: returned + admitted,
        failed: 2 * CLIENTS - returned - admitted,
    };
    let mut outcome = Outcome {
        before: Tally {
            admitted: 2 * CLIENTS,
            failed: 0,
        },
        during,
        after: Tally::default(),
        first_good: took,
        within: WITHIN,
        watched: Vec::new(),
        broken: Vec::new(),
        notes: String::new(),
    };
    outcome.require(
        returned == CLIENTS,
        "some clients with exchanged user JWTs did not come back",
    );
    outcome.require(admitted == 0, "a client was let in that needs a host");
    outcome.note(&format!(
        "{returned} of {CLIENTS} clients with exchanged user JWTs came back"
    ));
    outcome.note(&format!("{admitted} of {CLIENTS} by auth callout"));
    outcome
}

/// Connects `number` clients, some of them at the same time.
async fn connected<F: Future<Output = Result<Client>>>(
    number: usize,
    connect: impl Fn() -> F,
) -> Result<Vec<Client>> {
    let clients = stream::iter(0..number).map(|_| connect());
    clients.buffer_unordered(AT_ONCE).try_collect().await
}

/// Exchanges `token` for a user JWT of a new key. Returns the JWT and the seed.
async fn exchange(stage: &Exchange, token: &str) -> Result<(String, String)> {
    let key = KeyPair::new_user();
    let nkey = key.public_key();
    let page = stage.connect_request("/core/tokens", token, &nkey).await?;
    ensure!(page.status == 201, "status {}", page.status);
    Ok((page.content, key.seed()?))
}

impl Client {
    async fn connect(login: Login, port: u16) -> Result<Self> {
        let wire = login.log_in(port).await?;
        let wire = wire.context("a client was refused before the fault")?;
        Ok(Self { login, wire })
    }

    /// Waits until the server has closed the connection.
    async fn ended(mut self) -> Login {
        self.wire.ended().await;
        self.login
    }
}

impl Login {
    /// Logs in. Returns the connection, or `None` if the login was refused.
    async fn log_in(&self, port: u16) -> Result<Option<Wire>> {
        let mut wire = Wire::open(port).await?;
        let answer = match self {
            Self::UserJwt { jwt, seed } => {
                let key = KeyPair::from_seed(seed)?;
                wire.log_in_with_jwt(jwt, &key).await?
            }
            Self::Callout(fields) => wire.log_in(fields).await?,
        };
        Ok((answer == Answer::Admitted).then_some(wire))
    }

    /// Logs in until the server accepts it.
    async fn comes_back(&self, port: u16) -> Result<Wire> {
        loop {
            if let Some(wire) = self.log_in(port).await? {
                return Ok(wire);
            }
            sleep(PAUSE).await;
        }
    }
}
