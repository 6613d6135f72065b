//! The token exchange, from the provider's token to a login that needs no host.

mod client;
mod description;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context, Result};
use async_nats::{Client, ConnectOptions};
use data_encoding::BASE64URL_NOPAD;
use futures::future::try_join_all;
use nkeys::KeyPair;
use portcullis_harness::{
    Answer, Exchange, ForeignClient, Login, PATIENCE, Release, Step, Wire, run_portcullis,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{POLICY, SENSOR_TOKEN, sensor, settings, sorted};
#[rstest]
#[tokio::test]
async fn the_requests_of_go_connect_get_a_jwt_that_servers_take(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut stage = Exchange::start(release).await?;
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
    let stage = Exchange::deciding(Release::Nats2_15, POLICY, &settings).await?;
    for (key, status) in [(SENSOR_TOKEN, 201), ("another-key", 403)] {
        let nkey = KeyPair::new_user().public_key();
        let page = stage.connect_request("/core/tokens", key, &nkey).await?;
        assert_eq!(page.status, status, "{page:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_admin_route_needs_its_scope_and_a_name() -> Result<()> {
    let mut stage = Exchange::start(Release::Nats2_15).await?;
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
    let mut stage = Exchange::start(Release::Nats2_15).await?;
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
    let mut stage = Exchange::start(Release::Nats2_15).await?;
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
        "--json",
    ];
    let finished = run_portcullis(&arguments, "").await?;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let printed: Value = serde_json::from_str(&finished.stdout)?;
    assert_eq!(printed["file"], json!(out));
    let key = printed["key"].as_str().context("no key")?;
    assert!(
        key.starts_with('U') && printed["expires_at"].is_u64(),
        "{printed:#}"
    );
    let mode = fs::metadata(&file)?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let login = Login::credentials(&fs::read_to_string(&file)?);
    let python = ForeignClient::Python;
    let url = stage.server.url();
    let session = python.run(&url, login, "person", &[Step::UserInfo]).await?;
    assert!(session.connected, "{session:?}");
    let finished = run_portcullis(&arguments, "").await?;
    assert_eq!(finished.code, Some(73), "{finished:?}");
    fs::remove_file(&file)?;
    let strange = [&arguments[..], &["--account", "AUTH", "--name", "stranger"]].concat();
    let finished = run_portcullis(&strange, "").await?;
    assert_eq!(finished.code, Some(84), "{finished:?}");
    let decision = stage.host.decision("stranger");
    let id = decision.await?.text("request_id").to_owned();
    assert!(finished.stderr.contains(&id), "{id}: {finished:?}");
    fs::write(&token, "two words")?;
    let finished = run_portcullis(&arguments, "").await?;
    assert_eq!(finished.code, Some(78), "{finished:?}");
    fs::remove_file(&token)?;
    let finished = run_portcullis(&arguments, "").await?;
    assert_eq!(finished.code, Some(66), "{finished:?}");
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
    let mut stage = Exchange::start(Release::Nats2_15).await?;
    let mut second = stage.another_host().await?;
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
    second.kill().await?;
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
