//! Refused logins, and who learns the reason.

use anyhow::{Context, Result};
use futures::StreamExt;
use portcullis_harness::{Accounts, Credentials, ForeignClient, Release, Site, is_refused, log_in};
use rstest::rstest;
use serde_json::Value;

use crate::support::{ALICE, POLICY, SENSOR, Serving, alice, sensor, settings, site_with};

#[rstest]
#[tokio::test]
async fn a_client_without_good_credentials_learns_no_reason(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(ForeignClient::Python, ForeignClient::JavaScript)] client: ForeignClient,
) -> Result<()> {
    let users = [alice("").await?, sensor("everything", "").await?];
    let serving = Serving::start(release, &settings(&users)).await?;
    let cases = [
        (
            "wrong-password",
            Credentials::Password("alice", "wrong"),
            "policy-denied",
        ),
        (
            "empty-password",
            Credentials::Password("alice", ""),
            "policy-denied",
        ),
        (
            "unknown-user",
            Credentials::Password("mallory", "wrong"),
            "end-of-chain",
        ),
        ("unknown-token", Credentials::Token("wrong"), "end-of-chain"),
        ("nothing", Credentials::None, "end-of-chain"),
    ];
    for (name, credentials, class) in cases {
        let session = client.run(&serving.url(), credentials, name, &[]).await?;
        assert!(session.is_refused_without_reason(), "{name}: {session:?}");
        let decision = serving.host.decision(name).await?;
        assert_eq!(decision.text("decision"), "deny", "{name}");
        assert_eq!(decision.text("denial.class"), class, "{name}");
        assert!(!decision.text("denial.reason").is_empty(), "{name}");
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn the_operator_learns_the_reason_from_the_servers_event(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[alice("").await?])).await?;
    let (user, password) = Site::OBSERVER;
    let observer = log_in(
        &serving.url(),
        Credentials::Password(user, password),
        "observer",
    )
    .await?;
    let mut refusals = observer.subscribe("$SYS.ACCOUNT.CLIENT.AUTH.ERR").await?;
    observer.flush().await?;

    let bob = Credentials::Password("alice", "wrong");
    assert!(is_refused(&log_in(&serving.url(), bob, "desk").await));

    let reason = serving
        .host
        .decision("desk")
        .await?
        .text("denial.reason")
        .to_owned();
    let message = refusals
        .next()
        .await
        .context("the server closed the subscription")?;
    let event: Value = serde_json::from_slice(&message.payload)?;
    let told = event["reason"].as_str().unwrap_or_default();
    assert!(
        told.contains(&reason),
        "the event says {told:?}, the log {reason:?}"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn an_account_that_is_not_on_the_hosts_list_is_refused(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let settings = settings(&[alice("account = \"OTHER\"").await?]);
    let serving = Serving::start(release, &settings).await?;

    assert!(is_refused(&log_in(&serving.url(), ALICE, "desk").await));

    let decision = serving.host.decision("desk").await?;
    assert_eq!(decision.text("denial.class"), "account-not-allowed");
    assert_eq!(decision.text("denial.blame"), "guest");
    assert_eq!(decision.text("policy.name"), POLICY);
    Ok(())
}

#[rstest]
#[case::the_system_account("SYS")]
#[case::the_callout_account("AUTH")]
#[tokio::test]
async fn any_account_does_not_mean(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[case] account: &str,
) -> Result<()> {
    let users = [
        alice(&format!("account = \"{account}\"")).await?,
        sensor("everything", "account = \"OTHER\"").await?,
    ];
    let site = site_with(release, &settings(&users))?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site
        .host_config(&server.url(), "")
        .replace(r#"["APP"]"#, r#"["*"]"#);
    let host = portcullis_harness::Host::spawn(&site.write_config("any.toml", &config)?, &[])?;
    host.ready().await?;

    assert!(is_refused(&log_in(&server.url(), ALICE, "desk").await));
    log_in(&server.url(), SENSOR, "roof").await?;

    assert_eq!(
        host.decision("desk").await?.text("denial.class"),
        "account-not-allowed"
    );
    assert_eq!(host.decision("roof").await?.text("account"), "OTHER");
    Ok(())
}
