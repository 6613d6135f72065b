//! Lines of the log that operators search for, and how often the host writes them.

use std::fs;

use anyhow::{Context, Result};
use nkeys::KeyPair;
use portcullis_harness::{Accounts, Built, Event, Host, Release, Site, log_in, run_portcullis};
use rstest::rstest;
use serde_json::json;

use crate::support::{ALICE, alice, sensor_site, settings, site_with};

/// A site whose host knows Alice.
async fn site() -> Result<Site> {
    let settings = settings(&[alice("").await?]);
    let site = site_with(Release::Nats2_15, &settings)?;
    Ok(site)
}

fn count(events: &[Event], message: &str) -> usize {
    events.iter().filter(|event| event.says(message)).count()
}

#[tokio::test]
async fn a_permit_is_logged_at_the_level_debug() -> Result<()> {
    let site = site().await?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site.write_config("portcullis.toml", &site.host_config(&server.url(), ""))?;
    let host = Host::spawn(&config, &["--log-level", "debug"])?;
    host.decides().await?;

    log_in(&server.url(), ALICE, "desk").await?;

    let decision = host.decision("desk").await?;
    let permit = host.says("login permitted").await?;
    assert_eq!(permit.text("level"), "DEBUG");
    assert_eq!(permit.text("user_nkey"), decision.text("user_nkey"));
    for (field, value) in [
        ("account", "APP"),
        ("publish.allow", "alice.>,$SYS.REQ.USER.INFO"),
        ("publish.deny", "alice.sealed"),
        ("subscribe.allow", "alice.>,_INBOX.>"),
        ("subscribe.deny", "alice.sealed"),
    ] {
        assert_eq!(permit.text(field), value, "{permit:?}");
    }

    drop(host);
    let host = Host::spawn(&config, &["--log-level", "info"])?;
    host.decides().await?;
    log_in(&server.url(), ALICE, "quiet").await?;
    host.decision("quiet").await?;
    assert_eq!(count(&host.log().all(), "login permitted"), 0);
    Ok(())
}

/// 32 bytes, which any Ed25519 key has.
const ED25519: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

