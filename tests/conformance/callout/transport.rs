//! Logins by certificate, by nkey and without CONNECT, and encrypted requests.

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions, HeaderValue, Subscriber};
use futures::StreamExt;
use nkeys::{KeyPair, XKey};
use portcullis_harness::{
    Answer, Certificate, Credentials, ForeignClient, Login, Release, Site, Step, Wire,
};
use serde_json::json;
use tokio::time::{Duration, timeout};

use crate::certified::Certified;
use crate::rules::Rule;
use crate::stage::{Config, Stage, expect, listen, password, user_info};

/// A server with a default user for clients without credentials.
const NO_AUTH_USER: Config<'_> = Config {
    accounts: "  FOO: { users: [ { user: foo, password: pwd } ] }\n  SYS: {}",
    targets: &["FOO"],
    top: "system_account: SYS\nno_auth_user: foo",
    ..Config::GLOBAL
};
/// The time after which a message counts as lost: longer than any message takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Verifies that the callout decides a client that begins with PING.
pub(super) async fn ping_first_denied(release: Release) -> Result<()> {
    let stage = Stage::config(release, NO_AUTH_USER, &[Rule::anybody().denies("nobody")]).await?;
    let mut wire = Wire::open(stage.server.port()).await?;
    wire.say("PING\r\n").await?;
    let answer = wire.answer().await?;
    ensure!(answer.is_refused_without_reason(), "{answer:?}");
    stage.decided(1).await
}

/// Verifies that the connection of a client that begins with PING ends when the permit does.
pub(super) async fn ping_first_expires(release: Release) -> Result<()> {
    let rules = [Rule::anybody()
        .permits("FOO")
        .named("foo")
        .everything()
        .expires_in(2)];
    let stage = Stage::config(release, NO_AUTH_USER, &rules).await?;
    let mut wire = Wire::open(stage.server.port()).await?;
    wire.say("PING\r\n").await?;
    ensure!(wire.answer().await? == Answer::Admitted, "not let in");
    let mut said = Vec::new();
    while let Some(line) = wire.line().await? {
        said.push(line);
    }
    let expired = said
        .iter()
        .any(|line| line.contains("User Authentication Expired"));
    ensure!(expired, "closed without a word of expiry: {said:?}");
    Ok(())
}

/// Verifies that the subject of a verified certificate identifies the client, and that an unknown
/// subject is refused.
pub(super) async fn client_certificates(release: Release) -> Result<()> {
    let Certified { stage, authority } = Certified::start(release, &[known()]).await?;
    let (known, unknown) = (
        authority.issue("example.com")?,
        authority.issue("other.com")?,
    );
    let options = |certificate: &Certificate, name: &str| {
        ConnectOptions::new()
            .name(name)
            .max_reconnects(1)
            .require_tls(true)
            .add_root_certificates(authority.file.clone())
            .add_client_certificate(certificate.file.clone(), certificate.key_file.clone())
    };
    let client = stage.connect(options(&known, "known"), "known").await?;
    let info = user_info(&client).await?;
    expect(&info, "/user", &json!("dlc"))?;
    expect(&info, "/account", &json!("FOO"))?;
    let refused = options(&unknown, "unknown")
        .connect(stage.server.url())
        .await;
    ensure!(portcullis_harness::is_refused(&refused), "{refused:?}");
    let decision = stage.host.decision("unknown").await?;
    ensure!(decision.text("decision") == "deny", "{decision:?}");
    Ok(())
}

