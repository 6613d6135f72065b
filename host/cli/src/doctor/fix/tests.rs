use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis_callout::{Obstacle, OwnUser};
use portcullis_toml::Problem;
use rstest::rstest;
use tempfile::TempDir;

use super::*;
use crate::doctor::checks;
use crate::doctor::evidence::{Greeting, Login, OwnXkey};
use crate::doctor::tests::fixtures::good;

/// A configuration whose servers and keys nothing reads.
const CONFIG: &str = "[nats]\nnkey-seed-file = \"service.nk\"\n\n[callout]\naccount = \"AUTH\" # ours\n\
                      issuer-seed-file = \"issuer.nk\"\ntarget-accounts = [\"APP\"]\n\n\
                      [policies]\ndirectory = \"policies\"\n";

/// Files of a site, and the evidence about them.
struct Files {
    directory: TempDir,
    evidence: Evidence,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("portcullis.toml");
        fs::write(&file, CONFIG).unwrap();
        let evidence = Evidence { file, ..good() };
        Self {
            directory,
            evidence,
        }
    }

    /// Writes the configuration of a server, and takes it for that of the host's evidence.
    fn with_server_conf(mut self, text: &str) -> Self {
        let file = self.server_conf();
        fs::write(&file, text).unwrap();
        self.evidence.server_conf = Some(crate::doctor::server_conf::read(&file));
        self
    }

    fn server_conf(&self) -> std::path::PathBuf {
        self.directory.path().join("nats-server.conf")
    }

    fn plan(&self) -> Fixes {
        let report = checks::run(&self.evidence);
        Fixes::plan(&self.evidence, &report, Some(&self.server_conf()))
    }

    /// Returns the configuration of the server after all changes.
    fn fixed_server_conf(&self) -> String {
        let mut planned = self.plan();
        planned.apply(7);
        assert_eq!(planned.by_hand, [], "{planned:?}");
        fs::read_to_string(self.server_conf()).unwrap()
    }
}

/// Returns the block of a server that expects the host's keys, with these users.
fn block(users: &str) -> String {
    format!(
        "authorization {{\n  auth_callout {{\n    issuer: A-OWN\n    account: AUTH\n    xkey: \"X-OWN\"\n    \
         auth_users: {users}\n  }}\n}}\naccounts {{ APP {{}} }}\n"
    )
}

