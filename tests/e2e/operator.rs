//! The harness of operator mode: every release accepts its output.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use async_nats::{Client, ConnectOptions};
use portcullis_harness::{Answer, Operator, Release, Resolver, Site, Template, User, Wire, hash};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{POLICY, static_users};

#[rstest]
#[tokio::test]
async fn an_operators_users_are_in_their_accounts(
    #[values(
        Release::Nats2_10,
        Release::Nats2_11,
        Release::Nats2_12,
        Release::Nats2_14,
        Release::Nats2_15
    )]
    release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    let mut operator = Operator::new(&["APP", "OTHER"])?;
    let app = operator.account_mut("APP")?;
    app.use_signing_key();
    let limited = Template {
        publish: &["app.>", "$SYS.REQ.USER.INFO"],
        subscribe: &["_INBOX.>"],
        responses: true,
        limits: Some((10, 512)),
    };
    app.add_role("limited", limited);
    operator.encrypt();
    operator.has_default_sentinel = release >= Release::Nats2_11;
    let config = operator.server_config(Resolver::Full, site.path(), "")?;
    let server = site.start_server_with(&config).await?;

    let service = log_in(&server.url(), &operator.service).await?;
    let info = user_info(&service).await?;
    assert_eq!(text(&info, "/account"), operator.callout.public_key());
    assert_eq!(
        text(&info, "/permissions/publish/deny/0"),
        "$SYS.REQ.USER.AUTH",
        "the callout is on: {info}"
    );

    let user = operator
        .account("APP")?
        .user_in_role("visitor", "limited")?;
    let app = log_in(&server.url(), &user).await?;
    let info = user_info(&app).await?;
    assert_eq!(
        text(&info, "/account"),
        operator.account("APP")?.public_key()
    );
    let allowed = info.pointer("/permissions/publish/allow").cloned();
    let allowed = allowed.context("no permissions")?.to_string();
    assert!(allowed.contains("app.>"), "{info}");

    // No service decides. Servers before 2.15.1 report this as too many connections, and close
    // without an error.
    let presented = json!({ "jwt": operator.sentinel.jwt(), "auth_token": "anything" });
    let answer = Wire::open(server.port()).await?.log_in(&presented).await?;
    assert_ne!(answer, Answer::Admitted);

    // The system account can push changed claims.
    let system = operator.system.user("admin")?;
    let system = log_in(&server.url(), &system).await?;
    operator.account_mut("OTHER")?.revoke("*");
    operator.push(&system, operator.account("OTHER")?).await?;
    let revoked = operator.account("OTHER")?.user("revoked")?;
    assert!(log_in(&server.url(), &revoked).await.is_err());
    Ok(())
}

/// Covers user names with which the template of a role, without escaping, would name other users'
/// subjects or crash the server.
#[rstest]
#[tokio::test]
async fn a_name_is_one_token_of_a_roles_template(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    let mut operator = Operator::new(&["APP"])?;
    let own = Template {
        publish: &["$SYS.REQ.USER.INFO"],
        subscribe: &["user.{{name()}}.>", "{{name()}}"],
        responses: false,
        limits: None,
    };
    operator.account_mut("APP")?.add_role("own", own);
    operator.write(site.path())?;
    let users = [
        ("*", "%2A"),
        (">", "%3E"),
        ("a.*.b", "a%2E%2A%2Eb"),
        (">\u{a0}a", "%3E%C2%A0a"),
        ("\u{a0}", "%C2%A0"),
        ("bob", "bob"),
    ];
    let mut settings =
        "[settings]\ndefault-account = \"APP\"\n[settings.profiles.own]\nrole = \"own\"\n"
            .to_owned();
    for (index, (name, _)) in users.iter().enumerate() {
        let token = hash(&format!("token-{index}"), &["--token"]).await?;
        writeln!(
            settings,
            "[settings.users.\"{name}\"]\ntoken = \"{token}\"\nprofile = \"own\""
        )?;
    }
    site.policies
        .put_policy(POLICY, &static_users()?, &settings)?;
    let config = operator.server_config(Resolver::Memory, site.path(), "")?;
    let server = site.start_server_with(&config).await?;
    let host = site.spawn_host_with(&operator.host_config(&server.url(), ""))?;
    host.ready().await?;

    for (index, (name, escaped)) in users.iter().enumerate() {
        let mut wire = Wire::open(server.port()).await?;
        let presented =
            json!({ "jwt": operator.sentinel.jwt(), "auth_token": format!("token-{index}") });
        assert_eq!(wire.log_in(&presented).await?, Answer::Admitted, "{name:?}");
        let own = format!("user.{escaped}.>");
        for (subject, allowed) in [
            (own.as_str(), true),
            ("user.bob.x", *name == "bob"),
            ("user.>", false),
        ] {
            wire.say(&format!("SUB {subject} 1\r\n")).await?;
            let admitted = wire.answer().await? == Answer::Admitted;
            assert_eq!(admitted, allowed, "{name:?} subscribes to {subject}");
        }
    }
    Ok(())
}

async fn log_in(url: &str, user: &User) -> Result<Client> {
    let options = ConnectOptions::with_credentials(&user.credentials()?)?;
    Ok(options.max_reconnects(1).connect(url).await?)
}

/// Returns what the server knows about the user of `client`.
async fn user_info(client: &Client) -> Result<Value> {
    let answer = client.request("$SYS.REQ.USER.INFO", "".into()).await?;
    let answer: Value = serde_json::from_slice(&answer.payload)?;
    answer.get("data").cloned().context("no data")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
