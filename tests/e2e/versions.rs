//! The life of policies: their tests, signatures, stored versions and rollbacks, and the commands
//! for them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nkeys::KeyPair;
use portcullis_harness::{
    Accounts, Credentials, Finished, Host, Release, Site, hash, is_refused, log_in, run_portcullis,
    until_read,
};
use rstest::rstest;
use serde_json::Value;

use crate::support::{
    ALICE, POLICY, Serving, alice, alice_in, settings, site_with, static_users, user,
};

fn config(site: &Site) -> PathBuf {
    site.path().join("portcullis.toml")
}

async fn policy(arguments: &[&str], config: &Path) -> Result<Finished> {
    let config = config.to_string_lossy();
    let arguments = [&["policy"], arguments, &["--config", &config]].concat();
    run_portcullis(&arguments, "").await
}

/// Waits until the host has written that the version in service is as wanted. It logs so before.
async fn until_written(
    site: &Site,
    awaited: &str,
    is_wanted: impl Fn(&Value) -> bool,
) -> Result<()> {
    let state = site.path().join("state");
    until_read(&state, awaited, || {
        let text = fs::read_to_string(state.join("status.json")).ok()?;
        let status: Value = serde_json::from_str(&text).ok()?;
        let serving = status.pointer("/policies/0/serving")?;
        is_wanted(serving).then_some(())
    })
    .await
}

/// Returns settings in which Alice has this password.
async fn with_password(password: &str) -> Result<String> {
    let password = hash(password, &[]).await?;
    let password = format!("password = \"{password}\"");
    Ok(settings(&[user("alice", &password, "own", "")]))
}

#[rstest]
#[tokio::test]
async fn an_operator_goes_back_and_the_last_good_version_survives_a_restart(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let mut serving = Serving::start(release, &settings(&[alice("").await?])).await?;
    let config = config(&serving.site);
    let mark = serving.mark();
    let edited = with_password("a-new-password").await?;
    serving.site.policies.put_settings(POLICY, &edited)?;
    serving.published_from(mark, POLICY).await?;
    assert!(is_refused(&log_in(&serving.url(), ALICE, "edited").await));
    let second = |serving: &Value| serving["generation"] == 2;
    until_written(&serving.site, "generation 2", second).await?;
    let status = policy(&["status"], &config).await?;
    assert!(
        status
            .stdout
            .contains("static-users: generation 2 serves since 20"),
        "{status:?}"
    );
    for line in [
        "  configured state: kept, every decision starts from it\n",
        "  kept: 2, 1\n",
    ] {
        assert!(status.stdout.contains(line), "{status:?}");
    }

    let mark = serving.mark();
    let back = policy(&["rollback", POLICY], &config).await?;
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(
        back.stdout
            .contains("generation 1 of policy `static-users` is back"),
        "{back:?}"
    );
    serving.published_from(mark, POLICY).await?;
    serving.log_in(ALICE, "back").await?;

    let first = |serving: &Value| serving["generation"] == 1;
    until_written(&serving.site, "generation 1", first).await?;
    serving.host.kill().await?;
    let killed = policy(&["status"], &config).await?;
    assert_eq!(killed.code, Some(75), "{killed:?}");
    for part in ["NOT RUNNING: ", "generation 1 served since 20"] {
        assert!(killed.stdout.contains(part), "{killed:?}");
    }
    serving.site.policies.put_module(POLICY, b"\0asm broken")?;
    let host = Host::spawn(&config, &[])?;
    host.ready().await?;
    let restored = host
        .wait_for("the last good version", |event| {
            event.says("policy restored: the last good version serves")
        })
        .await?;
    assert_eq!(restored.number("policy.generation"), Some(1));
    log_in(&serving.url(), ALICE, "restored").await?;
    let decision = host.decision("restored").await?;
    assert_eq!(decision.number("policy.generation"), Some(1));
    let restored = |serving: &Value| serving["restored"] == true;
    until_written(&serving.site, "restored version", restored).await?;
    let status = policy(&["status"], &config).await?;
    assert!(
        status.stdout.contains("restored at the start"),
        "{status:?}"
    );
    assert!(status.stdout.contains("refused at 20"), "{status:?}");
    let json = policy(&["status", "--json"], &config).await?;
    let json: serde_json::Value = serde_json::from_str(&json.stdout)?;
    assert_eq!(json["policies"][0]["serving"]["generation"], 1);
    assert_eq!(json["host"], "running");
    assert_eq!(json["policies"][0]["serving"]["snapshotted"], true);

    let unknown = policy(&["rollback", POLICY, "--to", "99"], &config).await?;
    assert_eq!(unknown.code, Some(66), "{unknown:?}");
    assert!(unknown.stderr.contains("there are 2, 1"), "{unknown:?}");
    let json = policy(&["rollback", POLICY, "--to", "1", "--json"], &config).await?;
    let json: serde_json::Value = serde_json::from_str(&json.stdout)?;
    assert_eq!(json["policy"], POLICY);
    assert_eq!(json["generation"], 1);
    let nobody = policy(&["rollback", "nobody"], &config).await?;
    assert_eq!(nobody.code, Some(66), "{nobody:?}");
    Ok(())
}

