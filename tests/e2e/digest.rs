//! The digest of a version, in every place where a host shows it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use async_nats::{Client, HeaderMap};
use data_encoding::BASE64URL_NOPAD;
use portcullis_harness::{
    Accounts, Credentials, Release, RequestSigner, Site, ask_as_server, log_in, run_portcullis,
};
use serde_json::Value;

use crate::health::{get, spawn};
use crate::support::{POLICY, SENSOR_TOKEN, sensor, settings, site_with};

/// The files of a policy.
struct Files {
    settings: String,
    tests: String,
}

/// Tests of the policy, one for each of `names`.
fn tests(names: &[&str]) -> String {
    let test = |name: &&str| {
        format!(
            "[[tests]]\nname = \"{name}\"\nlogin = {{ username = \"stranger\" }}\nabstain = true\n"
        )
    };
    names.iter().map(test).collect()
}

/// Serves `files` on a host of its own, and returns the version that each place shows.
async fn shown(files: &Files) -> Result<BTreeMap<&'static str, String>> {
    let site = site_with(Release::Nats2_15, &files.settings)?;
    let tests = site.path().join(format!("policies/{POLICY}.tests.toml"));
    fs::write(tests, &files.tests)?;
    let server = site.start_server(Accounts::NoCallout).await?;
    let (host, address) = spawn(&site, &server.url(), "").await?;
    host.decides().await?;
    let (user, password) = Site::OBSERVER;
    let client = log_in(
        &server.url(),
        Credentials::Password(user, password),
        "by-hand",
    )
    .await?;

    let tag = tag(&site, &client).await?;
    let loaded = host.says("policy loaded").await?;
    let decision = host.decision("by-hand").await?;
    let config = site.path().join("portcullis.toml");
    let config = config.to_string_lossy();
    let status = run_portcullis(&["policy", "status", "--json", "--config", &config], "").await?;
    let status: Value = serde_json::from_str(&status.stdout)?;
    let info = client.request("$SRV.INFO.portcullis", "".into()).await?;
    let info: Value = serde_json::from_slice(&info.payload)?;
    let text = |value: &Value, pointer: &str| -> Result<String> {
        let text = value.pointer(pointer).and_then(Value::as_str);
        Ok(text
            .with_context(|| format!("no `{pointer}` in {value}"))?
            .to_owned())
    };
    Ok(BTreeMap::from([
        ("load", loaded.text("policy.version").to_owned()),
        ("decision", decision.text("policy.version").to_owned()),
        ("status", text(&status, "/policies/0/serving/version")?),
        ("tag", tag),
        (
            "discovery",
            text(&info, &format!("/metadata/policy.{POLICY}"))?,
        ),
        ("metric", metric(&address).await?),
    ]))
}

/// Returns the version in the tags of a user JWT.
async fn tag(site: &Site, client: &Client) -> Result<String> {
    let signer = RequestSigner::new(&site.keys.issuer.public_key());
    let request = signer.sign(&signer.claims(SENSOR_TOKEN))?;
    let answer = ask_as_server(client, HeaderMap::new(), request.into()).await?;
    let answer = std::str::from_utf8(&answer.payload)?;
    let answer = nats_token::decode_authorization_response_claims(answer)?;
    let jwt = answer.authorization.jwt.context("the login is denied")?;
    let body = jwt.split('.').nth(1).context("a JWT has three parts")?;
    let claims: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(body.as_bytes())?)?;
    let tags = claims.pointer("/nats/tags").and_then(Value::as_array);
    let mut tags = tags.into_iter().flatten().filter_map(Value::as_str);
    let tag = tags.find_map(|tag| tag.strip_prefix("policy-version:"));
    Ok(tag
        .with_context(|| format!("no version in {claims}"))?
        .to_owned())
}

/// Returns the version in the label of the metric `policy_info`.
async fn metric(address: &str) -> Result<String> {
    let page = get(address, "/metrics").await?;
    let mut lines = page.content.lines();
    let line = lines
        .find(|line| line.starts_with("portcullis_policy_info{"))
        .with_context(|| format!("no `policy_info` in {page:?}"))?;
    let (_, rest) = line.split_once("version=\"").context("no version")?;
    let (version, _) = rest.split_once('"').context("the label has no end")?;
    Ok(version.to_owned())
}

#[tokio::test]
async fn hosts_with_the_same_files_show_the_same_version_everywhere() -> Result<()> {
    let files = Files {
        settings: settings(&[sensor("everything", "").await?]),
        tests: tests(&["a stranger"]),
    };
    let other_settings = Files {
        settings: format!("{}\n# Another edition.\n", files.settings),
        tests: files.tests.clone(),
    };
    let other_tests = Files {
        settings: files.settings.clone(),
        tests: tests(&["a stranger", "another"]),
    };

    let first = shown(&files).await?;
    let second = shown(&files).await?;

    let version = first.get("load").context("no version")?.clone();
    assert!(version.starts_with("sha256:"), "{first:?}");
    assert!(first.values().all(|shown| *shown == version), "{first:#?}");
    assert_eq!(second, first);
    for other in [other_settings, other_tests] {
        let shown = shown(&other).await?;
        let other = shown.get("load").context("no version")?.clone();
        assert!(shown.values().all(|shown| *shown == other), "{shown:#?}");
        assert_ne!(other, version);
    }
    Ok(())
}
