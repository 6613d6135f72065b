//! Policies that change while clients log in.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use portcullis_harness::{
    Built, Credentials, Event, Release, Site, hash, is_refused, log_in, wasm_with_note,
};
use rstest::rstest;

use crate::support::{ALICE, POLICY, SENSOR, Serving, alice, sensor, settings, static_users, user};

const LOGINS: usize = 500;
const REPLACEMENTS: usize = 20;

#[rstest]
#[tokio::test]
async fn a_policy_that_is_added_decides(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[sensor("everything", "").await?])).await?;
    assert!(is_refused(&log_in(&serving.url(), ALICE, "before").await));

    let mark = serving.mark();
    let added = settings(&[alice("").await?]);
    serving
        .site
        .policies
        .put_policy("added", &static_users()?, &added)?;
    serving.published_from(mark, "added").await?;

    log_in(&serving.url(), ALICE, "after").await?;
    let decision = serving.host.decision("after").await?;
    assert_eq!(decision.text("policy.name"), "added");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_module_that_is_replaced_decides_differently(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    use portcullis_harness::{ForeignClient, Step};
    let settings = settings(&[alice("account = \"APP\"").await?]);
    let serving = Serving::start(release, &settings).await?;
    let publish = [Step::Publish("alice.desk")];
    let client = ForeignClient::Python;
    let before = client
        .run(&serving.url(), ALICE, "before", &publish)
        .await?;
    assert!(before.accepted(0), "{before:?}");

    let mark = serving.mark();
    serving
        .site
        .policies
        .put_module(POLICY, &Built::policy("demo-read-only")?)?;
    let loaded = serving.published_from(mark, POLICY).await?;

    let after = client.run(&serving.url(), ALICE, "after", &publish).await?;
    assert!(after.connected && after.refused(0), "{after:?}");
    let before = serving.host.decision("before").await?;
    let after = serving.host.decision("after").await?;
    assert_ne!(before.text("policy.digest"), after.text("policy.digest"));
    assert_eq!(after.text("policy.digest"), loaded.text("policy.digest"));
    assert!(after.number("policy.generation") > before.number("policy.generation"));
    Ok(())
}

#[rstest]
#[tokio::test]
async fn settings_that_are_edited_take_effect(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[alice("").await?])).await?;
    log_in(&serving.url(), ALICE, "before").await?;

    let mark = serving.mark();
    let password = hash("a-new-password", &[]).await?;
    let edited = user("alice", &format!("password = \"{password}\""), "own", "");
    serving
        .site
        .policies
        .put_settings(POLICY, &settings(&[edited]))?;
    serving.published_from(mark, POLICY).await?;

    assert!(is_refused(
        &log_in(&serving.url(), ALICE, "old-password").await
    ));
    let fresh = Credentials::Password("alice", "a-new-password");
    log_in(&serving.url(), fresh, "new-password").await?;
    let before = serving.host.decision("before").await?;
    let after = serving.host.decision("new-password").await?;
    assert!(after.number("policy.generation") > before.number("policy.generation"));
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_policy_that_is_removed_no_longer_decides(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[alice("").await?])).await?;
    log_in(&serving.url(), ALICE, "before").await?;

    let mark = serving.mark();
    serving.site.policies.remove(POLICY)?;
    let mut removed = false;
    let pick = |event: &Event| {
        removed |= event.says("policy removed") && event.text("policy.name") == POLICY;
        (removed && event.says("policies published")).then_some(())
    };
    serving
        .host
        .log()
        .first_from(mark, "the policy to go", pick)
        .await?;

    assert!(is_refused(&log_in(&serving.url(), ALICE, "after").await));
    let decision = serving.host.decision("after").await?;
    assert_eq!(decision.text("denial.class"), "no-policy");
    Ok(())
}

