//! Locks: the connections that `portcullis lock add` closes, and the copy that a host keeps.

pub(crate) mod exchanged;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use async_nats::Client;
use async_nats::jetstream::{self, kv};
use nkeys::KeyPair;
use portcullis_harness::{
    Accounts, Answer, Built, Credentials, Event, Finished, Host, NatsServer, PATIENCE, Release,
    Site, Wire, is_admitted, log_in, run_portcullis,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::timeout;

const EXIT_UNREACHABLE: Option<i32> = Some(69);
const BUCKET: &str = "locks";
/// A policy that places every login in `APP`.
const POLICY: &str = "gate";
/// The user of the system account.
const ADMIN: (&str, &str) = ("admin", "admin-password-of-the-system-account");

/// A site whose host follows the bucket of locks, with a user of the system account.
struct Locking {
    site: Site,
    server: NatsServer,
    host: Host,
}

impl Locking {
    async fn start(release: Release) -> Result<Self> {
        let site = Site::create(release)?;
        site.policies
            .put_module(POLICY, &Built::guest("permits_nothing")?)?;
        let (admin, password) = ADMIN;
        let config = site.server_config(Accounts::Buckets, &site.keys.issuer.public_key());
        let users = format!("SYS {{ users: [ {{ user: {admin}, password: \"{password}\" }} ] }}");
        let config = config
            .replace("SYS {}", &users)
            .replace("auth_users: [ ", &format!("auth_users: [ {admin}, "));
        let server = site.start_server_with(&config).await?;
        let (user, password) = Site::OBSERVER;
        let keeper = log_in(
            &server.url(),
            Credentials::Password(user, password),
            "keeper",
        )
        .await?;
        let bucket = kv::Config {
            bucket: BUCKET.to_owned(),
            ..kv::Config::default()
        };
        jetstream::new(keeper).create_key_value(bucket).await?;
        let host = site.spawn_host(&server, &Self::tables())?;
        host.ready().await?;
        let words = "key-value bucket synchronised";
        host.wait_from(0, words, |event| event.says(words)).await?;
        fs::write(site.path().join("admin.password"), ADMIN.1)?;
        site.write_config(
            "portcullis.toml",
            &site.host_config(&server.url(), &Self::tables()),
        )?;
        Ok(Self { site, server, host })
    }

    fn tables() -> String {
        format!("[key-value]\nbuckets = [\"{BUCKET}\"]\nlocks = \"{BUCKET}\"\n")
    }

    async fn log_in(&self, user: &str, name: &str) -> Result<Client> {
        let credentials = Credentials::Password(user, "any");
        Ok(log_in(&self.server.url(), credentials, name).await?)
    }

    /// Returns whether the server admits `user`.
    async fn is_admitted(&self, user: &str) -> Result<bool> {
        is_admitted(self.server.port(), user, "any", "again").await
    }

    /// Waits until the server refuses `user`: a host reads a lock soon after it was written.
    async fn until_refused(&self, user: &str) -> Result<()> {
        let refused = async {
            while self.is_admitted(user).await? {}
            Ok(())
        };
        timeout(PATIENCE, refused).await?
    }

    /// Connects as a user of the account of the bucket.
    async fn keeper(&self) -> Result<Client> {
        let (user, password) = Site::OBSERVER;
        let credentials = Credentials::Password(user, password);
        Ok(log_in(&self.server.url(), credentials, "keeper").await?)
    }

    /// Returns the findings of `portcullis doctor`, as texts by their codes.
    async fn found(&self) -> Result<BTreeMap<String, String>> {
        let file = self.site.path().join("portcullis.toml");
        let file = file.to_string_lossy();
        let report = run_portcullis(&["doctor", "--json", "--config", &file], "").await?;
        let json: Value = serde_json::from_str(&report.stdout)?;
        let findings = json.get("findings").and_then(Value::as_array);
        let findings = findings.into_iter().flatten();
        let text = |finding: &Value| {
            let code = finding["code"].as_str().unwrap_or_default();
            (code.to_owned(), finding["evidence"].to_string())
        };
        Ok(findings.map(text).collect())
    }

    /// Returns the copy of the locks in the state directory.
    fn copy(&self) -> PathBuf {
        self.site.path().join("state").join("locks.json")
    }

    /// Runs `portcullis lock` with these arguments.
    async fn run(&self, arguments: &[&str]) -> Result<Finished> {
        let file = self.site.path().join("portcullis.toml");
        let file = file.to_string_lossy();
        run_portcullis(&[&["lock"], arguments, &["--config", &file]].concat(), "").await
    }

    /// Returns what `portcullis lock list --json` prints.
    async fn list(&self) -> Result<Value> {
        let listed = self.run(&["list", "--json"]).await?;
        anyhow::ensure!(listed.code == Some(0), "{listed:?}");
        Ok(serde_json::from_str(&listed.stdout)?)
    }

    /// Adds a lock with the login of the system account, and returns its report.
    async fn add(&self, of: &[&str]) -> Result<Value> {
        let password = self.site.path().join("admin.password");
        let password = password.to_string_lossy();
        let login = [
            "--system-user",
            ADMIN.0,
            "--system-password-file",
            &password,
        ];
        let rest = ["--reason", "test", "--json"];
        let added = self.run(&[&["add"], of, &login, &rest].concat()).await?;
        anyhow::ensure!(added.code == Some(0), "{added:?}");
        Ok(serde_json::from_str(&added.stdout)?)
    }
}

/// Returns the names of the connections that a report says were closed.
fn kicked(report: &Value) -> Vec<&str> {
    let kicked = report["kicked"].as_array().into_iter().flatten();
    let mut names: Vec<_> = kicked.filter_map(|it| it["name"].as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns whether the connection was never lost.
async fn is_open(client: &Client) -> Result<bool> {
    client.flush().await?;
    let connects = &client.statistics().connects;
    Ok(connects.load(std::sync::atomic::Ordering::Relaxed) == 1)
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_named_with_the_way_to_make_it() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let server = site.start_server(Accounts::Buckets).await?;
    let config = site.host_config(&server.url(), &Locking::tables());
    let config = site.write_config("portcullis.toml", &config)?;
    let config = config.display().to_string();
    let listed = run_portcullis(&["lock", "list", "--config", &config], "").await?;
    assert_eq!(listed.code, EXIT_UNREACHABLE, "{listed:?}");
    let expected = "bucket `locks`: stream not found: make the bucket (`nats kv add locks`)";
    assert!(listed.stderr.contains(expected), "{listed:?}");

    for arguments in [
        ["--user", "alice", "--reason", ""],
        ["--user", "", "--reason", "lost"],
    ] {
        let add = ["lock", "add", "--config", &config];
        let command = [add.as_slice(), &arguments].concat();
        let refused = run_portcullis(&command, "").await?;
        assert_eq!(refused.code, Some(64), "{refused:?}");
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_lock_closes_the_connections_that_it_concerns(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Locking::start(release).await?;
    let _alice = [
        site.log_in("alice", "desk").await?,
        site.log_in("alice", "phone").await?,
    ];
    let bob = site.log_in("bob", "bench").await?;

    let report = site.add(&["--user", "alice", "--for", "1h"]).await?;
    assert_eq!(report["key"], "user.alice");
    assert_eq!(kicked(&report), ["desk", "phone"], "{report:#}");
    assert_eq!(report["kicked"][0]["user"], "alice");
    assert_eq!(report["kicked"][0]["account"], "APP");
    assert_eq!(report["not_told_apart"], 0, "{report:#}");
    assert!(!site.is_admitted("alice").await?);
    assert!(is_open(&bob).await?, "another user");

    // Users of the callout have no tags that servers show.
    for of in [["--policy", POLICY], ["--issuer", "https://a.example"]] {
        let report = site.add(&of).await?;
        assert_eq!(kicked(&report), [""; 0], "{report:#}");
        assert_eq!(report["not_told_apart"], 1, "{report:#}");
        let note = report["notes"][0].as_str().context("no note")?;
        assert!(note.starts_with("open connections left: 1, "), "{note}");
        let removed = site.run(&[&["remove"], &of[..]].concat()).await?;
        assert_eq!(removed.code, Some(0), "{removed:?}");
    }
    assert!(is_open(&bob).await?);

    // The connections of host and operators come from this network too.
    let mark = site.host.log().len();
    let report = site.add(&["--cidr", "127.0.0.0/8"]).await?;
    assert_eq!(kicked(&report), ["bench"], "{report:#}");
    assert!(!site.is_admitted("bob").await?);
    let events = site.host.log().all();
    let lost = events
        .iter()
        .skip(mark)
        .find(|event| event.says("nats disconnected"));
    assert!(lost.is_none(), "{lost:?}");
    Ok(())
}

/// Servers show the nkey that a client presents in place of its name, and need no proof of it.
#[rstest]
#[tokio::test]
async fn a_client_with_an_nkey_next_to_its_name_is_denied_and_counted(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Locking::start(release).await?;
    let nkey = KeyPair::new_user().public_key();
    let fields = json!({ "user": "carol", "pass": "any", "nkey": nkey });
    let mut open = Wire::open(site.server.port()).await?;
    assert_eq!(open.log_in(&fields).await?, Answer::Admitted);
    let report = site.add(&["--user", "carol"]).await?;
    assert_eq!(kicked(&report), [""; 0], "{report:#}");
    assert_eq!(report["not_told_apart"], 1, "{report:#}");
    let mut again = Wire::open(site.server.port()).await?;
    let answer = again.log_in(&fields).await?;
    assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn open_connections_stay_where_the_operator_wants_or_the_login_fails() -> Result<()> {
    let site = Locking::start(Release::Nats2_15).await?;
    let alice = site.log_in("alice", "desk").await?;
    let add = ["add", "--user", "alice", "--reason", "test"];

    let without = site.run(&add).await?;
    assert_eq!(without.code, Some(0), "{without:?}");
    assert!(without.stdout.starts_with("user.alice\n"), "{without:?}");
    let note = "open connections of user `alice` stay open: name a user of the system account";
    assert!(without.stdout.contains(note), "{without:?}");
    assert!(is_open(&alice).await?);
    site.until_refused("alice").await?;

    let wrong = site.site.path().join("wrong.password");
    fs::write(&wrong, "another-password")?;
    let wrong = wrong.to_string_lossy();
    let login = ["--system-user", ADMIN.0, "--system-password-file", &wrong];
    let failed = site.run(&[&add[..], &login].concat()).await?;
    assert_eq!(failed.code, EXIT_UNREACHABLE, "{failed:?}");
    assert!(failed.stdout.contains("the lock is in force"), "{failed:?}");

    let table = format!(
        "{}[system]\nservers = [\"{}\"]\nuser = \"{}\"\npassword-file = \"admin.password\"\n",
        Locking::tables(),
        site.server.url(),
        ADMIN.0,
    );
    let config = site.site.host_config(&site.server.url(), &table);
    site.site.write_config("portcullis.toml", &config)?;
    let left = site.run(&[&add[..], &["--no-kick"]].concat()).await?;
    assert!(left.stdout.contains("`--no-kick`"), "{left:?}");
    assert!(is_open(&alice).await?);
    let closed = site.run(&add).await?;
    assert_eq!(closed.code, Some(0), "{closed:?}");
    assert!(
        closed
            .stdout
            .contains(" of `alice` in account `APP` closed\n"),
        "{closed:?}"
    );
    Ok(())
}

/// Waits until the copy in the state directory has `text`. Each attempt takes a login.
async fn copied(site: &Locking, text: &str) -> Result<()> {
    let attempts = async {
        while !fs::read_to_string(site.copy()).is_ok_and(|copy| copy.contains(text)) {
            site.is_admitted("bob").await?;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, attempts).await?
}

#[tokio::test]
async fn a_host_that_starts_without_the_bucket_denies_what_its_copy_locks() -> Result<()> {
    let mut site = Locking::start(Release::Nats2_15).await?;
    for user in ["carol", "alice"] {
        let add = [
            "add",
            "--user",
            user,
            "--for",
            "4h",
            "--reason",
            "lost laptop",
        ];
        let added = site.run(&add).await?;
        assert_eq!(added.code, Some(0), "{added:?}");
        if user == "carol" {
            // A lock that has ended.
            let removed = site.run(&["remove", "--user", user, "--json"]).await?;
            assert_eq!(removed.code, Some(0), "{removed:?}");
            let removed: Value = serde_json::from_str(&removed.stdout)?;
            assert_eq!(removed, json!({ "key": "user.carol" }));
        }
    }
    copied(&site, "user.alice").await?;
    let bucket = jetstream::new(site.keeper().await?)
        .get_key_value(BUCKET)
        .await?;
    bucket.put("user.dave", "damaged".into()).await?;
    let listed = site.list().await?;
    let locks = listed["locks"].as_array().context("no locks")?;
    assert_eq!(locks.len(), 2, "{listed:#}");
    assert_eq!(locks[0]["key"], "user.alice");
    assert_eq!(locks[0]["reason"], "lost laptop");
    assert!(locks[0]["until"].is_u64(), "{listed:#}");
    let damaged = json!({ "key": "user.dave", "until": null, "reason": null, "readable": false });
    assert_eq!(locks[1], damaged);
    bucket.delete("user.dave").await?;
    let mode = fs::metadata(site.copy())?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // The bucket is out of reach, because the server has no JetStream any more.
    site.host.kill().await?;
    let file = site.site.path().join("nats-server.conf");
    let config = fs::read_to_string(&file)?;
    let lines = config
        .lines()
        .filter(|line| !line.starts_with("jetstream "));
    let config = lines.collect::<Vec<_>>().join("\n");
    fs::write(&file, config.replace("jetstream: enabled, ", ""))?;
    site.server = site.server.stop().await?.await?;
    let table = site
        .site
        .host_config(&site.server.url(), &Locking::tables());
    site.host = site.site.spawn_host_with(&table)?;
    let read = site.host.says("copy of the locks read").await?;
    assert_eq!(read.number("locks.count"), Some(1), "{read:?}");
    let unknown = "locks unknown: the host denies what its copy locks";
    let told = site.host.says(unknown).await?;
    assert!(told.number("locks.age_seconds").is_some(), "{told:?}");
    site.host.ready().await?;

    assert!(site.is_admitted("bob").await?);
    assert!(site.is_admitted("carol").await?, "a lock that has ended");
    assert!(!site.is_admitted("alice").await?);
    let denied = |event: &Event| event.text("denial.class") == "locked";
    let denied = site.host.wait_for("a denial", denied).await?;
    let reason = denied.text("denial.reason");
    let start = "locked by `user.alice`, by the host's copy of the locks, which is ";
    assert!(reason.starts_with(start), "{reason}");
    assert!(reason.ends_with(" old: lost laptop"), "{reason}");

    // A host that never had a copy knows no lock, so it admits no login.
    site.host.kill().await?;
    fs::remove_file(site.copy())?;
    site.host = site.site.spawn_host_with(&table)?;
    site.host
        .says("locks unknown: every login is denied")
        .await?;
    site.host.ready().await?;
    assert!(!site.is_admitted("bob").await?);
    let denied = |event: &Event| event.text("denial.class") == "locked";
    site.host.wait_for("a denial", denied).await?;
    Ok(())
}

#[tokio::test]
async fn doctor_says_which_locks_are_in_force_and_how_old_the_copy_is() -> Result<()> {
    let mut site = Locking::start(Release::Nats2_15).await?;
    let add = [
        "add",
        "--user",
        "alice",
        "--for",
        "40d",
        "--reason",
        "lost laptop",
    ];
    let added = site.run(&add).await?;
    assert_eq!(added.code, Some(0), "{added:?}");
    copied(&site, "user.alice").await?;

    let found = site.found().await?;
    assert!(found.contains_key("locks-in-force"), "{found:?}");
    let lasting = &found["lock-lasting"];
    assert!(lasting.contains("`user.alice`, since 20"), "{lasting}");
    assert!(lasting.contains(": lost laptop"), "{lasting}");
    assert!(!found.contains_key("locks-copy-stale"), "{found:?}");

    // The copy of a host that was stopped long ago.
    site.host.kill().await?;
    let copy: Value = serde_json::from_str(&fs::read_to_string(site.copy())?)?;
    let confirmed = copy["confirmed_at"].to_string();
    let text = copy.to_string().replace(&confirmed, "1795300862");
    fs::write(site.copy(), text)?;
    let keeper = site.keeper().await?;
    jetstream::new(keeper).delete_key_value(BUCKET).await?;
    let found = site.found().await?;
    assert!(found.contains_key("locks-unreadable"), "{found:?}");
    assert!(found["locks-copy-stale"].contains("2026-11-"), "{found:?}");
    Ok(())
}
