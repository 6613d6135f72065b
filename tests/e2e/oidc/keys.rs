//! Logins while a provider changes its keys or does not respond.

use anyhow::Result;
use futures::future::join_all;
use portcullis_harness::{Forgery, Provider, Release, barely_log_in};
use rstest::rstest;

use super::refusals::sample;
use super::{ROLES, Trusting};

/// The number of logins with unknown key ids.
const STORM: usize = 1000;
/// The number of them that are concurrent.
const AT_ONCE: usize = 100;
/// The host must verify every one of them, and the cool-down outlasts them.
const UNTHROTTLED: &str =
    "cool-down = \"10m\"\n[identity.throttle]\naddress-failures = 0\nuser-failures = 0";
/// The log message about changed keys.
const FETCHED: &str = "the issuer's keys were fetched";

#[rstest]
#[tokio::test]
async fn a_new_key_is_known_at_once(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values("ES256", "EdDSA")] algorithm: &str,
) -> Result<()> {
    let mut trusting = Trusting::start(release, ROLES, "").await?;
    let first = trusting.token(&["reader"]).await?;
    trusting.expect(&first, "first", None).await?;

    trusting.provider.rotate("second", algorithm, true).await?;

    let second = trusting.token(&["reader"]).await?;
    trusting.expect(&second, "second", None).await?;
    trusting.expect(&first, "still", None).await.map(drop)
}

#[rstest]
#[tokio::test]
async fn a_key_that_the_provider_drops_is_dropped(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut trusting = Trusting::start(release, ROLES, "refresh = \"1s\"").await?;
    let first = trusting.token(&["reader"]).await?;
    trusting.expect(&first, "first", None).await?;

    let mark = trusting.host.log().len();
    trusting.provider.rotate("second", "RS256", false).await?;
    trusting
        .host
        .wait_from(mark, "other keys", |event| event.says(FETCHED))
        .await?;

    let reason = trusting
        .expect(&first, "gone", Some("identity-rejected"))
        .await?;
    assert!(reason.contains("first"), "{reason}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn keys_that_are_known_outlast_the_provider(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut trusting = Trusting::start(release, ROLES, "cool-down = \"1s\"").await?;
    let known = trusting.token(&["reader"]).await?;
    trusting.expect(&known, "before", None).await?;

    trusting.provider.be_down(true).await?;
    trusting.expect(&known, "known", None).await?;
    let unknown = Forgery::KeyId.of(&known, 0)?;
    trusting
        .expect(&unknown, "unknown", Some("identity-unavailable"))
        .await?;
    trusting.expect(&known, "still-known", None).await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_that_starts_before_its_provider_is_there_lets_tokens_in_later(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut provider = Provider::start().await?;
    provider.be_down(true).await?;
    let mut trusting = Trusting::start_with(provider, release, ROLES, "cool-down = \"1s\"").await?;
    let early = trusting
        .decide(&sample(trusting.provider.issuer()), "early")
        .await?;
    assert_eq!(
        early.text("denial.class"),
        "identity-unavailable",
        "{early:?}"
    );

    trusting.provider.be_down(false).await?;
    let token = trusting.token(&["reader"]).await?;
    trusting
        .host
        .wait_for("keys", |event| event.says(FETCHED))
        .await?;
    trusting.expect(&token, "late", None).await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_thousand_unknown_key_ids_cost_two_fetches_at_most(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut trusting = Trusting::start(release, ROLES, UNTHROTTLED).await?;
    let known = trusting.token(&["reader"]).await?;
    trusting.expect(&known, "before", None).await?;
    let before = trusting.provider.fetches().await?;

    let port = trusting.server.port();
    let mut admitted = 0;
    for batch in 0..STORM / AT_ONCE {
        let logins = (0..AT_ONCE).map(|number| {
            let token = Forgery::KeyId.of(&known, batch * AT_ONCE + number);
            async move { barely_log_in(port, &token?).await }
        });
        for login in join_all(logins).await {
            admitted += usize::from(login?);
        }
    }

    assert_eq!(admitted, 0);
    let after = trusting.provider.fetches().await?;
    let fetched = after.keys - before.keys;
    assert!(fetched <= 2, "{fetched} fetches");
    trusting.expect(&known, "after", None).await?;
    Ok(())
}
