//! The command line: output, errors and exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use portcullis_harness::{
    Credentials, Finished, Host, NatsServer, PolicyDirectory, Release, Site, hash, log_in,
    run_portcullis,
};
use rstest::rstest;
use tokio::process::Command;

use crate::support::{POLICY, settings, site_with, static_users, user};

const EXIT_USAGE: Option<i32> = Some(64);
const EXIT_POLICIES: Option<i32> = Some(65);
const EXIT_NO_DIRECTORY: Option<i32> = Some(66);
const EXIT_CANNOT_WRITE: Option<i32> = Some(73);
const EXIT_CONFIGURATION: Option<i32> = Some(78);

/// Returns a valid configuration, whose server need not exist.
fn config(site: &Site) -> String {
    site.host_config("nats://127.0.0.1:1", "")
}

async fn portcullis(verb: &str, config: &Path) -> Result<Finished> {
    run_portcullis(&[verb, "--config", &config.to_string_lossy()], "").await
}

#[rstest]
#[tokio::test]
async fn init_writes_what_server_and_host_accept(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let home = tempfile::tempdir()?;
    let directory = home.path().join("new");
    let finished = run_portcullis(&["init", &directory.to_string_lossy()], "").await?;
    assert_eq!(finished.code, Some(0), "{finished:?}");

    for seed in ["keys/issuer.nk", "keys/xkey.nk", "keys/callout.nk"] {
        let mode = fs::metadata(directory.join(seed))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{seed}");
    }
    let server_config = directory.join("nats-server.conf");
    let accepted = Command::new(release.program()?)
        .arg("-t")
        .arg("-c")
        .arg(&server_config)
        .stderr(Stdio::piped())
        .output()
        .await?;
    assert!(
        accepted.status.success(),
        "{}",
        String::from_utf8_lossy(&accepted.stderr)
    );

    let server = NatsServer::start(release, &server_config).await?;
    let account = point_at(&directory.join("portcullis.toml"), &server)?;
    let policies = PolicyDirectory::create(directory.join("policies"))?;
    let password = format!("password = \"{}\"", hash("secret", &[]).await?);
    let alice = user(
        "alice",
        &password,
        "own",
        &format!("account = \"{account}\""),
    );
    policies.put_policy(POLICY, &static_users()?, &settings(&[alice]))?;
    let host = Host::spawn(&directory.join("portcullis.toml"), &[])?;
    host.ready().await?;
    log_in(
        &server.url(),
        Credentials::Password("alice", "secret"),
        "desk",
    )
    .await?;
    Ok(())
}

/// Writes the server's port into a configuration. Returns the first account that the host signs
/// for.
fn point_at(config: &Path, server: &NatsServer) -> Result<String> {
    let mut table: toml::Table = fs::read_to_string(config)?.parse()?;
    let nats = table
        .entry("nats")
        .or_insert_with(|| toml::Table::new().into());
    let nats = nats.as_table_mut().context("`nats` is no table")?;
    nats.insert("servers".to_owned(), vec![server.url()].into());
    let mut health = toml::Table::new();
    health.insert("listen".to_owned(), "127.0.0.1:0".into());
    table.insert("health".to_owned(), health.into());
    fs::write(config, toml::to_string(&table)?)?;
    let accounts = table
        .get("callout")
        .and_then(|callout| callout.get("target-accounts"));
    let account = accounts
        .and_then(|accounts| accounts.get(0))
        .and_then(toml::Value::as_str);
    Ok(account
        .context("`callout.target-accounts` is empty")?
        .to_owned())
}

#[tokio::test]
async fn init_overwrites_nothing() -> Result<()> {
    let home = tempfile::tempdir()?;
    let directory = home.path().to_string_lossy().into_owned();
    let first = run_portcullis(&["init", &directory], "").await?;
    assert_eq!(first.code, Some(0), "{first:?}");
    let seed = fs::read(home.path().join("keys/issuer.nk"))?;

    let second = run_portcullis(&["init", &directory], "").await?;

    assert_eq!(second.code, EXIT_CANNOT_WRITE, "{second:?}");
    assert_eq!(fs::read(home.path().join("keys/issuer.nk"))?, seed);
    Ok(())
}

