//! Operator mode: sentinels, accounts, and the keys that sign for them.

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions};
use futures::StreamExt;
use portcullis_harness::{Account, Credentials, Operator, Release, Resolver, Site, Template, Wire};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::rules::Rule;
use crate::stage::{Extra, Stage, behind, expect, expect_all, user_info};

/// The permissions of the scoped roles of these rows.
const SCOPED: Template<'_> = Template {
    publish: &["foo.>", "$SYS.REQ.USER.INFO"],
    subscribe: &["foo.>", "_INBOX.>"],
    responses: false,
    limits: None,
};

/// The time after which a message counts as lost: longer than any message takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Verifies that a token with the sentinel places a client in the account that the policy chose.
/// The account's key, one of its signing keys or a scoped one signs the user. An account that the
/// callout may not use is refused.
pub(super) async fn basics(release: Release) -> Result<()> {
    let mut operator = Operator::new(&["TEST", "SIGNED", "BARRED"])?;
    operator.account_mut("SIGNED")?.use_signing_key();
    operator.account_mut("TEST")?.add_role("foo", SCOPED);
    let allowed = ["TEST", "SIGNED"].map(|name| operator.account(name).map(Account::public_key));
    let allowed: Vec<_> = allowed.into_iter().collect::<Result<_>>()?;
    operator.allow_accounts(&allowed);
    operator.has_default_sentinel = release.version() >= (2, 11, 2);
    let rules = [
        Rule::token("secret")
            .permits("TEST")
            .named("dlc")
            .everything(),
        Rule::token("signing-key")
            .permits("SIGNED")
            .named("sk")
            .everything(),
        Rule::token("barred")
            .permits("BARRED")
            .named("dummy")
            .everything(),
        Rule::token("scoped")
            .permits("TEST")
            .named("scoped")
            .role("foo"),
        Rule::token("bad-scoped")
            .permits("TEST")
            .role("foo")
            .publish(&["bar"]),
        Rule::token("default")
            .permits("TEST")
            .named("default")
            .everything(),
    ];
    let stage = Stage::operator(release, &operator, Resolver::Memory, &rules).await?;

    // The service's own connection may not publish requests.
    let service = operator.service.credentials()?;
    let service = ConnectOptions::with_credentials(&service)?;
    let info = user_info(&stage.connect(service, "service").await?).await?;
    expect(&info, "/account", &json!(operator.callout.public_key()))?;
    expect_all(&info, "/permissions/publish/deny", &["$SYS.REQ.USER.AUTH"])?;

    let sentinel = operator.sentinel.credentials()?;
    stage.refuses(&behind(&operator, "")).await?;
    for (token, account, user) in [("secret", "TEST", "dlc"), ("signing-key", "SIGNED", "sk")] {
        let client = stage.log_in_behind(&sentinel, token, token).await?;
        let info = user_info(&client).await?;
        expect(
            &info,
            "/account",
            &json!(operator.account(account)?.public_key()),
        )?;
        expect(&info, "/user", &json!(user))?;
    }
    stage.refuses(&behind(&operator, "barred")).await?;
    // The server would refuse permissions in addition to those of a scoped role, so the host denies
    // the login.
    stage.refuses(&behind(&operator, "bad-scoped")).await?;
    let scoped = stage.log_in_behind(&sentinel, "scoped", "scoped").await?;
    in_role(&operator, &user_info(&scoped).await?)?;
    if operator.has_default_sentinel {
        let bare = stage
            .log_in(Credentials::Token("default"), "default")
            .await?;
        expect(&user_info(&bare).await?, "/user", &json!("default"))?;
    }
    Ok(())
}

/// Verifies a scoped key's template, including responses, if the callout may use one account.
pub(super) async fn scoped_assigned(release: Release) -> Result<()> {
    let mut operator = Operator::new(&["TEST"])?;
    let account = operator.account("TEST")?.public_key();
    operator.allow_accounts(&[account]);
    Box::pin(scoped(release, operator)).await
}

/// Verifies a scoped key's template, including responses, if the callout may use any account.
pub(super) async fn scoped_any(release: Release) -> Result<()> {
    let mut operator = Operator::new(&["TEST"])?;
    operator.allow_accounts(&["*".to_owned()]);
    Box::pin(scoped(release, operator)).await
}

async fn scoped(release: Release, mut operator: Operator) -> Result<()> {
    let template = Template {
        responses: true,
        limits: Some((10, 512)),
        ..SCOPED
    };
    operator.account_mut("TEST")?.add_role("foo", template);
    operator.callout.add_mute_role("sentinel");
    let rules = [Rule::token("scoped")
        .permits("TEST")
        .named("scoped")
        .role("foo")];
    let stage = Stage::operator(release, &operator, Resolver::Memory, &rules).await?;
    let sentinel = operator.callout.user_in_role("sentinel", "sentinel")?;
    let sentinel = sentinel.credentials()?;
    let client = stage.log_in_behind(&sentinel, "scoped", "scoped").await?;
    in_role(&operator, &user_info(&client).await?)?;

    let mut requests = client.subscribe("foo.>").await?;
    let answer = {
        let client = client.clone();
        async move {
            let request = requests.next().await.context("no request")?;
            let reply = request.reply.context("no reply subject")?;
            client.publish(reply, "pong".into()).await?;
            client.flush().await?;
            anyhow::Ok(())
        }
    };
    let ask = async { anyhow::Ok(client.request("foo.bar", "ping".into()).await?) };
    let both = async { tokio::try_join!(ask, answer) };
    let (answered, ()) = timeout(PATIENCE, both).await??;
    ensure!(answered.payload == "pong", "{answered:?}");
    Ok(())
}

