//! The memory of idle logins that wait for their renewal, without sockets.

use std::sync::Arc;

use anyhow::{Context, Result};
use nats_token::UserClaims;
use nkeys::KeyPair;
use portcullis_bench::{Row, Spread};
use portcullis_connect::{
    Authentication, ConnectionOptions, ExchangeClient, ExchangeOptions, ExchangeProtocol,
    HttpClient, HttpFuture, HttpOptions, HttpRequest, HttpResponse, IdleLogin, Secret, StoredToken,
};
use portcullis_harness::{Gauge, unix_now};
use serde_json::Value;

/// The number of connections.
const CONNECTIONS: u32 = 10_000;

/// The lifetime of user JWTs, in seconds: none is renewed during the measurement.
const LIFETIME: u64 = 3600;

/// An exchange that issues user JWTs, without a network.
#[derive(Debug)]
struct Issuing {
    /// The seed of the account.
    seed: String,
}

impl HttpClient for Issuing {
    fn post(&self, request: HttpRequest) -> HttpFuture<'_> {
        let (status, body) = match self.issue(request.body.expose()) {
            Ok(jwt) => (201, jwt),
            Err(error) => (500, error.to_string()),
        };
        let answer = HttpResponse {
            status,
            retry_after: None,
            body: Secret::new(body),
        };
        Box::pin(async move { Ok(answer) })
    }
}

impl Issuing {
    fn issue(&self, body: &str) -> Result<String> {
        let body: Value = serde_json::from_str(body)?;
        let nkey = body.get("user_pub_key").and_then(Value::as_str);
        let nkey = nkey.context("no public key")?.to_owned();
        let mut claims = UserClaims::new(nkey).context("no user key")?;
        claims.claims.expires = (unix_now() + LIFETIME).try_into()?;
        Ok(claims.encode(&KeyPair::from_seed(&self.seed)?)?)
    }

    /// Creates a client with a key of its own.
    fn client(self: &Arc<Self>) -> Result<ExchangeClient> {
        let tokens = Arc::new(StoredToken::new(Secret::new("a-token")));
        Ok(ExchangeClient::new(ExchangeOptions {
            protocol: ExchangeProtocol::Core,
            http: HttpOptions {
                client: Arc::clone(self) as Arc<dyn HttpClient>,
                ..HttpOptions::default()
            },
            ..ExchangeOptions::new("https://exchange.example", "measured", tokens)
        })?)
    }
}

/// Returns the memory of a connection, with an exchange client of its own and with one for all.
pub(crate) async fn rows() -> Result<[Row; 2]> {
    let issuing = Arc::new(Issuing {
        seed: KeyPair::new_account().seed()?,
    });
    // The first ones stay, because the second ones would use their memory again.
    let (own, _own) = measure(|| issuing.client()).await?;
    let shared = issuing.client()?;
    let (shared, _shared) = measure(|| Ok(shared.clone())).await?;
    let row = |whose: &str, each| {
        let name = format!("{CONNECTIONS} idle logins, {whose} exchange client: memory of one");
        let spread = Spread::of(vec![each]).context("nothing was measured")?;
        anyhow::Ok(Row::new(name, spread, "KiB"))
    };
    Ok([row("each with an", own)?, row("all with one", shared)?])
}

/// Returns the memory of one idle login with the exchange client that `client` returns, in KiB, and
/// all of the logins.
async fn measure(client: impl Fn() -> Result<ExchangeClient>) -> Result<(f64, Vec<IdleLogin>)> {
    let used = || anyhow::Ok(Gauge::of(std::process::id())?.memory);
    let before = used()?;
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        let servers = vec!["nats://127.0.0.1:4222".to_owned()];
        let options = ConnectionOptions {
            authentication: Authentication::Renewed(client()?.into()),
            ..ConnectionOptions::new("measured", servers)
        };
        idle.push(IdleLogin::start(options).await?);
    }
    let more = u32::try_from(used()?.saturating_sub(before))?;
    Ok((f64::from(more) / f64::from(CONNECTIONS), idle))
}
