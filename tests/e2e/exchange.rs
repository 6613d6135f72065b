//! The token exchange, from the provider's token to a login that needs no host.

mod client;
mod description;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions};
use data_encoding::BASE64URL_NOPAD;
use futures::future::try_join_all;
use nats_token::format_user_config;
use nkeys::KeyPair;
use portcullis_harness::{
    Answer, Built, ForeignClient, Host, Login, NatsServer, Operator, PATIENCE, Provider, Release,
    Resolver, Site, Step, Wire, run_portcullis,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::health::{Page, ask};
use crate::support::{POLICY, SENSOR_TOKEN, sensor, settings, sorted};

/// The lifetime of a token that must not expire, in seconds.
const HOUR: u32 = 3600;

const SETTINGS: &str = r#"
[settings]
account-claim = "account"
default-account = "APP"

[settings.scopes."orders:read"]
publish = { allow = ["$SYS.REQ.USER.INFO"] }
subscribe = { allow = ["orders.>", "_INBOX.>"], deny = ["orders.sealed"] }

[settings.scopes."admin:write"]
publish = { allow = ["$SYS.REQ.USER.INFO"] }
subscribe = { allow = ["_INBOX.>"] }

[settings.scopes."elsewhere"]
publish = { allow = ["$SYS.REQ.USER.INFO"] }
subscribe = { allow = ["_INBOX.>"] }
sources = ["192.0.2.0/24"]
"#;

/// A provider, a server in operator mode, and a host that exchanges tokens.
struct Stage {
    provider: Provider,
    operator: Operator,
    server: NatsServer,
    host: Host,
    /// The address of the exchange.
    address: String,
    site: Site,
}

impl Stage {
    async fn start(release: Release) -> Result<Self> {
        Self::deciding(release, "scopes", SETTINGS).await
    }

    /// Starts a stage whose host decides with the ready policy `name`.
    async fn deciding(release: Release, name: &str, settings: &str) -> Result<Self> {
        let provider = Provider::start().await?;
        let site = Site::create(release)?;
        let operator = Operator::new(&["APP", "OTHER"])?;
        operator.write(site.path())?;
        let policy = Built::policy(name)?;
        site.policies.put_policy(name, &policy, settings)?;
        let config = operator.server_config(Resolver::Memory, site.path(), "")?;
        let server = site.start_server_with(&config).await?;
        let extra = format!(
            "[exchange]\nlisten = \"127.0.0.1:0\"\n\
             [identity.issuers.company]\nissuer = \"{}\"\naudiences = [\"{}\"]\n",
            provider.issuer(),
            Provider::AUDIENCE
        );
        let host = site.spawn_host_with(&operator.host_config(&server.url(), &extra))?;
        let address = host.says("tokens exchanged").await?;
        let address = address.text("exchange.address").to_owned();
        host.ready().await?;
        Ok(Self {
            provider,
            operator,
            server,
            host,
            address,
            site,
        })
    }

    async fn token(&mut self, scope: &str) -> Result<String> {
        let claims = json!({ "scp": scope });
        self.provider.access_token(&claims, HOUR).await
    }

    /// Sends the request of Go connect v0.11.4, as Go's HTTP client writes it.
    async fn connect_request(&self, path: &str, token: &str, nkey: &str) -> Result<Page> {
        let body = json!({ "user_pub_key": nkey, "user_name": "go-host" }).to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\n\
             Host: {}\r\n\
             User-Agent: Overmind/0.1 (linux/amd64)\r\n\
             Content-Length: {}\r\n\
             Accept: application/jwt\r\n\
             Authorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n\
             Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
             Accept-Encoding: gzip\r\n\
             Connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        ask(&self.address, &request).await
    }

    /// Sends JSON to a route of our own.
    async fn own_request(&self, path: &str, token: &str, body: &Value) -> Result<Page> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
             Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        ask(&self.address, &request).await
    }

    /// Returns the permissions of a user JWT as the server shows them to nats-py.
    async fn user_info(&self, jwt: &str, key: &KeyPair) -> Result<Value> {
        let login = Login::credentials(&format_user_config(jwt, &key.seed()?)?);
        let python = ForeignClient::Python;
        let url = self.server.url();
        let session = python
            .run(&url, login, "exchanged", &[Step::UserInfo])
            .await?;
        ensure!(session.connected, "{session:?}");
        Ok(session.result(0, "info"))
    }

    /// Returns a credentials file with an exchanged user JWT.
    async fn credentials(&self, token: &str) -> Result<String> {
        let key = KeyPair::new_user();
        let nkey = key.public_key();
        let page = self.connect_request("/core/tokens", token, &nkey).await?;
        ensure!(page.status == 201, "{page:?}");
        Ok(format_user_config(&page.content, &key.seed()?)?)
    }
}

