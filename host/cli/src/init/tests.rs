//! Files that `init` makes, and files that it leaves alone.

use std::collections::BTreeSet;
use std::fs;

use clap::Parser as _;
use nkeys::KeyPair;
use portcullis_claims::CurveKey;
use portcullis_config::Config;

use super::*;
use crate::check::{Findings, run_check};
use crate::cli::{Cli, Command};
use crate::exit::ExitCode;

fn names(directory: &Path) -> BTreeSet<String> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_is_made_passes_the_check() {
    let directory = tempfile::tempdir().unwrap();
    for (root, buckets) in [
        ("new/portcullis", vec![]),
        ("buckets", vec!["revoked", "tenants"]),
    ] {
        let root = directory.path().join(root);
        let buckets: Vec<_> = buckets.iter().map(|name| name.parse().unwrap()).collect();
        init_with(&root, &buckets, &Accounts::default()).unwrap();
        passes_the_check(&root);
        let config = Config::load(&root.join("portcullis.toml")).unwrap().value;
        assert_eq!(config.key_value.mirror.buckets, buckets);
        assert_eq!(config.key_value.nats.is_some(), !buckets.is_empty());
        for file in ["portcullis.toml", "nats-server.conf"] {
            let text = fs::read_to_string(root.join(file)).unwrap();
            let place = text.lines().find(|line| {
                [
                    "{buckets",
                    "{inbox",
                    "{auth",
                    "{jet",
                    "-permissions}",
                    "{keeper",
                    "{records",
                    "{auditor",
                    "{exports",
                    "{reader",
                ]
                .iter()
                .any(|place| line.contains(place))
            });
            assert_eq!(place, None, "{file}");
        }
    }
}

#[test]
fn login_events_have_a_table_a_permission_and_shares() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("events");
    init_with(&root, &[], &Accounts::of_site(true, false)).unwrap();
    passes_the_check(&root);
    let config = Config::load(&root.join("portcullis.toml")).unwrap().value;
    let subject = config.records.events.unwrap().subject.to_string();
    assert_eq!(subject, "portcullis.logins.{account}");
    let server = fs::read_to_string(root.join("nats-server.conf")).unwrap();
    for line in [
        "            \"portcullis.logins.*\"\n",
        "exports: [ { stream: \"portcullis.logins.*\", account_token_position: 3 } ]",
        "imports: [ { stream: { account: AUTH, subject: \"portcullis.logins.APP\" }, to: \"logins\" } ]",
    ] {
        assert!(server.contains(line), "{server}");
    }
}

#[test]
fn an_auditor_may_ask_for_records_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("audited");
    let made = init_with(&root, &[], &Accounts::of_site(true, true)).unwrap();
    passes_the_check(&root);
    let config = Config::load(&root.join("portcullis.toml")).unwrap().value;
    assert_eq!(config.records.live.unwrap().subject, "portcullis.records");
    assert!(config.records.events.is_some());
    let seed = fs::read_to_string(root.join("keys/auditor.nk")).unwrap();
    let key = KeyPair::from_seed(seed.trim_end()).unwrap().public_key();
    let server = fs::read_to_string(root.join("nats-server.conf")).unwrap();
    let user = format!(
        "        nkey: \"{key}\"
        permissions: {{
          publish: [
            \"portcullis.records\"
          ]
          subscribe: [
            \"_INBOX.>\"
          ]
        }}
"
    );
    assert!(server.contains(&user), "{server}");
    let auth_users = format!("auth_users: [ \"{}\", \"{key}\" ]", made.service);
    assert!(server.contains(&auth_users), "{server}");
    assert!(
        server.contains("callout: the service itself, and the auditor."),
        "{server}"
    );
    assert!(made.summary().contains("keys/auditor.nk: seed to read"));
}

fn passes_the_check(root: &Path) {
    let findings = run_check(&root.join("portcullis.toml"), |_, _| Vec::new());
    assert_eq!(
        findings,
        Findings {
            problems: Vec::new(),
            code: ExitCode::Success
        }
    );
    assert_eq!(names(&root.join("policies")), BTreeSet::new());
}