#[tokio::test]
async fn tests_warn_of_permits_that_hold_less_than_they_say() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let wide = "publish = { allow = [\"alice.>\"] }\nresponses = {}\n\
                subscribe = { allow = [\"alice.*\", \"alice.a.b\"] }\n";
    let profile = format!("\n[settings.profiles.wide]\n{wide}");
    let alice = alice_in("wide", "").await?;
    site.policies
        .put_policy(POLICY, &static_users()?, &settings(&[profile, alice]))?;
    let tests = "[[tests]]\nname = \"alice\"\n\
                 login = { username = \"alice\", password = \"correct-horse-battery-staple\" }\n\
                 permit = { account = \"APP\" }\n";
    fs::write(site.path().join("policies/static-users.tests.toml"), tests)?;
    // The command contacts no server.
    let text = site.host_config("nats://127.0.0.1:4222", "");
    site.write_config("portcullis.toml", &text)?;
    let tested = policy(&["test"], &config(&site)).await?;
    for doubt in [
        "  warning: `responses` gets around",
        "  warning: clients can subscribe to `alice.>`",
    ] {
        assert!(tested.stdout.contains(doubt), "{tested:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_that_fails_its_tests_never_decides() -> Result<()> {
    let good = settings(&[alice("").await?]);
    let site = site_with(Release::Nats2_15, &good)?;
    let tests = "[[tests]]\nname = \"alice stays on her subjects\"\n\
                 login = { username = \"alice\", password = \"correct-horse-battery-staple\" }\n\
                 permit = { account = \"APP\", publish = { allow = [\"alice.>\", \"$SYS.REQ.USER.INFO\"], deny = [\"alice.sealed\"] }, \
                 subscribe = { allow = [\"alice.>\", \"_INBOX.>\"], deny = [\"alice.sealed\"] } }\n";
    let file = site.path().join("policies/static-users.tests.toml");
    fs::write(&file, tests)?;
    let serving = Serving::start_at(site).await?;
    let config = config(&serving.site);
    let passed = policy(&["test", "--asked"], &config).await?;
    assert_eq!(passed.code, Some(0), "{passed:?}");
    assert!(
        passed.stdout.contains("alice stays on her subjects: ok, "),
        "{passed:?}"
    );
    assert!(
        passed.stdout.contains("identity.password-matches"),
        "{passed:?}"
    );

    let mark = serving.mark();
    let wider = good.replace("allow = [\"alice.>\", \"$SYS", "allow = [\">\", \"$SYS");
    assert_ne!(wider, good);
    serving.site.policies.put_settings(POLICY, &wider)?;
    let rejected = serving
        .host
        .wait_from(mark, "a rejection", |event| event.says("policy rejected"))
        .await?;
    let difference =
        "test `alice stays on her subjects`: publish allow: missing `alice.>`, unexpected `>`";
    assert_eq!(rejected.text("error"), difference);
    assert_eq!(rejected.text("file"), file.to_string_lossy());
    serving.log_in(ALICE, "desk").await?;
    assert_eq!(
        serving
            .host
            .decision("desk")
            .await?
            .number("policy.generation"),
        Some(1)
    );

    let failed = policy(&["test", POLICY], &config).await?;
    assert_eq!(failed.code, Some(65), "{failed:?}");
    assert!(
        failed
            .stdout
            .contains(&format!("{}, line 2: publish allow", file.display())),
        "{failed:?}"
    );
    let unknown = policy(&["test", "nobody"], &config).await?;
    assert_eq!(unknown.code, Some(66), "{unknown:?}");
    let checked = run_portcullis(&["check", "--config", &config.to_string_lossy()], "").await?;
    assert_eq!(checked.code, Some(65), "{checked:?}");
    Ok(())
}

/// Returns a ceiling of the account `APP`: logins may publish on `stock.>` and subscribe to
/// everything.
fn ceiling(on_excess: &str) -> String {
    format!(
        "\n[ceilings.accounts.APP]\npublish-allow = [\"stock.>\"]\nsubscribe-allow = [\">\"]\n\
         on-excess = \"{on_excess}\"\n"
    )
}

#[rstest]
#[case::elsewhere(
    "OPS",
    String::new(),
    Some(
        "the permit places the login in account `OPS`, which is not in `target-accounts`: add it there or correct the policy"
    )
)]
#[case::refused(
    "APP",
    ceiling("refuse"),
    Some(
        "the permit exceeds the ceiling of account `APP`: the permit's publish-allow `alice.>` is covered by no subject"
    )
)]
#[case::clipped("APP", ceiling("clip"), None)]
#[tokio::test]
async fn tests_are_held_to_what_the_host_enforces(
    #[case] account: &str,
    #[case] ceilings: String,
    #[case] denial: Option<&str>,
) -> Result<()> {
    let alice = alice(&format!("account = \"{account}\"")).await?;
    let site = site_with(Release::Nats2_15, &settings(&[alice]))?;
    let tests = format!(
        "[[tests]]\nname = \"alice stays on her subjects\"\n\
         login = {{ username = \"alice\", password = \"correct-horse-battery-staple\" }}\n\
         permit = {{ account = \"{account}\", publish = {{ allow = [\"alice.>\", \"$SYS.REQ.USER.INFO\"], deny = [\"alice.sealed\"] }}, \
         subscribe = {{ allow = [\"alice.>\", \"_INBOX.>\"], deny = [\"alice.sealed\"] }} }}\n"
    );
    fs::write(site.path().join("policies/static-users.tests.toml"), tests)?;
    // The command contacts no server.
    let text = site.host_config("nats://127.0.0.1:4222", "");
    site.write_config("portcullis.toml", &format!("{text}{ceilings}"))?;
    let config = config(&site);
    let tested = policy(&["test"], &config).await?;
    let checked = run_portcullis(&["check", "--config", &config.to_string_lossy()], "").await?;
    let code = Some(if denial.is_some() { 65 } else { 0 });
    assert_eq!(
        (tested.code, checked.code),
        (code, code),
        "{tested:?} {checked:?}"
    );
    if let Some(denial) = denial {
        let failure = format!("the host denies every such login: {denial}");
        assert!(tested.stdout.contains(&failure), "{tested:?}");
        assert!(checked.stdout.contains(&failure), "{checked:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_version_whose_tests_permit_what_the_host_denies_never_decides() -> Result<()> {
    let serving = Serving::start(Release::Nats2_15, &settings(&[user_of("APP").await?])).await?;
    let tests = "[[tests]]\nname = \"alice moves\"\n\
                 login = { username = \"alice\", password = \"correct-horse-battery-staple\" }\n\
                 permit = { account = \"OPS\", subscribe = { allow = [\">\"] } }\n";
    let mark = serving.mark();
    // The tests come first: without them, the host would take the settings.
    fs::write(
        serving.site.path().join("policies/static-users.tests.toml"),
        tests,
    )?;
    serving
        .site
        .policies
        .put_settings(POLICY, &settings(&[user_of("OPS").await?]))?;
    serving
        .host
        .wait_from(mark, "a rejection in the words of the denial", |event| {
            event.says("policy rejected")
                && event.text("error").ends_with(
                    "the host denies every such login: the permit places the login in account `OPS`, which is not in `target-accounts`: add it there or correct the policy",
                )
        })
        .await?;
    serving.log_in(ALICE, "stays").await?;
    let decision = serving.host.decision("stays").await?;
    assert_eq!(decision.number("policy.generation"), Some(1));
    Ok(())
}

/// Returns Alice in `account`, where she may only subscribe.
async fn user_of(account: &str) -> Result<String> {
    alice_in("mute", &format!("account = \"{account}\"")).await
}

#[tokio::test]
async fn check_refuses_a_signed_version_that_is_older_than_one_that_has_served() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let publisher = KeyPair::new_account();
    let seed = site.path().join("publisher.nk");
    fs::write(&seed, format!("{}\n", publisher.seed()?))?;
    let settings = settings(&[alice("").await?]);
    let module = site.path().join("policies/static-users.wasm");
    let sign = async |version: &str| -> Result<()> {
        site.policies
            .put_policy(POLICY, &static_users()?, &settings)?;
        let (file, key) = (module.to_string_lossy(), seed.to_string_lossy());
        let arguments = [
            "policy",
            "sign",
            &file,
            "--seed-file",
            &key,
            "--version",
            version,
            "--json",
        ];
        let signed = run_portcullis(&arguments, "").await?;
        assert_eq!(signed.code, Some(0), "{signed:?}");
        let printed: serde_json::Value = serde_json::from_str(&signed.stdout)?;
        assert_eq!(printed["publisher"], publisher.public_key());
        assert_eq!(printed["version"].to_string(), version);
        Ok(())
    };
    let config = config(&site);
    let check =
        async || run_portcullis(&["check", "--config", &config.to_string_lossy()], "").await;
    sign("2").await?;
    let server = site.start_server(Accounts::Several).await?;
    let trusted = format!("trusted-publishers = [\"{}\"]", publisher.public_key());
    let host = site.spawn_host(&server, &trusted)?;
    host.decides().await?;
    drop(host);
    let checked = check().await?;
    assert_eq!(checked.code, Some(0), "{checked:?}");

    sign("1").await?;
    let checked = check().await?;
    assert_eq!(checked.code, Some(65), "{checked:?}");
    let printed = format!("{}{}", checked.stdout, checked.stderr);
    let refusal = "static-users.wasm: signed as version 1, and version 2 has served";
    assert!(printed.contains(refusal), "{checked:?}");

    fs::write(site.path().join("state/releases.json"), "no numbers")?;
    let checked = check().await?;
    let printed = format!("{}{}", checked.stdout, checked.stderr);
    let unknown = "signed versions are not compared with those that have served";
    assert!(printed.contains(unknown), "{checked:?}");
    Ok(())
}

#[tokio::test]
async fn only_signed_modules_decide_where_publishers_are_listed() -> Result<()> {
    let site = site_with(Release::Nats2_15, &settings(&[alice("").await?]))?;
    let publisher = KeyPair::new_account();
    let seed = site.path().join("publisher.nk");
    fs::write(&seed, format!("{}\n", publisher.seed()?))?;
    let server = site.start_server(Accounts::Several).await?;
    let trusted = format!("trusted-publishers = [\"{}\"]", publisher.public_key());
    let host = site.spawn_host(&server, &trusted)?;
    host.ready().await?;
    let rejected = host
        .wait_for("a rejection", |event| event.says("policy rejected"))
        .await?;
    assert!(
        rejected.text("error").starts_with("not signed"),
        "{rejected:?}"
    );
    assert!(is_refused(&log_in(&server.url(), ALICE, "unsigned").await));

    let module = site.path().join("policies/static-users.wasm");
    let (file, key) = (module.to_string_lossy(), seed.to_string_lossy());
    let mark = host.log().len();
    let signed = run_portcullis(&["policy", "sign", &file, "--seed-file", &key], "").await?;
    assert_eq!(signed.code, Some(0), "{signed:?}");
    host.published_from(mark, POLICY).await?;
    log_in(&server.url(), ALICE, "signed").await?;
    let inspected = run_portcullis(&["inspect", &file], "").await?;
    assert_eq!(inspected.code, Some(0), "{inspected:?}");
    for part in [
        &format!("signed by: {}", publisher.public_key()),
        "memory: 16MiB",
        "identity@0.1.1: ",
        "\n    users.NAME.profile: text, required (name of a profile)\n",
        "configured state: kept",
    ] {
        assert!(
            inspected.stdout.contains(part),
            "`{part}` is not in {inspected:?}"
        );
    }

    fs::write(&seed, "SUPER-SECRET-BUT-NO-SEED")?;
    let refused = run_portcullis(&["policy", "sign", &file, "--seed-file", &key], "").await?;
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(!refused.stderr.contains("SUPER-SECRET"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn guards_and_chains_are_configured() -> Result<()> {
    let site = site_with(Release::Nats2_15, &settings(&[alice("").await?]))?;
    let only_bob = settings(&[user(
        "bob",
        "token = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"",
        "own",
        "",
    )]);
    site.policies
        .put_policy("by-password", &static_users()?, &only_bob)?;
    let server = site.start_server(Accounts::Several).await?;
    let chain = "guards = [\"maintenance\"]\n[policies.chains.people]\nmethods = [\"password\"]\npolicies = [\"static-users\"]\n";
    let host = site.spawn_host(&server, chain)?;
    host.ready().await?;
    assert!(is_refused(
        &log_in(&server.url(), ALICE, "without-guard").await
    ));
    let decision = host.decision("without-guard").await?;
    assert_eq!(decision.text("denial.class"), "no-policy", "{decision:?}");

    let mark = host.log().len();
    let nobody = "[settings]\nunknown-users = \"abstain\"\n";
    site.policies
        .put_policy("maintenance", &static_users()?, nobody)?;
    host.published_from(mark, "maintenance").await?;
    log_in(&server.url(), ALICE, "people").await?;
    let decision = host.decision("people").await?;
    assert_eq!(decision.text("policy.name"), POLICY);
    let token = Credentials::Token("something");
    assert!(is_refused(&log_in(&server.url(), token, "others").await));
    let decision = host.decision("others").await?;
    assert!(!decision.line().contains("chain `people`"), "{decision:?}");
    Ok(())
}