#[tokio::test]
async fn check_is_content_with_a_good_configuration() -> Result<()> {
    let alice = user(
        "alice",
        &format!("password = \"{}\"", hash("a", &[]).await?),
        "own",
        "",
    );
    let site = site_with(Release::Nats2_15, &settings(&[alice]))?;
    let config = site.write_config("portcullis.toml", &config(&site))?;

    let finished = portcullis("check", &config).await?;

    assert_eq!(finished.code, Some(0), "{finished:?}");
    Ok(())
}

#[tokio::test]
async fn check_lists_every_problem_of_the_configuration() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let bad = config(&site)
        .replace("issuer-seed-file", "isuer-seed-file")
        .replace("debounce = \"50ms\"", "debounce = \"soon\"")
        .replace("keys/callout.nk", "keys/missing.nk");
    let config = site.write_config("portcullis.toml", &bad)?;

    let finished = portcullis("check", &config).await?;

    assert_eq!(finished.code, EXIT_CONFIGURATION, "{finished:?}");
    let said = format!("{}{}", finished.stdout, finished.stderr);
    for problem in [
        "isuer-seed-file",
        "issuer-seed-file",
        "debounce",
        "missing.nk",
    ] {
        let lines = said.lines();
        assert!(
            lines.clone().any(|line| line.contains(problem)),
            "`{problem}` in:\n{said}"
        );
    }
    let naming_the_file = said
        .lines()
        .filter(|line| line.contains("portcullis.toml"))
        .count();
    assert!(naming_the_file >= 3, "one line a problem:\n{said}");
    Ok(())
}

#[tokio::test]
async fn check_lists_every_bad_policy() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    site.policies.put_module("not-wasm", b"not wasm")?;
    site.policies.put_policy(
        "bad-settings",
        &static_users()?,
        "[settings]\nunknwon = 1\n",
    )?;
    let config = site.write_config("portcullis.toml", &config(&site))?;

    let finished = portcullis("check", &config).await?;

    assert_eq!(finished.code, EXIT_POLICIES, "{finished:?}");
    let said = format!("{}{}", finished.stdout, finished.stderr);
    for name in ["not-wasm", "bad-settings", "unknwon"] {
        assert!(said.contains(name), "`{name}` in:\n{said}");
    }
    Ok(())
}