#[tokio::test]
async fn ignored_keys_of_a_provider_are_named_with_the_reason() -> Result<()> {
    let site = site().await?;
    let ignored = [
        json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0" }),
        json!({ "kty": "RSA", "kid": "weak", "n": "AQAB", "e": "AQAB" }),
    ];
    let good = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "good", "x": ED25519 });
    let write = |name: &str, keys: &[serde_json::Value]| {
        fs::write(site.path().join(name), json!({ "keys": keys }).to_string())
    };
    let [shared, weak] = &ignored;
    write("some.json", &[good, shared.clone(), weak.clone()])?;
    write("none.json", &ignored)?;
    let issuer = |name: &str| {
        format!(
            "[identity.issuers.{name}]\nissuer = \"https://{name}.example.com\"\naudiences = [\"nats\"]\n\
             jwks-file = \"{name}.json\"\n"
        )
    };
    let server = site.start_server(Accounts::Several).await?;

    let host = site.spawn_host(&server, &issuer("some"))?;
    let fetched = host.says("the issuer's keys were fetched").await?;
    let mut refusing = site.spawn_host(&server, &issuer("none"))?;
    assert_eq!(refusing.ended().await?, Some(78));
    let log = refusing.log().all();
    let refused = log.last().context("the host said nothing")?;

    assert_eq!(fetched.text("issuer.name"), "some");
    assert_eq!(fetched.number("issuer.keys"), Some(1));
    assert_eq!(fetched.number("issuer.ignored_keys"), Some(2));
    for told in [fetched.text("issuer.ignored"), refused.text("error")] {
        for part in ["`shared`: its `kty` `oct`", "`weak`: its modulus"] {
            assert!(told.contains(part), "`{part}` in {told}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn lines_of_a_policy_name_their_login_and_are_counted_beyond_the_limit() -> Result<()> {
    let site = site().await?;
    let flood = Built::guest("floods_the_log")?;
    site.policies.put_module("flood", &flood)?;
    let server = site.start_server(Accounts::Several).await?;
    let host = site.start_host(&server).await?;
    let mark = host.log().len();

    log_in(&server.url(), ALICE, "desk").await?;

    let decision = host.decision("desk").await?;
    let log = host.log().all();
    let since = log.get(mark..).unwrap_or_default();
    let dropped = since.iter().find(|event| {
        let message = event.text("message");
        message.starts_with("policy log lines dropped")
    });
    let dropped = dropped.with_context(|| format!("the loss is not told: {since:#?}"))?;
    assert_eq!(dropped.text("policy.name"), "flood");
    assert_eq!(dropped.number("policy.dropped_lines"), Some(1000 - 32));
    assert_eq!(dropped.text("level"), "WARN");
    assert_eq!(count(since, "policy log"), 32);
    let user_nkey = decision.text("user_nkey");
    assert!(user_nkey.starts_with('U'), "{decision:?}");
    let lines = since.iter().filter(|event| event.says("policy log"));
    for line in lines.chain([dropped]) {
        assert_eq!(line.text("user_nkey"), user_nkey, "{line:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_panic_is_logged_with_its_message_file_and_line() -> Result<()> {
    let site = site().await?;
    let fails = Built::guest("fails_for")?;
    let settings = "[settings]\nusername = \"alice\"\nhow = \"panics\"\n";
    site.policies.put_policy("fails", &fails, settings)?;
    let server = site.start_server(Accounts::Several).await?;
    let host = site.start_host(&server).await?;

    drop(log_in(&server.url(), ALICE, "desk").await);

    let decision = host.decision("desk").await?;
    assert_eq!(decision.text("denial.class"), "policy-trapped");
    let reason = decision.text("denial.reason");
    let (_, place) = reason.split_once("fails_for.rs:").unwrap_or_default();
    assert!(
        place.starts_with(|digit: char| digit.is_ascii_digit()),
        "{reason}"
    );
    Ok(())
}

#[tokio::test]
async fn check_and_policy_test_show_what_a_failed_test_logged() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    site.policies.put_module("p", &Built::guest("panics")?)?;
    let tests = "[[tests]]\nname = \"quiet\"\nlogin = {}\nabstain = true\n";
    fs::write(site.path().join("policies/p.tests.toml"), tests)?;
    let config = site.host_config("nats://127.0.0.1:4222", "");
    let config = site.write_config("portcullis.toml", &config)?;
    let config = config.to_string_lossy();

    let tested = run_portcullis(&["policy", "test", "--config", &config], "").await?;
    let checked = run_portcullis(&["check", "--config", &config], "").await?;

    assert_eq!(tested.code, Some(65), "{tested:?}");
    for part in [
        "\n  log: debug: line 1\n",
        "\n  log: debug: line 32\n",
        "\n  log: 9 more lines, which were dropped\n",
        "the guest panics on purpose",
        "panics.rs:",
    ] {
        assert!(tested.stdout.contains(part), "`{part}` in {tested:?}");
    }
    assert_eq!(checked.code, Some(65), "{checked:?}");
    for part in [
        "it logged at last ",
        "debug: line 32",
        "9 more lines, which were dropped",
        "panics.rs:",
    ] {
        assert!(checked.stdout.contains(part), "`{part}` in {checked:?}");
    }
    Ok(())
}

/// A server that refuses the host's own login is tried many times a second, and told of once.
#[rstest]
#[tokio::test]
async fn refused_logins_of_the_host_itself_are_summed_up(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::NoCallout).await?;
    let host = site.start_host(&server).await?;
    let mark = host.log().len();

    let again = server.stop().await?;
    let file = site.path().join("nats-server.conf");
    let known = fs::read_to_string(&file)?;
    let stranger = KeyPair::new_user().public_key();
    let callout = site.keys.callout.public_key();
    fs::write(&file, known.replace(&callout, &stranger))?;
    let _server = again.await?;

    host.says_from(mark, "nats login refused").await?;
    let repeated = host
        .wait_from(mark, "a summary of refusals", |event| {
            event.says("nats trouble goes on") && event.text("error").contains("refuses the login")
        })
        .await?;
    assert!(
        repeated.number("nats.times").unwrap_or_default() > 1,
        "{repeated:?}"
    );
    let log = host.log().all();
    let since = log.get(mark..).unwrap_or_default();
    assert_eq!(count(since, "nats login refused"), 1, "{since:#?}");
    let errors = since.iter().filter(|event| event.text("level") == "ERROR");
    assert_eq!(errors.count(), 1, "{since:#?}");
    Ok(())
}