/// Returns modules that no host can load, each with a name.
fn broken_modules() -> Result<[(&'static str, Vec<u8>); 5]> {
    let good = static_users()?;
    let half = good.get(..good.len() / 2).unwrap_or_default().to_vec();
    Ok([
        ("empty", Vec::new()),
        ("not-wasm", b"#!/bin/sh\nexit 0\n".to_vec()),
        ("truncated", half),
        ("wrong-world", b"\0asm\x01\0\0\0".to_vec()),
        ("oversized", wasm_with_note(&good, &"x".repeat(9 << 20))),
    ])
}

#[rstest]
#[tokio::test]
async fn a_broken_module_leaves_the_last_good_one_serving(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[alice("").await?])).await?;
    let good = serving
        .host
        .wait_for("a policy", |event| event.says("policy loaded"))
        .await?;

    for (name, module) in broken_modules()? {
        let mark = serving.mark();
        serving.site.policies.put_module(POLICY, &module)?;
        let rejected = serving
            .host
            .wait_from(mark, name, |event| event.says("policy rejected"))
            .await?;
        assert_eq!(rejected.text("policy.name"), POLICY, "{name}");
        assert_eq!(
            rejected.text("policy.serving"),
            good.text("policy.digest"),
            "{name}"
        );
        assert!(
            rejected.text("file").ends_with("static-users.wasm"),
            "{rejected:?}"
        );
        assert!(!rejected.text("error").is_empty(), "{rejected:?}");

        log_in(&serving.url(), ALICE, name).await?;
        let decision = serving.host.decision(name).await?;
        assert_eq!(
            decision.text("policy.digest"),
            good.text("policy.digest"),
            "{name}"
        );
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn settings_that_the_policy_refuses_leave_the_last_good_ones(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let good = settings(&[alice("").await?]);
    let serving = Serving::start(release, &good).await?;

    for (name, bad) in [
        (
            "unknown-profile",
            good.replace("profile = \"own\"", "profile = \"onw\""),
        ),
        ("not-toml", "[settings".to_owned()),
        (
            "misspelt-key",
            good.replace("default-account", "defualt-account"),
        ),
    ] {
        let mark = serving.mark();
        serving.site.policies.put_settings(POLICY, &bad)?;
        let rejected = serving
            .host
            .wait_from(mark, name, |event| event.says("policy rejected"))
            .await?;
        assert_ne!(rejected.text("policy.serving"), "none", "{name}");
        log_in(&serving.url(), ALICE, name).await?;
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_broken_policy_does_not_touch_the_others(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[alice("").await?])).await?;

    let mut broken = broken_modules()?.to_vec();
    broken.push(("Invalid Name", static_users()?));
    for (name, module) in broken {
        let mark = serving.mark();
        serving.site.policies.put_module(name, &module)?;
        let rejected = serving
            .host
            .wait_from(mark, name, |event| event.says("policy rejected"))
            .await?;
        assert!(
            rejected.text("file").ends_with(&format!("{name}.wasm")),
            "{rejected:?}"
        );
    }

    log_in(&serving.url(), ALICE, "desk").await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn no_login_fails_while_a_module_is_replaced(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let serving = Serving::start(release, &settings(&[sensor("everything", "").await?])).await?;

    let done = Cell::new(false);
    let (replaced, names) = tokio::join!(
        replace_again_and_again(&serving, &done),
        log_in_again_and_again(&serving, &done)
    );

    let mut digests = vec![first_digest(&serving).await?];
    digests.extend(replaced?);
    let decisions = decisions_on(&serving, &names?).await?;
    assert!(decisions.len() >= LOGINS);
    let mut digest_of = BTreeMap::new();
    let mut latest = 0;
    for decision in &decisions {
        assert_eq!(decision.text("decision"), "permit", "{decision:?}");
        let generation = decision.number("policy.generation").unwrap_or_default();
        assert!(
            generation >= latest,
            "an older generation came back: {decision:?}"
        );
        latest = generation;
        let digest = decision.text("policy.digest").to_owned();
        let known = digest_of
            .entry(generation)
            .or_insert_with(|| digest.clone());
        assert_eq!(*known, digest, "generation {generation} has two digests");
    }
    let seen: BTreeSet<_> = digest_of.values().cloned().collect();
    for end in [digests.first(), digests.last()].into_iter().flatten() {
        assert!(seen.contains(end), "nobody met {end}");
    }
    Ok(())
}

async fn first_digest(serving: &Serving) -> Result<String> {
    let loaded = serving
        .host
        .wait_for("a policy", |event| event.says("policy loaded"))
        .await?;
    Ok(loaded.text("policy.digest").to_owned())
}

/// Replaces the module repeatedly, each time once the last one serves. Returns the digests in
/// order.
async fn replace_again_and_again(serving: &Serving, done: &Cell<bool>) -> Result<Vec<String>> {
    // A login must meet the first module.
    serving.host.decision("login-0").await?;
    let module = static_users()?;
    let mut digests = Vec::new();
    for version in 1..=REPLACEMENTS {
        let mark = serving.mark();
        let changed = wasm_with_note(&module, &format!("version {version}"));
        serving.site.policies.put_module(POLICY, &changed)?;
        let loaded = serving.published_from(mark, POLICY).await?;
        digests.push(loaded.text("policy.digest").to_owned());
    }
    done.set(true);
    Ok(digests)
}

/// Logs in repeatedly, at least [`LOGINS`] times and once more after the last replacement. Returns
/// the names of the connections.
async fn log_in_again_and_again(serving: &Serving, done: &Cell<bool>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut last = false;
    while !last {
        last = done.get() && names.len() + 1 >= LOGINS;
        let name = format!("login-{}", names.len());
        let client = serving.log_in(SENSOR, &name).await?;
        client.drain().await?;
        names.push(name);
    }
    Ok(names)
}

/// Returns the decision on each of these logins, after verifying that each has one.
async fn decisions_on(serving: &Serving, names: &[String]) -> Result<Vec<Event>> {
    if let Some(last) = names.last() {
        serving.host.decision(last).await?;
    }
    let mut decisions: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in serving.host.log().all() {
        if event.says("authorization decided") {
            decisions
                .entry(event.text("client.name").to_owned())
                .or_default()
                .push(event);
        }
    }
    let mut in_order = Vec::new();
    for name in names {
        let of_this = decisions.remove(name).unwrap_or_default();
        assert_eq!(of_this.len(), 1, "{name}: {of_this:?}");
        in_order.extend(of_this);
    }
    Ok(in_order)
}

#[rstest]
#[tokio::test]
async fn a_host_that_starts_with_a_broken_policy_serves_the_others(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    site.policies
        .put_policy("good", &static_users()?, &settings(&[alice("").await?]))?;
    site.policies.put_module("bad", b"not wasm")?;
    let serving = Serving::start_at(site).await?;

    let rejected = serving
        .host
        .wait_for("`bad`", |event| event.says("policy rejected"))
        .await?;
    assert_eq!(rejected.text("policy.name"), "bad");
    assert_eq!(rejected.text("policy.serving"), "none");
    log_in(&serving.url(), ALICE, "desk").await?;
    Ok(())
}
