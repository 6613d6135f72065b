//! `portcullis decide` says what a server applies.

use std::fs;

use anyhow::{Context, Result};
use portcullis_connect::USER_INFO;
use portcullis_harness::{Release, run_portcullis};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::{ALICE, ALICE_PASSWORD, Serving, alice_in, sorted};

/// A profile with each kind of permission.
const PROFILE: &str = r#"
[settings]
default-account = "APP"

[settings.profiles.all-kinds]
publish = { allow = ["alice.>", "shared.*"], deny = ["alice.sealed"] }
subscribe = { allow = ["alice.>", "_INBOX.>", "jobs.> workers"], deny = ["alice.sealed"] }
intents = { request = ["svc.echo"], user-info = true }
responses = { max = 3, ttl = "5s" }
"#;

/// Returns the permissions of a user JWT in the words of [`USER_INFO`]. Servers of 2.10 leave the
/// queue of a subscription out.
fn as_the_server_says(jwt: &Value, release: Release) -> Value {
    let mut permissions = Map::new();
    for (name, member) in [
        ("publish", "pub"),
        ("subscribe", "sub"),
        ("responses", "resp"),
    ] {
        permissions.insert(
            name.to_owned(),
            jwt.pointer(&format!("/nats/{member}"))
                .cloned()
                .unwrap_or_default(),
        );
    }
    let told = Value::Object(permissions).to_string();
    let told = match release {
        Release::Nats2_10 => told.replace("jobs.> workers", "jobs.>"),
        _ => told,
    };
    told.parse().unwrap_or_default()
}

#[rstest]
#[tokio::test]
async fn the_user_jwt_that_decide_prints_is_what_a_server_applies(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let alice = alice_in("all-kinds", "expires-in = \"1h\"").await?;
    let serving = Serving::start(release, &format!("{PROFILE}{alice}")).await?;
    let client = serving.log_in(ALICE, "real").await?;
    let answer = client.request(USER_INFO, "".into()).await?;
    let answer: Value = serde_json::from_slice(&answer.payload)?;
    let applied = &answer["data"];

    let login = serving.site.path().join("login.json");
    let described = json!({ "username": "alice", "password": ALICE_PASSWORD });
    fs::write(&login, described.to_string())?;
    let config = serving.site.path().join("portcullis.toml");
    let (config, login) = (config.to_string_lossy(), login.to_string_lossy());
    let version = release.to_string();
    let decide = [
        "decide",
        "--config",
        &config,
        &login,
        "--server-version",
        &version,
        "--json",
    ];
    let decided = run_portcullis(&decide, "").await?;
    assert_eq!(decided.code, Some(0), "{decided:?}");
    let decided: Value = serde_json::from_str(&decided.stdout)?;

    let printed = as_the_server_says(&decided["user-jwt"], release);
    assert_eq!(
        sorted(&printed),
        sorted(&applied["permissions"]),
        "{answer}"
    );
    let server = &decided["server"];
    assert_eq!(server["account"], applied["account"], "{answer}");
    assert_eq!(server["user"], applied["user"], "{answer}");
    let expires_at = server["expires-at"].as_u64().context("no end")?;
    let received_at = decided["received-at"].as_u64().context("no time")?;
    assert_eq!(expires_at.checked_sub(received_at), Some(3600), "{decided}");
    // The server tells the time that is left, in nanoseconds.
    let left = applied["expires"].as_u64().context("no end")? / 1_000_000_000;
    assert!((3000..=3600).contains(&left), "{answer}");
    Ok(())
}
