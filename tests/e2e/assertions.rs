//! What the operator asserts of all policies together, and the comparison of two versions.

use std::fs;
use std::path::Path;

use anyhow::Result;
use portcullis_harness::{
    Accounts, Finished, Host, Release, Site, is_refused, log_in, run_portcullis,
};
use rstest::rstest;
use serde_json::Value;

use crate::support::{
    ALICE, ALICE_PASSWORD, POLICY, Serving, alice_in, settings, site_with, static_users,
};

/// Asserts that alice stays below her own subjects.
fn assertions() -> String {
    format!(
        "[logins.alice]\nusername = \"alice\"\npassword = \"{ALICE_PASSWORD}\"\n\n\
         [[assertions]]\nname = \"alice keeps to herself\"\nlogins = [\"alice\"]\n\
         account = \"APP\"\nmay-publish = [\"alice.new\"]\nmay-not-publish = [\"bob.>\"]\n"
    )
}

/// Returns settings in which alice has a profile.
async fn with_profile(profile: &str) -> Result<String> {
    Ok(settings(&[alice_in(profile, "").await?]))
}

async fn check(site: &Site) -> Result<Finished> {
    let config = site.path().join("portcullis.toml");
    run_portcullis(&["check", "--config", &config.to_string_lossy()], "").await
}

#[rstest]
#[tokio::test]
async fn a_version_that_breaks_an_assertion_does_not_serve(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let own = with_profile("own").await?;
    let site = site_with(release, &own)?;
    let file = site.path().join("assertions.toml");
    fs::write(&file, assertions())?;
    let serving = Serving::start_at(site).await?;
    serving.log_in(ALICE, "before").await?;

    let mark = serving.mark();
    let wide = with_profile("everything").await?;
    serving.site.policies.put_settings(POLICY, &wide)?;
    let rejected = serving
        .host
        .wait_from(mark, "a rejection", |event| event.says("policy rejected"))
        .await?;
    assert_eq!(
        rejected.text("error"),
        "assertion `alice keeps to herself`: login `alice`: it may publish `bob.x` (of `bob.>`)"
    );
    assert!(
        rejected.text("file").ends_with("assertions.toml"),
        "{rejected:?}"
    );
    let client = serving.log_in(ALICE, "still").await?;
    drop(client);
    let checked = check(&serving.site).await?;
    assert_eq!(checked.code, Some(65), "{checked:?}");
    let said = format!("{}{}", checked.stdout, checked.stderr);
    assert!(
        said.contains("assertion `alice keeps to herself`"),
        "{said}"
    );

    // The operator changes the assertion, and the version that was refused serves.
    let mark = serving.mark();
    fs::write(
        &file,
        assertions().replace("may-not-publish = [\"bob.>\"]\n", ""),
    )?;
    serving.published_from(mark, POLICY).await?;
    serving.log_in(ALICE, "after").await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_whose_policies_break_an_assertion_from_the_start_denies(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let wide = with_profile("everything").await?;
    let site = site_with(release, &wide)?;
    fs::write(site.path().join("assertions.toml"), assertions())?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site.write_config("portcullis.toml", &site.host_config(&server.url(), ""))?;
    let host = Host::spawn(&config, &[])?;
    host.wait_for("the denial of all", |event| {
        event.says("no good set of policies: every login is denied until the assertions hold")
    })
    .await?;
    host.denies_alone().await?;
    assert!(is_refused(&log_in(&server.url(), ALICE, "early").await));

    let own = with_profile("own").await?;
    let mark = host.log().len();
    site.policies.put_settings(POLICY, &own)?;
    host.wait_from(mark, "the policy", |event| event.says("policies published"))
        .await?;
    host.decides().await?;
    log_in(&server.url(), ALICE, "late").await?;
    Ok(())
}

/// Writes a version of the policy into a directory of its own. Returns the path of its module.
fn version(site: &Site, name: &str, settings: &str) -> Result<String> {
    let directory = site.path().join(name);
    fs::create_dir_all(&directory)?;
    let module = directory.join("static-users.wasm");
    fs::write(&module, static_users()?)?;
    fs::write(directory.join("static-users.toml"), settings)?;
    fs::write(
        directory.join("static-users.tests.toml"),
        tests("alice.new"),
    )?;
    Ok(module.to_string_lossy().into_owned())
}

/// Returns a test of alice's login, with the subjects that it expects her to publish on.
fn tests(subject: &str) -> String {
    format!(
        "[[tests]]\nname = \"alice\"\n\
         login = {{ username = \"alice\", password = \"{ALICE_PASSWORD}\" }}\n\
         account = \"APP\"\nmay-publish = [\"{subject}\"]\n"
    )
}

async fn diff(arguments: &[&str]) -> Result<Finished> {
    run_portcullis(&[&["policy", "diff"], arguments].concat(), "").await
}

#[tokio::test]
async fn new_access_and_forbidden_subjects_have_codes_of_their_own() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let own = version(&site, "own", &with_profile("own").await?)?;
    let wide = version(&site, "wide", &with_profile("everything").await?)?;

    let gained = diff(&[&own, &wide]).await?;
    assert_eq!(gained.code, Some(0), "{gained:?}");
    assert!(gained.stdout.contains("\n  + "), "{gained:?}");
    let refused = diff(&[&own, &wide, "--no-new-access"]).await?;
    assert_eq!(refused.code, Some(80), "{refused:?}");
    let less = diff(&[&wide, &own, "--no-new-access", "--json"]).await?;
    assert_eq!(less.code, Some(0), "{less:?}");
    let json: Value = serde_json::from_str(&less.stdout)?;
    let change = &json["changes"][0];
    assert_eq!(change["gained"], Value::Array(Vec::new()), "{json}");
    assert_ne!(change["lost"], Value::Array(Vec::new()), "{json}");
    let forbidden = diff(&[&own, &wide, "--never", "$SYS.REQ.SERVER.>"]).await?;
    assert_eq!(forbidden.code, Some(81), "{forbidden:?}");
    let allowed = diff(&[&wide, &own, "--never", "$SYS.REQ.SERVER.>"]).await?;
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    let missing = diff(&[&own, "absent.wasm"]).await?;
    assert_eq!(missing.code, Some(66), "{missing:?}");
    assert!(missing.stderr.contains("`absent.wasm`"), "{missing:?}");
    Ok(())
}

#[tokio::test]
async fn failed_tests_expect_what_their_policy_answered_after_an_update() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let own = version(&site, "own", &with_profile("own").await?)?;
    let module = Path::new(&own);
    let file = module.with_file_name("static-users.tests.toml");
    let wrong = "# kept\n[[tests]]\nname = \"stranger\"\nlogin = { username = \"stranger\" }\npermit = { account = \"APP\" }\n";
    fs::write(&file, wrong)?;
    let run = |more: &'static [&'static str]| {
        let own = own.clone();
        async move { run_portcullis(&[&["policy", "test", &own], more].concat(), "").await }
    };
    assert_eq!(run(&[]).await?.code, Some(65));
    let updated = run(&["--update"]).await?;
    assert_eq!(updated.code, Some(0), "{updated:?}");
    let text = fs::read_to_string(&file)?;
    assert!(
        text.starts_with("# kept\n") && !text.contains("permit ="),
        "{text}"
    );
    assert_eq!(run(&[]).await?.code, Some(0), "{text}");
    Ok(())
}