#[rstest]
#[tokio::test]
async fn the_requests_of_go_connect_get_a_jwt_that_servers_take(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut stage = Stage::start(release).await?;
    let token = stage.token("orders:read").await?;
    let key = KeyPair::new_user();
    let nkey = key.public_key();
    let page = stage.connect_request("/core/tokens", &token, &nkey).await?;
    assert_eq!(page.status, 201, "{page:?}");
    assert!(
        page.head.contains("content-type: application/jwt"),
        "{page:?}"
    );
    let info = stage.user_info(&page.content, &key).await?;
    assert_eq!(info["account"], stage.operator.account("APP")?.public_key());
    assert_eq!(
        sorted(&info["permissions"]),
        json!({
            "publish": { "allow": ["$SYS.REQ.USER.INFO"] },
            "subscribe": { "allow": ["_INBOX.>", "orders.>"], "deny": ["orders.sealed"] },
        })
    );
    let decision = stage.host.decision("go-host").await?;
    assert_eq!(decision.text("decision"), "permit", "{decision:?}");
    assert_eq!(decision.text("client.kind"), "exchange");
    assert_eq!(
        decision.text("trace_id"),
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    Ok(())
}

#[tokio::test]
async fn an_api_key_is_a_token_that_a_policy_compares() -> Result<()> {
    let settings = settings(&[sensor("own", "").await?]);
    let stage = Stage::deciding(Release::Nats2_15, POLICY, &settings).await?;
    for (key, status) in [(SENSOR_TOKEN, 201), ("another-key", 403)] {
        let nkey = KeyPair::new_user().public_key();
        let page = stage.connect_request("/core/tokens", key, &nkey).await?;
        assert_eq!(page.status, status, "{page:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_admin_route_needs_its_scope_and_a_name() -> Result<()> {
    let mut stage = Stage::start(Release::Nats2_15).await?;
    let (plain, admin) = (
        stage.token("orders:read").await?,
        stage.token("admin:write").await?,
    );
    let key = KeyPair::new_user();
    let nkey = key.public_key();
    let other = "/admin/accounts/OTHER/tokens";
    let page = stage.connect_request(other, &plain, &nkey).await?;
    assert_eq!(page.status, 403, "{page:?}");
    let page = stage.connect_request("/admin/accounts/a.b/tokens", &admin, &nkey);
    assert_eq!(page.await?.status, 400);
    let page = stage.connect_request("/admin/accounts/AUTH/tokens", &admin, &nkey);
    assert_eq!(page.await?.status, 403);
    let page = stage.connect_request(other, &admin, &nkey).await?;
    assert_eq!(page.status, 201, "{page:?}");
    let info = stage.user_info(&page.content, &key).await?;
    assert_eq!(
        info["account"],
        stage.operator.account("OTHER")?.public_key()
    );
    Ok(())
}

#[tokio::test]
async fn a_proved_caller_logs_in_and_the_server_enforces_its_networks() -> Result<()> {
    let mut stage = Stage::start(Release::Nats2_15).await?;
    for (scope, admitted) in [("orders:read", true), ("elsewhere", false)] {
        let token = stage.token(scope).await?;
        let key = KeyPair::new_user();
        let page = stage.own_request("/v1/nonces", &token, &json!({})).await?;
        let answer: Value = serde_json::from_str(&page.content)?;
        let nonce = answer["nonce"].as_str().context("no nonce")?;
        let nkey = key.public_key();
        let message = format!("portcullis-exchange-v1\n{nonce}\n{nkey}");
        let signature = BASE64URL_NOPAD.encode(&key.sign(message.as_bytes())?);
        let body = json!({
            "nkey": nkey, "lifetime": 60, "proof": { "nonce": nonce, "signature": signature },
        });
        let page = stage.own_request("/v1/tokens", &token, &body).await?;
        assert_eq!(page.status, 201, "{page:?}");
        let answer: Value = serde_json::from_str(&page.content)?;
        let account = stage.operator.account("APP")?.public_key();
        assert_eq!(answer["account"], json!(account));
        let jwt = answer["jwt"].as_str().context("no jwt")?;
        let info = stage.user_info(jwt, &key).await;
        assert_eq!(info.is_ok(), admitted, "{scope}: {info:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_person_gets_a_credentials_file_once() -> Result<()> {
    let mut stage = Stage::start(Release::Nats2_15).await?;
    let token = stage.site.path().join("token");
    fs::write(&token, stage.token("orders:read").await?)?;
    let file = stage.site.path().join("me.creds");
    let (token, out) = (token.display().to_string(), file.display().to_string());
    let url = format!("http://{}", stage.address);
    let arguments = [
        "token",
        "get",
        "--exchange",
        &url,
        "--token-file",
        &token,
        "--out",
        &out,
    ];
    let finished = run_portcullis(&arguments, "").await?;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let mode = fs::metadata(&file)?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let login = Login::credentials(&fs::read_to_string(&file)?);
    let python = ForeignClient::Python;
    let url = stage.server.url();
    let session = python.run(&url, login, "person", &[Step::UserInfo]).await?;
    assert!(session.connected, "{session:?}");
    let finished = run_portcullis(&arguments, "").await?;
    assert_eq!(finished.code, Some(73), "{finished:?}");
    Ok(())
}

/// Waits until `client` gets an answer of its server.
async fn is_back(client: &Client) -> Result<()> {
    let answered = async {
        loop {
            let request = client.request("$SYS.REQ.USER.INFO", "".into());
            if let Ok(Ok(_)) = timeout(Duration::from_secs(1), request).await {
                return;
            }
        }
    };
    timeout(PATIENCE, answered)
        .await
        .context("a client did not come back")
}

#[tokio::test]
async fn exchanged_users_come_back_while_no_host_runs() -> Result<()> {
    let mut stage = Stage::start(Release::Nats2_15).await?;
    let token = stage.token("orders:read").await?;
    let url = stage.server.url();
    let mut clients = Vec::new();
    for _ in 0..50 {
        let credentials = stage.credentials(&token).await?;
        let options = ConnectOptions::with_credentials(&credentials)?
            .reconnect_delay_callback(|_| Duration::from_millis(50));
        clients.push(options.connect(&url).await?);
    }
    stage.host.kill().await?;
    let restarted = stage.server.stop().await?.await?;
    try_join_all(clients.iter().map(is_back)).await?;
    // A login by callout needs a host.
    let presented = json!({ "jwt": stage.operator.sentinel.jwt(), "auth_token": token });
    let answer = Wire::open(restarted.port())
        .await?
        .log_in(&presented)
        .await?;
    assert_ne!(answer, Answer::Admitted);
    Ok(())
}