#[test]
fn the_server_is_told_the_public_keys_of_the_seeds() {
    let directory = tempfile::tempdir().unwrap();
    let made = init_with(directory.path(), &[], &Accounts::default()).unwrap();
    let config = Config::load(&directory.path().join("portcullis.toml")).unwrap();
    let secrets = config.value.resolve_secrets().unwrap().value;
    let public = |seed: &str| KeyPair::from_seed(seed).unwrap().public_key();
    assert_eq!(public(secrets.issuer_seed.expose()), made.issuer);
    let seed = fs::read_to_string(directory.path().join("keys/callout.nk")).unwrap();
    assert_eq!(public(seed.trim_end()), made.service);

    let server = fs::read_to_string(directory.path().join("nats-server.conf")).unwrap();
    assert!(server.contains(&format!("issuer: \"{}\"", made.issuer)));
    assert!(server.contains(&format!("nkey: \"{}\"", made.service)));
    assert!(server.contains(&format!("auth_users: [ \"{}\" ]", made.service)));
    assert!(!server.contains(seed.trim_end()));
    assert!(!made.summary().contains(seed.trim_end()));
    let xkey = CurveKey::from_seed(secrets.xkey_seed.unwrap().expose()).unwrap();
    assert!(server.contains(&format!("xkey: \"{}\"", xkey.public_key())));
    let prefix = config.value.nats.inbox_prefix.unwrap();
    assert!(server.contains(&format!("\"{}\"", prefix.subscription())));
    assert!(!server.contains("{issuer}") && !server.contains("{service}"));
}

#[cfg(unix)]
#[test]
fn seeds_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    init_with(
        directory.path(),
        &["revoked".parse().unwrap()],
        &Accounts::default(),
    )
    .unwrap();
    let mode = |name: &str| {
        let metadata = fs::metadata(directory.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("keys"), 0o700);
    assert_eq!(mode("keys/issuer.nk"), 0o600);
    for key in [
        "callout.nk",
        "xkey.nk",
        "buckets.nk",
        "keeper.nk",
        "bucket-admin.nk",
    ] {
        assert_eq!(mode(&format!("keys/{key}")), 0o600, "{key}");
    }
}

#[test]
fn nothing_is_overwritten() {
    for name in ["portcullis.toml", "nats-server.conf", "keys", "policies"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        fs::write(&path, "mine").unwrap();
        let error = init_with(directory.path(), &[], &Accounts::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "`{}` exists already; nothing was written: choose another directory or move it away",
                path.display()
            )
        );
        assert_eq!(names(directory.path()), BTreeSet::from([name.to_owned()]));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}

#[test]
fn what_was_made_before_a_failure_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("new");
    let mut files = NewFiles::in_directory(&root, &[]).unwrap();
    files.directory("keys", Directory::Private).unwrap();
    files.file("keys/a", "a").unwrap();
    let error = files.file("no/such/directory", "b").unwrap_err();
    assert!(matches!(error, NotInitialized::Write { .. }), "{error}");
    drop(files);
    assert_eq!(names(directory.path()), BTreeSet::new());
}

#[test]
fn a_file_in_the_place_of_the_directory_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "mine").unwrap();
    assert!(matches!(
        init_with(&path, &[], &Accounts::default()),
        Err(NotInitialized::Write { .. })
    ));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

/// Returns what `portcullis init --json` prints with these further arguments.
fn printed(directory: &Path, arguments: &[&str]) -> Value {
    let at = directory.display().to_string();
    let line = ["portcullis", "init", &at, "--json"];
    let parsed = Cli::try_parse_from([&line, arguments].concat()).unwrap();
    let Command::Init(arguments) = parsed.command else {
        panic!("not init");
    };
    serde_json::from_str(&arguments.run().unwrap().text).unwrap()
}

#[test]
fn json_has_every_file_and_the_public_keys() {
    let home = tempfile::tempdir().unwrap();
    for (mode, keys) in [
        ("config", &["issuer", "service"][..]),
        ("operator", &["APP", "AUTH", "SYS", "operator"]),
    ] {
        let root = home.path().join(mode);
        let made = printed(&root, &["--mode", mode]);
        assert_eq!(made["mode"], mode);
        let named: Vec<_> = made["keys"].as_object().unwrap().keys().collect();
        assert_eq!(named, keys);
        let files = made["files"].as_array().unwrap().iter();
        let files: BTreeSet<_> = files
            .map(|file| Path::new(file["file"].as_str().unwrap()))
            .collect();
        for file in &files {
            assert!(file.exists(), "{}", file.display());
        }
        assert!(files.contains(root.join("portcullis.toml").as_path()));
    }
}