/// Verifies that a user of the account `TEST` has the permissions of its role `foo`.
fn in_role(operator: &Operator, info: &Value) -> Result<()> {
    expect(
        info,
        "/account",
        &json!(operator.account("TEST")?.public_key()),
    )?;
    expect_all(info, "/permissions/publish/allow", SCOPED.publish)?;
    expect_all(info, "/permissions/subscribe/allow", SCOPED.subscribe)
}

/// Verifies that requests are encrypted for the key in the account's JWT, and that the answers are
/// encrypted too.
pub(super) async fn encryption(release: Release) -> Result<()> {
    let mut operator = Operator::new(&["TEST"])?;
    operator.encrypt();
    let rules = [Rule::token("secret")
        .permits("TEST")
        .named("dlc")
        .everything()];
    let stage = Stage::operator(release, &operator, Resolver::Memory, &rules).await?;
    let service = ConnectOptions::with_credentials(&operator.service.credentials()?)?;
    let listener = stage.connect(service, "listener").await?;
    let seen = super::transport::Sealed::listen(&listener).await?;
    let sentinel = operator.sentinel.credentials()?;
    let client = stage.log_in_behind(&sentinel, "secret", "secret").await?;
    expect(&user_info(&client).await?, "/user", &json!("dlc"))?;
    stage.refuses(&behind(&operator, "wrong")).await?;
    seen.both_ways(2).await
}

/// Verifies that the policy chooses between accounts with different keys.
pub(super) async fn any_account(release: Release) -> Result<()> {
    let mut operator = Operator::new(&["A", "B"])?;
    operator.allow_accounts(&["*".to_owned()]);
    let rules = [
        Rule::token("PutMeInA")
            .permits("A")
            .named("user_a")
            .everything(),
        Rule::token("PutMeInB")
            .permits("B")
            .named("user_b")
            .everything(),
    ];
    let stage = Stage::operator(release, &operator, Resolver::Memory, &rules).await?;
    let sentinel = operator.sentinel.credentials()?;
    stage.refuses(&behind(&operator, "")).await?;
    for (token, account) in [("PutMeInA", "A"), ("PutMeInB", "B")] {
        let client = stage.log_in_behind(&sentinel, token, token).await?;
        let key = operator.account(account)?.public_key();
        expect(&user_info(&client).await?, "/account", &json!(key))?;
    }
    Ok(())
}

/// Verifies that a refused client gets an error, both for an empty answer and for one with an
/// error.
pub(super) async fn client_error(release: Release) -> Result<()> {
    for mode in ["empty", "error"] {
        let mut operator = Operator::new(&["TEST"])?;
        operator.allow_accounts(&["*".to_owned()]);
        operator.callout.add_mute_role("sentinel");
        let rules = [Rule::anybody().denies("not today")];
        let deny = format!("deny = {{ default = \"{mode}\" }}");
        let extra = Extra {
            host: &deny,
            ..Extra::default()
        };
        let site = Site::create(release)?;
        let stage = Stage::operator_at(site, &operator, Resolver::Memory, &rules, extra).await?;
        stage.refuses(&behind(&operator, "anything")).await?;
    }
    Ok(())
}

/// Verifies that a revocation of a user's key closes its connection, and that a revocation of all
/// keys closes every connection.
pub(super) async fn revocation(release: Release) -> Result<()> {
    let mut operator = Operator::new(&["TEST"])?;
    let rules = [Rule::token("secret")
        .permits("TEST")
        .named("user")
        .everything()];
    let stage = Stage::operator(release, &operator, Resolver::Full, &rules).await?;
    let admin = operator.system.user("admin")?.credentials()?;
    let admin = ConnectOptions::with_credentials(&admin)?;
    let admin = stage.connect(admin, "admin").await?;
    let log_in = |name: &str| {
        let mut fields = behind(&operator, "secret");
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("name".to_owned(), json!(name));
        }
        fields
    };
    let (first, second) = (log_in("first"), log_in("second"));
    let (mut first, mut second) = (stage.admits(&first).await?, stage.admits(&second).await?);

    let decision = stage.host.decision("first").await?;
    let key = decision.text("user_nkey").to_owned();
    ensure!(
        key.starts_with('U'),
        "the log does not tell the user's key: {decision:?}"
    );
    operator.account_mut("TEST")?.revoke(&key);
    push(&operator, &admin).await?;
    revoked(&mut first).await?;

    // The second connection stays open, until all keys are revoked.
    operator.account_mut("TEST")?.clear_revocations();
    push(&operator, &admin).await?;
    second.say("PING\r\n").await?;
    ensure!(
        second.answer().await? == portcullis_harness::Answer::Admitted,
        "gone too"
    );
    operator.account_mut("TEST")?.revoke("*");
    push(&operator, &admin).await?;
    revoked(&mut second).await
}

async fn push(operator: &Operator, admin: &Client) -> Result<()> {
    operator.push(admin, operator.account("TEST")?).await
}

/// Waits until the server has closed the connection, and verifies the reason.
async fn revoked(wire: &mut Wire) -> Result<()> {
    let mut said = Vec::new();
    while let Some(line) = wire.line().await? {
        if line.to_lowercase().contains("authentication revoked") {
            return Ok(());
        }
        said.push(line);
    }
    anyhow::bail!("closed without a word of revocation: {said:?}")
}