/// Verifies that the subject of a verified certificate identifies the client over WebSocket.
pub(super) async fn websocket_certificates(release: Release) -> Result<()> {
    let Certified { stage, authority } = Certified::start(release, &[known()]).await?;
    let url = stage.server.websocket_url()?;
    let session = async |name: &str| {
        let login = Login::default().over_tls(&authority.file, Some(&authority.issue(name)?));
        let steps = [Step::UserInfo];
        ForeignClient::JavaScript
            .run(&url, login, name, &steps)
            .await
    };
    let admitted = session("example.com").await?;
    ensure!(admitted.connected, "{admitted:?}");
    let info = admitted.result(0, "info");
    expect(&info, "/user", &json!("dlc"))?;
    expect(&info, "/account", &json!("FOO"))?;
    let refused = session("other.com").await?;
    ensure!(refused.is_refused_without_reason(), "{refused:?}");
    let decision = stage.host.decision("other.com").await?;
    ensure!(
        decision.text("client.transport") == "websocket",
        "{decision:?}"
    );
    ensure!(decision.text("decision") == "deny", "{decision:?}");
    Ok(())
}

/// Permits the client whose certificate is for `example.com`.
fn known() -> Rule {
    Rule::certificate("CN=example.com")
        .permits("FOO")
        .named("dlc")
        .everything()
}

/// Verifies that a client with an nkey is decided once, by its signature, and keeps its identity.
pub(super) async fn nkey_clients(release: Release) -> Result<()> {
    let key = KeyPair::new_user();
    let public = key.public_key();
    let user = format!("{{ nkey: {public} }}");
    let config = Config {
        authorization: &user,
        ..Config::GLOBAL
    };
    let rules = [Rule::nkey(&public).permits("$G").everything()];
    let stage = Stage::config(release, config, &rules).await?;
    let options = ConnectOptions::with_nkey(key.seed()?)
        .name("signed")
        .max_reconnects(1);
    let client = stage.connect(options, "signed").await?;
    let info = user_info(&client).await?;
    expect(&info, "/user", &json!(public))?;
    expect(&info, "/account", &json!("$G"))?;
    let decision = stage.host.decision("signed").await?;
    ensure!(decision.text("client.method") == "nkey", "{decision:?}");
    stage.decided(1).await
}

/// Verifies that requests are encrypted for the configured key, and that the answers are encrypted
/// too.
pub(super) async fn encryption(release: Release) -> Result<()> {
    let site = Site::create(release)?;
    let curve = XKey::new();
    std::fs::write(site.path().join("keys/curve.nk"), curve.seed()?)?;
    let xkey = format!("xkey: {}", curve.public_key());
    let config = Config {
        callout: &xkey,
        host: "xkey-seed-file = \"keys/curve.nk\"",
        ..Config::GLOBAL
    };
    let rules = [Rule::password("dlc", "zzz").permits("$G").everything()];
    let stage = Stage::at(site, config, &rules).await?;
    let seen = Sealed::listen(&stage.observer().await?).await?;
    stage
        .log_in(Credentials::Password("dlc", "zzz"), "dlc")
        .await?;
    stage.refuses(&password("dlc", "xxx")).await?;
    seen.both_ways(2).await
}

/// The traffic between servers and service, as a user of the callout account receives it.
pub(super) struct Sealed {
    requests: Subscriber,
    answers: Subscriber,
}

impl Sealed {
    pub(super) async fn listen(client: &Client) -> Result<Self> {
        Ok(Self {
            requests: listen(client, "$SYS.REQ.USER.AUTH").await?,
            answers: listen(client, "$SYS._INBOX.>").await?,
        })
    }

    /// Verifies that `number` requests and answers were encrypted, and that there were no others.
    pub(super) async fn both_ways(mut self, number: usize) -> Result<()> {
        for _ in 0..number {
            let request = timeout(PATIENCE, self.requests.next()).await?;
            let request = request.context("no request")?;
            ensure!(
                request.payload.starts_with(b"xkv1"),
                "a request in the clear"
            );
            let header = request.headers.as_ref();
            let key = header.and_then(|headers| headers.get("Nats-Server-Xkey"));
            let key = key.map(HeaderValue::as_str).unwrap_or_default();
            ensure!(key.starts_with('X'), "no key in the header");
            let answer = timeout(PATIENCE, self.answers.next()).await?;
            let answer = answer.context("no answer")?;
            ensure!(
                answer.payload.starts_with(b"xkv1"),
                "an answer in the clear"
            );
        }
        Ok(())
    }
}
