//! Logins and tokens of the crate.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nats_token::UserClaims;
use nkeys::KeyPair;
use portcullis_connect::{
    Authentication, ClientCredentials, ClientCredentialsOptions, ClientSecret, ConnectionOptions,
    ExchangeClient, ExchangeOptions, ExchangeProtocol, RenewalOptions, Retries, Secret,
    StoredToken, TokenEndpointOptions, TokenSource as _, UserCredentials, connect,
};
use portcullis_environment::ManualClock;
use portcullis_harness::{Operator, Release, Resolver, Site, unix_now};
use serde_json::{Value, json};

use super::connections::nowhere;
use super::service::{Service, is_authorized};
use crate::stage::{expect, user_info};

/// The lifetime of tokens and user JWTs, in seconds.
const LIFETIME: u64 = 300;

/// Verifies a login with a user JWT and its key, and a signature by the key.
pub(super) async fn static_login(release: Release) -> Result<()> {
    let site = Site::create(release)?;
    let operator = Operator::new(&["APP"])?;
    let config = operator.server_config(Resolver::Memory, site.path(), "")?;
    let server = site.start_server_with(&config).await?;
    let user = operator.account("APP")?.user("roof")?;
    let credentials = UserCredentials::parse(&user.credentials()?)?;
    let options = ConnectionOptions {
        authentication: Authentication::UserJwt {
            jwt: Secret::new(credentials.jwt()).into(),
            seed: Secret::new(credentials.key().seed()).into(),
        },
        ..ConnectionOptions::new("roof", vec![server.url()])
    };
    let connection = connect(&options).await?;
    let info = user_info(connection.client()).await?;
    expect(&info, "/user", &json!(user.public_key()))?;
    let nonce = [0x01, 0x9c, 0xe6, 0x04, 0x17, 0xaf, 0x0b];
    let signature = credentials.key().sign(&nonce)?;
    let public = KeyPair::from_public_key(&user.public_key())?;
    public.verify(&nonce, &signature)?;
    Ok(())
}

/// Verifies that the client authenticates in the header first and then in the form, remembers that,
/// and asks again ten seconds before the end of the token.
pub(super) async fn client_credentials(_release: Release) -> Result<()> {
    let service = Service::new(|request| {
        if is_authorized(request) {
            return (401, json!({ "error": "invalid_client" }).to_string());
        }
        let grant = json!({ "access_token": "a-token", "expires_in": LIFETIME });
        (200, grant.to_string())
    });
    let clock = ManualClock::new(unix_now());
    let client = ClientSecret {
        id: "orders".to_owned(),
        secret: Secret::new("s3cret").into(),
    };
    let endpoint = TokenEndpointOptions {
        audience: Some("urn:nats".to_owned()),
        http: service.options(),
        renewal: renewal_by(&clock),
        ..TokenEndpointOptions::new("https://idp.example/token")
    };
    let tokens = ClientCredentials::new(ClientCredentialsOptions::new(endpoint, client))?;
    let asked = async || {
        tokens.token().await?;
        anyhow::Ok(
            service
                .requests()
                .iter()
                .map(is_authorized)
                .collect::<Vec<_>>(),
        )
    };
    ensure!(asked().await? == [true, false], "header, then form");
    clock.advance(Duration::from_secs(LIFETIME - 11));
    ensure!(asked().await? == [true, false], "the token is kept");
    clock.advance(Duration::from_secs(1));
    ensure!(asked().await? == [true, false, false], "form at once");
    Ok(())
}

/// Verifies that a request has the public key and the name only, and that the key stays the same
/// over a renewal.
pub(super) async fn user_key(_release: Release) -> Result<()> {
    let service = exchange_service()?;
    let clock = ManualClock::new(unix_now());
    let client = exchange_client(&service, &clock)?;
    client.credentials().await?;
    clock.advance(Duration::from_secs(LIFETIME));
    client.credentials().await?;
    let requests = service.requests();
    ensure!(requests.len() == 2, "{requests:?}");
    for request in requests {
        let body: Value = serde_json::from_str(request.body.expose())?;
        let expected = json!({ "user_pub_key": client.public_key(), "user_name": "roof" });
        ensure!(body == expected, "{body}");
    }
    Ok(())
}

/// Verifies that several failed attempts to connect cost one exchange, and keep the user JWT.
pub(super) async fn reuse(_release: Release) -> Result<()> {
    let service = exchange_service()?;
    let clock = ManualClock::new(unix_now());
    let client = exchange_client(&service, &clock)?;
    let first = client.credentials().await?;
    let options = ConnectionOptions {
        authentication: Authentication::Renewed(client.clone().into()),
        retries: Retries::Times(3),
        retry_delay: Duration::from_millis(1),
        ..ConnectionOptions::new("roof", vec![nowhere()?])
    };
    ensure!(connect(&options).await.is_err());
    ensure!(client.credentials().await?.jwt() == first.jwt());
    ensure!(service.requests().len() == 1);
    Ok(())
}

/// Returns an exchange that issues user JWTs of an account of its own.
fn exchange_service() -> Result<Arc<Service>> {
    let account = KeyPair::new_account();
    let seed = account.seed()?;
    Ok(Service::new(move |request| {
        match issue(&seed, request.body.expose()) {
            Ok(jwt) => (201, jwt),
            Err(error) => (400, error.to_string()),
        }
    }))
}

fn issue(seed: &str, body: &str) -> Result<String> {
    let body: Value = serde_json::from_str(body)?;
    let nkey = body.get("user_pub_key").and_then(Value::as_str);
    let nkey = nkey.context("no public key")?;
    let mut claims = UserClaims::new(nkey.to_owned()).context("no user key")?;
    claims.claims.expires = (unix_now() + LIFETIME).try_into()?;
    Ok(claims.encode(&KeyPair::from_seed(seed)?)?)
}

fn exchange_client(service: &Arc<Service>, clock: &ManualClock) -> Result<ExchangeClient> {
    let tokens = Arc::new(StoredToken::new(Secret::new("a-token")));
    Ok(ExchangeClient::new(ExchangeOptions {
        protocol: ExchangeProtocol::Core,
        http: service.options(),
        renewal: renewal_by(clock),
        ..ExchangeOptions::new("https://exchange.example", "roof", tokens)
    })?)
}

/// Returns the default times of renewal without jitter, by `clock`.
fn renewal_by(clock: &ManualClock) -> RenewalOptions {
    RenewalOptions {
        jitter: Duration::ZERO,
        clock: Arc::new(clock.clone()),
        ..RenewalOptions::default()
    }
}