#[tokio::test]
async fn serve_does_not_start_without_a_usable_seed() -> Result<()> {
    for (case, file) in [
        ("missing", "keys/missing.nk"),
        ("a user's", "keys/callout.nk"),
    ] {
        let site = Site::create(Release::Nats2_15)?;
        let bad = config(&site).replace("keys/issuer.nk", file);
        let config = site.write_config("portcullis.toml", &bad)?;

        let finished = portcullis("serve", &config).await?;

        assert_eq!(finished.code, EXIT_CONFIGURATION, "{case}: {finished:?}");
        let name = file.trim_start_matches("keys/");
        assert!(
            finished.stderr.contains(name),
            "{case}: {}",
            finished.stderr
        );
        for seed in site.keys.seeds()? {
            assert!(!finished.stderr.contains(&seed), "{case}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn serve_does_not_start_with_rubbish_for_a_seed() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let [seed, _] = site.keys.seeds()?;
    let shortened = seed.get(..seed.len() - 3).unwrap_or_default();
    fs::write(site.path().join("keys/issuer.nk"), shortened)?;
    let config = site.write_config("portcullis.toml", &config(&site))?;

    let finished = portcullis("serve", &config).await?;

    assert_eq!(finished.code, EXIT_CONFIGURATION, "{finished:?}");
    assert!(!finished.stderr.contains(shortened));
    Ok(())
}

#[tokio::test]
async fn serve_does_not_start_without_a_policy_directory() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    // The test does not use file modes, because it may run as root, which can read every file.
    fs::write(site.path().join("a-file"), "")?;
    for directory in ["missing", "a-file"] {
        let bad = config(&site).replace("\"policies\"", &format!("\"{directory}\""));
        let config = site.write_config("portcullis.toml", &bad)?;

        let finished = portcullis("serve", &config).await?;

        assert_eq!(
            finished.code, EXIT_NO_DIRECTORY,
            "{directory}: {finished:?}"
        );
        assert!(finished.stderr.contains(directory), "{}", finished.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn a_verb_that_does_not_exist_is_a_usage_error() -> Result<()> {
    let finished = run_portcullis(&["frobnicate"], "").await?;
    assert_eq!(finished.code, EXIT_USAGE, "{finished:?}");
    Ok(())
}

#[rstest]
#[case::import(&["import", "planmdk", "none.edn", "site"], EXIT_NO_DIRECTORY)]
#[case::inspect(&["inspect", "none.wasm"], EXIT_NO_DIRECTORY)]
#[case::sign(&["policy", "sign", "none.wasm", "--seed-file", "seed"], EXIT_NO_DIRECTORY)]
#[case::sign_without_a_seed(&["policy", "sign", "none.wasm", "--seed-file", "none"], EXIT_CONFIGURATION)]
#[case::serve(&["serve", "--config", "none.toml"], EXIT_CONFIGURATION)]
#[case::check(&["check", "--config", "none.toml"], EXIT_CONFIGURATION)]
#[case::status(&["policy", "status", "--config", "none.toml"], EXIT_CONFIGURATION)]
#[case::rollback(&["policy", "rollback", "p", "--config", "none.toml"], EXIT_CONFIGURATION)]
#[case::test(&["policy", "test", "--config", "none.toml"], EXIT_CONFIGURATION)]
#[case::inspect_with(&["inspect", "none.wasm", "--config", "none.toml"], EXIT_CONFIGURATION)]
#[tokio::test]
async fn a_file_that_is_missing_has_the_documented_exit_code(
    #[case] arguments: &[&str],
    #[case] code: Option<i32>,
) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let seed = nkeys::KeyPair::new_account().seed()?;
    fs::write(directory.path().join("seed"), seed)?;
    let file = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let files = ["none.edn", "none.wasm", "none.toml", "none", "seed", "site"];
    let arguments: Vec<_> = arguments
        .iter()
        .map(|&argument| {
            if files.contains(&argument) {
                file(argument)
            } else {
                argument.to_owned()
            }
        })
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let finished = run_portcullis(&arguments, "").await?;
    assert_eq!(finished.code, code, "{finished:?}");
    let output = format!("{}{}", finished.stdout, finished.stderr);
    assert!(output.contains("none"), "{finished:?}");
    Ok(())
}

#[tokio::test]
async fn hash_does_not_repeat_the_secret() -> Result<()> {
    let password = hash("a-secret", &[]).await?;
    assert!(password.starts_with("$argon2id$"), "{password}");
    assert_ne!(
        password,
        hash("a-secret", &[]).await?,
        "the salt is not random"
    );
    let token = hash("a-secret", &["--token"]).await?;
    let digits = token.strip_prefix("sha256:").unwrap_or_default();
    assert!(
        digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()),
        "{token}"
    );
    Ok(())
}

#[tokio::test]
async fn init_refuses_arguments_of_the_other_mode() -> Result<()> {
    let home = tempfile::tempdir()?;
    let directory = home.path().join("site").display().to_string();
    for arguments in [
        &["--resolver", "full"][..],
        &["--oldest-server", "2.10.26"],
        &["--mode", "operator", "--key-value", "B"],
    ] {
        let command = [&["init", &directory], arguments].concat();
        let finished = run_portcullis(&command, "").await?;
        assert_eq!(finished.code, Some(64), "{finished:?}");
        assert!(finished.stderr.contains("--mode"), "{finished:?}");
    }
    assert!(!home.path().join("site").exists());
    Ok(())
}
