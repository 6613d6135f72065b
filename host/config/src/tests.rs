//! Accepted and refused configurations, with the messages.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use portcullis_authority::TargetAccounts;
use portcullis_toml::{Checked, Problem, Problems};
use rstest::rstest;

use crate::secrets::Secrets;
use crate::*;

mod account_requests;
mod ceilings;
mod exchange;
mod identity;
mod key_value;
mod login_events;
mod nats;
mod operator;
mod policies;
mod records;
mod reference;
mod secrets;
mod values;

const FILE: &str = "dir/portcullis.toml";
/// A minimal configuration.
const LEAST: [(&str, &[&str]); 8] = [
    ("nats", &[r#"nkey-seed-file = "callout.nk""#]),
    (
        "callout",
        &[
            r#"issuer-seed-file = "keys/issuer.nk""#,
            r#"target-accounts = ["APP"]"#,
        ],
    ),
    ("policies", &[]),
    ("log", &[]),
    ("health", &[]),
    ("identity", &[]),
    ("key-value", &[]),
    ("exchange", &[]),
];

/// Returns the minimal configuration with `lines` in `table`, which replace the lines of the same
/// keys.
fn text_with(table: &str, lines: &str) -> String {
    let key = |line: &str| line.split('=').next().unwrap().trim().to_owned();
    let given: BTreeSet<String> = lines.lines().map(key).collect();
    let mut text = Vec::new();
    for (name, least) in LEAST {
        text.push(format!("[{name}]"));
        if name == table {
            text.push(lines.to_owned());
        }
        let kept = least
            .iter()
            .filter(|line| name != table || !given.contains(&key(line)));
        text.extend(kept.map(ToString::to_string));
    }
    text.push(String::new());
    text.join("\n")
}

fn parse(text: &str) -> Result<Checked<Config>, Problems> {
    Config::parse(Path::new(FILE), text)
}

fn config_with(table: &str, lines: &str) -> Config {
    let checked = parse(&text_with(table, lines)).unwrap();
    assert_eq!(checked.warnings, []);
    checked.value
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Returns the only problem of `lines` in `table`, without the name of the file.
fn problem_with(table: &str, given: &str) -> String {
    let problems = lines(&parse(&text_with(table, given)).unwrap_err());
    match problems.as_slice() {
        [problem] => problem.strip_prefix(FILE).unwrap().to_owned(),
        _ => panic!("expected one problem, found {problems:#?}"),
    }
}

#[rstest]
#[case(
    "user = \"x\"",
    ":1: nats.user: needs `password-file` or `password-env` next to it"
)]
#[case(
    "password-file = \"x\"",
    ":1: nats.password-file: needs `user` next to it"
)]
#[case(
    "password-env = \"x\"",
    ":1: nats.password-env: needs `user` next to it"
)]
#[case(
    "user = \"\"\npassword-env = \"X\"",
    ":2: nats.user: must not be empty"
)]
#[case(
    "user-jwt-file = \"x\"",
    ":1: nats.user-jwt-file: needs `nkey-seed-file` or `nkey-seed-env` next to it"
)]
#[case(
    "user-jwt-env = \"X\"\ncreds-file = \"x\"",
    ":1: nats: more than one way to authenticate: `user-jwt-env`, `creds-file`; keep one"
)]
#[case(
    "creds-env = \"X\"\ncreds-file = \"x\"",
    ":2: nats.creds-env: `creds-file` is set too; keep one of them"
)]
#[case(
    "nkey-seed-env = \"\"",
    ":2: nats.nkey-seed-env: expected the name of an environment variable: letters, digits and `_`"
)]
#[case(
    "token-env = \"s3cret!\"",
    ":2: nats.token-env: expected the name of an environment variable: letters, digits and `_`"
)]
#[case(
    "token-file = \"x\"\ncreds-file = \"x\"",
    ":1: nats: more than one way to authenticate: `creds-file`, `token-file`; keep one"
)]
fn half_a_way_to_authenticate_is_refused(#[case] nats: &str, #[case] problem: &str) {
    let text = text_with("nats", nats).replace("nkey-seed-file = \"callout.nk\"\n", "");
    assert_eq!(
        lines(&parse(&text).unwrap_err()),
        [format!("{FILE}{problem}")]
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = r#"
surprise = 1
[nats]
servers = ["nats://a", "ftp://b", 3]
[callouts]
[callout]
deadline = "soon"
[policies]
memory = "lots"
[log]
format = "xml"
"#;
    insta::assert_snapshot!(lines(&parse(text).unwrap_err()).join("\n"), @r#"
    dir/portcullis.toml:2: surprise: unknown key, expected one of `nats`, `callout`, `operator`, `identity`, `ceilings`, `policies`, `key-value`, `system`, `exchange`, `health`, `records`, `telemetry`, `log`
    dir/portcullis.toml:3: nats: warning: no way to authenticate is set, so servers will ask the callout about the callout; set `nkey-seed-file`
    dir/portcullis.toml:4: nats.servers: expected a server address that starts with `nats://` or `tls://`
    dir/portcullis.toml:4: nats.servers: expected a server address such as `nats://127.0.0.1:4222`, found a whole number
    dir/portcullis.toml:5: callouts: unknown key, did you mean `callout`?
    dir/portcullis.toml:6: callout.issuer-seed-file: missing: name the file with the account seed (SA…) that signs responses, or its variable in `issuer-seed-env`
    dir/portcullis.toml:6: callout.target-accounts: missing: list the accounts that policies may place users in, for example `["APP"]`
    dir/portcullis.toml:7: callout.deadline: expected a duration such as `250ms` or `1h 30m`, found `soon`
    dir/portcullis.toml:9: policies.memory: expected a size such as `16MiB` or `64KiB`, found `lots`
    dir/portcullis.toml:11: log.format: expected `pretty` or `json`, found `xml`
    "#);
}

#[test]
fn an_empty_file_lacks_what_has_no_default() {
    insta::assert_snapshot!(lines(&parse("").unwrap_err()).join("\n"), @r#"
    dir/portcullis.toml: nats: warning: no way to authenticate is set, so servers will ask the callout about the callout; set `nkey-seed-file`
    dir/portcullis.toml: callout.issuer-seed-file: missing: name the file with the account seed (SA…) that signs responses, or its variable in `issuer-seed-env`
    dir/portcullis.toml: callout.target-accounts: missing: list the accounts that policies may place users in, for example `["APP"]`
    "#);
}

#[test]
fn a_file_of_another_program_has_few_lines_of_syntax_errors() {
    let text = "listen: \"127.0.0.1:4222\"\naccounts {\n  AUTH {\n    users: []\n  }\n}\n";
    let problems = lines(&parse(text).unwrap_err());
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert!(problems[3].contains("more errors; is this the file of another program?"));
}

#[rstest]
#[case("[nats\n", "dir/portcullis.toml:1: not TOML: ")]
#[case(
    "[nats]\nname = \"a\"\nname = \"b\"\n",
    "dir/portcullis.toml:3: not TOML: "
)]
#[case("[nats]\npassword = hunter2\n", "dir/portcullis.toml:2: not TOML: ")]
fn what_is_not_toml_is_said_to_be_without_quoting_it(#[case] text: &str, #[case] start: &str) {
    let problems = lines(&parse(text).unwrap_err());
    for problem in &problems {
        assert!(problem.starts_with(start), "{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
        assert!(!problem.contains('\n'), "{problem}");
    }
    assert!(!problems.is_empty());
}

#[test]
fn a_table_must_be_a_table() {
    let problems = lines(
        &parse("nats = 1\n[callout]\nissuer-seed-file = \"x\"\ntarget-accounts = [\"*\"]\n")
            .unwrap_err(),
    );
    assert_eq!(
        problems[0],
        "dir/portcullis.toml:1: nats: expected a table, found a whole number"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let problems = Config::load(Path::new("nowhere/portcullis.toml")).unwrap_err();
    let problem = problems[0].to_string();
    assert!(
        problem.starts_with("nowhere/portcullis.toml: cannot read: "),
        "{problem}"
    );
}

#[test]
fn doubts_are_warnings() {
    let callout = "target-accounts = [\"APP\", \"AUTH\", \"SYS\"]\naccount = \"AUTH\"\nsystem-account = \"SYS\"";
    let checked = parse(&text_with("callout", callout)).unwrap();
    assert_eq!(
        lines(&checked.warnings),
        [
            "dir/portcullis.toml:4: callout.target-accounts: warning: policies may place users in the callout account `AUTH`",
            "dir/portcullis.toml:4: callout.target-accounts: warning: policies may place users in the system account `SYS`",
        ]
    );
    let text = text_with("nats", "").replace("nkey-seed-file = \"callout.nk\"\n", "");
    let checked = parse(&text).unwrap();
    assert_eq!(
        checked.value.nats.authentication,
        portcullis_connect::Authentication::None
    );
    assert_eq!(lines(&checked.warnings).len(), 1);
}

#[test]
fn values_have_units() {
    let config = config_with(
        "callout",
        "deadline = \"1m 500ms\"\nclock-skew = \"0s\"\nmax-expiry = \"24h\"\nmax-in-flight = 0x10",
    );
    assert_eq!(config.callout.times.deadline, Duration::from_millis(60_500));
    assert_eq!(config.callout.open.clock_skew, Duration::ZERO);
    assert_eq!(config.callout.expiry.max, Some(Duration::from_hours(24)));
    assert_eq!(config.callout.max_in_flight, 16);
    let config = config_with("policies", "memory = \"64KiB\"\nmax-module-size = \"1MB\"");
    assert_eq!(config.policies.catalog.limits.memory, 65_536);
    assert_eq!(config.policies.catalog.max_module_size, 1_000_000);
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = config_with("policies", "directory = \"../p\"");
    assert_eq!(config.policies.catalog.directory, Path::new("dir/../p"));
    let config = config_with("policies", "directory = \"/p\"");
    assert_eq!(config.policies.catalog.directory, Path::new("/p"));
    let config = config_with("log", "");
    assert_eq!(config.policies.catalog.directory, Path::new("dir/policies"));
}

#[test]
fn any_account_is_written_as_a_star() {
    let accounts = "account = \"AUTH\"\nsystem-account = \"SYS\"\n";
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    for (list, named) in [("[\"*\"]", vec![]), ("[\"*\", \"SYS\"]", vec!["SYS"])] {
        let text = text_with("callout", &format!("{accounts}target-accounts = {list}"));
        let config = parse(&text).unwrap();
        assert_eq!(
            config.warnings.len(),
            named.len(),
            "naming the system account is doubtful"
        );
        assert_eq!(
            config.value.callout.target_accounts,
            Some(TargetAccounts::Any {
                named: names(&named),
                barred: names(&["AUTH", "SYS"])
            })
        );
    }
}

#[test]
fn what_nests_without_end_is_refused() {
    let deep = [
        format!("a = {}", "[".repeat(200_000)),
        format!("a = {}", "{ b = ".repeat(200_000)),
        format!("a{} = 1", ".a".repeat(200_000)),
        format!("[a{}]", ".a".repeat(200_000)),
        format!("[[a{}]]", ".a".repeat(200_000)),
    ];
    for text in deep {
        let problems = Config::parse(Path::new("portcullis.toml"), &text).unwrap_err();
        let problem = problems.first().unwrap().to_string();
        assert!(problem.contains("recurs"), "{problem}");
    }
}

#[test]
fn a_configuration_that_every_user_can_change_is_doubtful() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("portcullis.toml");
    std::fs::write(&file, text_with("log", "")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(Config::load(&file).unwrap().warnings, []);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let warnings = Config::load(&file).unwrap().warnings;
    let warning = warnings.first().unwrap().to_string();
    assert!(
        warning.contains("every user of this machine can change it"),
        "{warning}"
    );
    assert!(Survey::read(&file).problems.contains(&warnings[0]));
}
