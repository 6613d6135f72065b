//! Several policies: which one decides.

use anyhow::Result;
use portcullis_harness::{Accounts, Credentials, Host, Release, Site, is_refused, log_in};
use rstest::rstest;

use crate::support::{ALICE, SENSOR, Serving, alice, sensor, settings, static_users};

const MALLORY: Credentials<'_> = Credentials::Password("mallory", "whatever");

/// Creates a site with the policies `10-machines` and `20-staff`.
async fn machines_and_staff(release: Release) -> Result<Site> {
    let site = Site::create(release)?;
    let module = static_users()?;
    let machines = settings(&[sensor("everything", "").await?]);
    site.policies
        .put_policy("10-machines", &module, &machines)?;
    let staff = settings(&[alice("").await?]);
    site.policies.put_policy("20-staff", &module, &staff)?;
    Ok(site)
}

#[rstest]
#[tokio::test]
async fn the_first_policy_that_does_not_abstain_decides(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start_at(machines_and_staff(release).await?).await?;

    log_in(&serving.url(), SENSOR, "roof").await?;
    log_in(&serving.url(), ALICE, "desk").await?;

    let roof = serving.host.decision("roof").await?;
    assert_eq!(roof.text("policy.name"), "10-machines");
    let desk = serving.host.decision("desk").await?;
    assert_eq!(desk.text("policy.name"), "20-staff");
    assert!(
        desk.line().contains("10-machines"),
        "who abstained is missing: {desk:?}"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn the_end_of_the_chain_is_a_named_refusal(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start_at(machines_and_staff(release).await?).await?;

    assert!(is_refused(&log_in(&serving.url(), MALLORY, "street").await));

    let street = serving.host.decision("street").await?;
    assert_eq!(street.text("denial.class"), "end-of-chain");
    assert_eq!(street.text("policy.name"), "");
    for name in ["10-machines", "20-staff"] {
        assert!(
            street.line().contains(name),
            "`{name}` abstained: {street:?}"
        );
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_refusal_ends_the_chain(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = machines_and_staff(release).await?;
    let strict = settings(&[sensor("everything", "").await?])
        .replace("[settings]", "[settings]\nunknown-users = \"deny\"");
    site.policies.put_settings("10-machines", &strict)?;
    let serving = Serving::start_at(site).await?;

    assert!(is_refused(&log_in(&serving.url(), ALICE, "desk").await));

    let desk = serving.host.decision("desk").await?;
    assert_eq!(desk.text("denial.class"), "policy-denied");
    assert_eq!(desk.text("policy.name"), "10-machines");
    Ok(())
}

#[rstest]
#[case::by_name("", "10-machines,20-staff")]
#[case::as_stated("order = [\"20-staff\"]", "20-staff,10-machines")]
#[tokio::test]
async fn policies_are_asked_in_order(#[case] order: &str, #[case] expected: &str) -> Result<()> {
    let site = machines_and_staff(Release::Nats2_15).await?;
    // Alice is in both policies, so the first one in the chain decides.
    let both = settings(&[alice("").await?]);
    site.policies.put_settings("10-machines", &both)?;
    let server = site.start_server(Accounts::Several).await?;
    let host: Host = site.spawn_host(&server, order)?;
    host.ready().await?;

    log_in(&server.url(), ALICE, "desk").await?;

    let published = host
        .wait_for("policies", |event| event.says("policies published"))
        .await?;
    let names: String = published.text("order").split_whitespace().collect();
    assert_eq!(names, expected);
    let first = expected.split(',').next().unwrap_or_default();
    assert_eq!(host.decision("desk").await?.text("policy.name"), first);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn without_any_policy_every_login_is_refused(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start_at(Site::create(release)?).await?;

    assert!(is_refused(&log_in(&serving.url(), ALICE, "desk").await));

    let desk = serving.host.decision("desk").await?;
    assert_eq!(desk.text("denial.class"), "no-policy");
    Ok(())
}