#[rstest]
#[case::one_line("[ admin ]", "[ admin, U-OWN ]")]
#[case::empty("[]", "[ U-OWN]")]
#[case::with_a_comma("[ admin, ]", "[ admin, U-OWN ]")]
#[case::several_lines(
    "[\n      admin\n      ops # them\n    ]",
    "[\n      admin\n      ops # them\n      U-OWN\n    ]"
)]
fn the_hosts_user_is_added_to_the_list(#[case] before: &str, #[case] after: &str) {
    let files = Files::new().with_server_conf(&block(before));
    assert_eq!(files.fixed_server_conf(), block(after));
    let backup = files.directory.path().join("nats-server.conf.before-7");
    assert_eq!(fs::read_to_string(&backup).unwrap(), block(before));
    let mode = fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn other_keys_of_the_block_are_set_and_their_neighbours_stay() {
    let conf = "# ours\nauthorization { timeout: 5, auth_callout { issuer: A-OTHER, account: AUTH, auth_users: [ U-OWN ] } }\n\
                accounts { APP {} }\n";
    let mut files = Files::new().with_server_conf(conf);
    files.evidence.settings.as_mut().unwrap().xkey = OwnXkey::Key("X-OWN".to_owned());
    let expected = conf.replace("A-OTHER", "A-OWN, xkey: X-OWN");
    // Both edits are next to each other.
    assert_eq!(files.fixed_server_conf(), expected);
}

#[rstest]
#[case::a_variable("users: [ admin ]\n", "$users")]
#[case::a_secret_in_the_line("", "[ admin ] } password: hunter2, more {")]
fn what_cannot_be_changed_safely_is_left(#[case] start: &str, #[case] users: &str) {
    let files = Files::new().with_server_conf(&format!("{start}{}", block(users)));
    let planned = files.plan();
    assert!(planned.is_empty(), "{planned:?}");
    assert_eq!(planned.by_hand, [Code::CalloutUserMissing]);
}

#[test]
fn keys_of_the_configuration_take_what_the_servers_show() {
    let mut files = Files::new();
    files.evidence.server_conf = None;
    let server = files.evidence.servers.first_mut().unwrap();
    server.user = Some(OwnUser {
        obstacles: vec![Obstacle::WrongAccount {
            actual: "CALLOUT".to_owned(),
            expected: "AUTH".parse().unwrap(),
        }],
        missing: Vec::new(),
    });
    let mut planned = files.plan();
    assert!(
        planned.diffs().contains("\n+account = \"CALLOUT\"\n"),
        "{planned:?}"
    );
    planned.apply(7);
    let text = fs::read_to_string(&files.evidence.file).unwrap();
    assert_eq!(text, CONFIG.replace("\"AUTH\" # ours", "\"CALLOUT\""));

    let server = files.evidence.servers.first_mut().unwrap();
    server.user = None;
    server.greeting = Greeting::Silent;
    server.login = Login::Failed("timed out".to_owned());
    // A server that hangs shows nothing about TLS.
    assert!(files.plan().is_empty());
    let server = files.evidence.servers.first_mut().unwrap();
    server.greeting = Greeting::TlsFirst;
    let mut planned = files.plan();
    planned.apply(8);
    let text = fs::read_to_string(&files.evidence.file).unwrap();
    assert!(text.starts_with("[nats]\ntls-first = true\n"), "{text}");
}

#[test]
fn modes_are_shown_and_set_and_contents_of_secrets_stay() {
    let mut files = Files::new();
    let seed = files.directory.path().join("issuer.nk");
    fs::write(&seed, "SA-SECRET").unwrap();
    fs::set_permissions(&seed, fs::Permissions::from_mode(0o644)).unwrap();
    let problem = Problem::warning(&files.evidence.file, "can be read").about(&seed);
    files.evidence.problems = vec![problem.with_code("secret-exposed")];
    let report = checks::run(&files.evidence);
    let mut planned = files.plan();
    assert!(
        planned
            .diffs()
            .ends_with("old mode 100644\nnew mode 100600\n"),
        "{planned:?}"
    );
    assert!(!format!("{planned:?}").contains("SA-SECRET"));
    assert_eq!(planned.code(&report), ExitCode::FoundWarnings, "shown only");
    planned.apply(7);
    assert_eq!(planned.code(&report), ExitCode::Success);
    let mode = fs::metadata(&seed).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&seed).unwrap(), "SA-SECRET");
    assert!(files.plan().is_empty(), "nothing is left");
}

#[test]
fn a_file_that_has_changed_since_is_left_alone() {
    let files = Files::new().with_server_conf(&block("[ admin ]"));
    let mut planned = files.plan();
    fs::write(files.server_conf(), "# new\n").unwrap();
    planned.apply(7);
    let (json, _) = planned.to_json();
    assert_eq!(json[0]["applied"], false);
    assert_eq!(json[0]["error"], "its content has changed in the meantime");
    let report = checks::run(&files.evidence);
    assert_eq!(planned.code(&report), ExitCode::CannotCreate);
    assert_eq!(fs::read_to_string(files.server_conf()).unwrap(), "# new\n");
}

#[test]
fn no_other_file_in_the_place_of_a_secret_changes_its_mode() {
    let mut files = Files::new();
    let at = |name: &str| files.directory.path().join(name);
    let (seed, victim) = (at("issuer.nk"), at("victim"));
    for file in [&seed, &victim] {
        fs::write(file, "SA-SECRET").unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let problem = Problem::warning(&files.evidence.file, "can be read").about(&seed);
    files.evidence.problems = vec![problem.with_code("secret-exposed")];
    let mut planned = files.plan();
    // The owner of the directory puts a hard link there.
    fs::remove_file(&seed).unwrap();
    fs::hard_link(&victim, &seed).unwrap();
    planned.apply(7);
    let (json, _) = planned.to_json();
    assert_eq!(json[0]["error"], "it is another file in the meantime");
    let mode = fs::metadata(&victim).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}
