//! What is accepted, what is refused, and in which words.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_callout::{CertificateFiles, ConnectionOptions, Retries, TlsOptions};
use rstest::rstest;

use super::*;

mod ceilings;
mod identity;
mod key_value;
mod operator;
mod policies;
mod reference;
mod secrets;

const FILE: &str = "dir/portcullis.toml";
/// The least that a configuration needs.
const LEAST: [(&str, &[&str]); 7] = [
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
];

/// The least, with `lines` in `table`, in the place of what they set.
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

fn parse(text: &str) -> Result<Checked<Config>, Vec<Problem>> {
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

/// The only problem of `lines` in `table`, without the name of the file.
fn problem_with(table: &str, given: &str) -> String {
    let problems = lines(&parse(&text_with(table, given)).unwrap_err());
    match problems.as_slice() {
        [problem] => problem.strip_prefix(FILE).unwrap().to_owned(),
        _ => panic!("expected one problem, found {problems:#?}"),
    }
}

#[rstest]
// Keys.
#[case(
    "nats",
    "server = []",
    ":2: nats.server: unknown key, did you mean `servers`?"
)]
#[case(
    "nats",
    "Servers = []",
    ":2: nats.Servers: unknown key, did you mean `servers`?"
)]
#[case(
    "nats",
    "password = \"hunter2\"",
    ":2: nats.password: unknown key, did you mean `password-env`?"
)]
#[case(
    "callout",
    "max_in_flight = 1",
    ":4: callout.max_in_flight: unknown key, did you mean `max-in-flight`?"
)]
#[case(
    "log",
    "zzz = 1",
    ":8: log.zzz: unknown key, expected one of `format`, `level`"
)]
// Types.
#[case(
    "nats",
    "servers = \"x\"",
    ":2: nats.servers: expected an array, each element a server address such as `nats://127.0.0.1:4222`, found a string"
)]
#[case(
    "nats",
    "servers = [1]",
    ":2: nats.servers: expected a server address such as `nats://127.0.0.1:4222`, found an integer"
)]
#[case(
    "nats",
    "name = true",
    ":2: nats.name: expected a string, found a boolean"
)]
#[case("nats", "name = \"\"", ":2: nats.name: must not be empty")]
#[case(
    "callout",
    "max-in-flight = \"1\"",
    ":4: callout.max-in-flight: expected a whole number, found a string"
)]
#[case(
    "callout",
    "deadline = 1.5",
    ":4: callout.deadline: expected a duration such as `250ms` or `1h 30m`, found a float"
)]
#[case(
    "callout",
    "max-expiry = 2020-01-01",
    ":4: callout.max-expiry: expected a duration such as `250ms` or `1h 30m`, found a date"
)]
// Servers.
#[case(
    "nats",
    "servers = []",
    ":2: nats.servers: must name at least one server"
)]
#[case(
    "nats",
    "servers = [\"http://x\"]",
    ":2: nats.servers: expected a server address that starts with `nats://` or `tls://`"
)]
#[case(
    "nats",
    "servers = [\"nats://x/path\"]",
    ":2: nats.servers: expected a server address such as `nats://127.0.0.1:4222`"
)]
#[case(
    "nats",
    "servers = [\"x:port\"]",
    ":2: nats.servers: expected a server address such as `nats://127.0.0.1:4222`"
)]
#[case(
    "nats",
    "servers = [\"\"]",
    ":2: nats.servers: expected a server address such as `nats://127.0.0.1:4222`"
)]
#[case(
    "nats",
    "servers = [\"nats://me:hunter2@x\"]",
    ":2: nats.servers: no credentials in a server address: use `user` with `password-file`, or `token-file`"
)]
// Connections.
#[case(
    "nats",
    "connections = 65",
    ":2: nats.connections: must be between 1 and 64, found `65`"
)]
#[case(
    "nats",
    "connect-timeout = \"0s\"",
    ":2: nats.connect-timeout: must be more than zero, found `0s`"
)]
#[case(
    "nats",
    "reconnect-wait = \"0s\"",
    ":2: nats.reconnect-wait: must be more than zero, found `0s`"
)]
#[case(
    "nats",
    "reconect-jitter = \"0s\"",
    ":2: nats.reconect-jitter: unknown key, did you mean `reconnect-jitter`?"
)]
#[case(
    "nats",
    "connect-retries = -2",
    ":2: nats.connect-retries: must be between -1 and 4294967295, found `-2`"
)]
#[case(
    "nats",
    "connect-retries = \"-1\"",
    ":2: nats.connect-retries: expected a whole number, found a string"
)]
#[case(
    "nats",
    "max-disconnected = \"0s\"",
    ":2: nats.max-disconnected: must be more than zero, found `0s`"
)]
#[case(
    "nats",
    "tls-required = \"yes\"",
    ":2: nats.tls-required: expected `true` or `false`, found a string"
)]
#[case(
    "nats",
    "tls-cert-file = \"x\"",
    ":1: nats.tls-cert-file: needs `tls-key-file` beside it"
)]
#[case(
    "nats",
    "tls-key-file = \"x\"",
    ":1: nats.tls-key-file: needs `tls-cert-file` beside it"
)]
#[case(
    "nats",
    "tls-ca-file = \"\"",
    ":2: nats.tls-ca-file: must not be empty"
)]
// Authentication.
#[case(
    "nats",
    "token-file = \"x\"",
    ":1: nats: more than one way to authenticate: `nkey-seed-file`, `token-file`; keep one"
)]
#[case(
    "nats",
    "user = \"x\"",
    ":1: nats: more than one way to authenticate: `nkey-seed-file`, `user`; keep one"
)]
#[case(
    "nats",
    "nkey-seed-env = \"X\"",
    ":2: nats.nkey-seed-env: `nkey-seed-file` is set too; keep one of them"
)]
#[case(
    "callout",
    "issuer-seed-env = \"SA-not-a-variable\"\nissuer-seed-file = \"x\"",
    ":4: callout.issuer-seed-env: `issuer-seed-file` is set too; keep one of them"
)]
// Accounts.
#[case(
    "callout",
    "target-accounts = []",
    ":4: callout.target-accounts: must name at least one account, or `*` for any"
)]
#[case(
    "callout",
    "target-accounts = [\"*\", \"SYS\"]\naccount = \"AUTH\"",
    ":4: callout.target-accounts: `*` leaves out the callout and the system account, so it needs `account` and `system-account` to be set"
)]
#[case(
    "callout",
    "target-accounts = [\"A B\"]",
    ":4: callout.target-accounts: expected a name without blanks, found `A B`"
)]
#[case(
    "callout",
    "account = \"\"",
    ":4: callout.account: expected a name without blanks, found ``"
)]
#[case(
    "callout",
    "queue-group = \"a\\tb\"",
    ":4: callout.queue-group: expected a name without blanks, found `a\\tb`"
)]
// Numbers and units.
#[case(
    "callout",
    "max-in-flight = 0",
    ":4: callout.max-in-flight: must be between 1 and 65536, found `0`"
)]
#[case(
    "callout",
    "max-in-flight = -1",
    ":4: callout.max-in-flight: must be between 1 and 65536, found `-1`"
)]
#[case(
    "callout",
    "deadline = \"0s\"",
    ":4: callout.deadline: must be more than zero, found `0s`"
)]
#[case(
    "callout",
    "deadline = \"5 parsecs\"",
    ":4: callout.deadline: expected a duration such as `250ms` or `1h 30m`, found `5 parsecs`"
)]
#[case(
    "callout",
    "deadline = \"5\"",
    ":4: callout.deadline: expected a duration such as `250ms` or `1h 30m`, found `5`"
)]
#[case(
    "callout",
    "clock-skew = \"1000years\"",
    ":4: callout.clock-skew: must be at most `1year`, found `1000years`"
)]
#[case(
    "callout",
    "max-expiry = \"999ms\"",
    ":4: callout.max-expiry: must be at least one second, found `999ms`"
)]
#[case(
    "callout",
    "drain-timeout = \"0s\"",
    ":4: callout.drain-timeout: must be more than zero, found `0s`"
)]
// Health.
#[case(
    "health",
    "listen = \"9222\"",
    ":9: health.listen: expected an address such as `127.0.0.1:9222` or `[::]:9222`, found `9222`"
)]
#[case(
    "health",
    "port = 9222",
    ":9: health.port: unknown key, expected one of `listen`"
)]
// Logs.
#[case(
    "log",
    "format = \"xml\"",
    ":8: log.format: expected `pretty` or `json`, found `xml`"
)]
#[case(
    "log",
    "level = \"inffo\"",
    ":8: log.level: invalid log level `inffo`: use off, error, warn, info, debug or trace, or a filter such as `info,portcullis_callout=debug`"
)]
#[case(
    "log",
    "level = \"portcullis=loud\"",
    ":8: log.level: invalid log level `portcullis=loud`: use off, error, warn, info, debug or trace, or a filter such as `info,portcullis_callout=debug`"
)]
fn bad_values_are_named_with_line_and_key(
    #[case] table: &str,
    #[case] given: &str,
    #[case] problem: &str,
) {
    assert_eq!(problem_with(table, given), problem);
}

#[rstest]
#[case(
    "user = \"x\"",
    ":1: nats.user: needs `password-file` or `password-env` beside it"
)]
#[case(
    "password-file = \"x\"",
    ":1: nats.password-file: needs `user` beside it"
)]
#[case(
    "password-env = \"x\"",
    ":1: nats.password-env: needs `user` beside it"
)]
#[case(
    "user = \"\"\npassword-env = \"X\"",
    ":2: nats.user: must not be empty"
)]
#[case(
    "user-jwt-file = \"x\"",
    ":1: nats.user-jwt-file: needs `nkey-seed-file` or `nkey-seed-env` beside it"
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
    dir/portcullis.toml:2: surprise: unknown key, expected one of `nats`, `callout`, `operator`, `identity`, `ceilings`, `policies`, `key-value`, `health`, `log`
    dir/portcullis.toml:3: nats: warning: no way to authenticate is set, so servers will ask the callout about the callout; set `nkey-seed-file`
    dir/portcullis.toml:4: nats.servers: expected a server address that starts with `nats://` or `tls://`
    dir/portcullis.toml:4: nats.servers: expected a server address such as `nats://127.0.0.1:4222`, found an integer
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
        "dir/portcullis.toml:1: nats: expected a table, found an integer"
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
    assert_eq!(checked.value.nats.authentication, Authentication::Anonymous);
    assert_eq!(lines(&checked.warnings).len(), 1);
}

#[test]
fn values_have_units() {
    let config = config_with(
        "callout",
        "deadline = \"1m 500ms\"\nclock-skew = \"0s\"\nmax-expiry = \"24h\"\nmax-in-flight = 0x10",
    );
    assert_eq!(config.callout.deadline, Duration::from_millis(60_500));
    assert_eq!(config.callout.clock_skew, Duration::ZERO);
    assert_eq!(config.callout.max_expiry, Some(Duration::from_hours(24)));
    assert_eq!(config.callout.max_in_flight, 16);
    let config = config_with("policies", "memory = \"64KiB\"\nmax-module-size = \"1MB\"");
    assert_eq!(config.policies.memory, 65_536);
    assert_eq!(config.policies.max_module_size, 1_000_000);
}

#[test]
fn retries_are_counted_from_minus_one_which_is_for_ever() {
    for (number, retries) in [
        (-1, Retries::Forever),
        (0, Retries::Times(0)),
        (10, Retries::Times(10)),
    ] {
        let config = config_with("nats", &format!("connect-retries = {number}"));
        assert_eq!(config.nats.connect_retries, retries);
    }
}

#[test]
fn connections_have_the_defaults_of_the_library() {
    let nats = config_with("log", "").nats;
    let (ours, library) = (
        ConnectionOptions::from(&nats),
        ConnectionOptions::new(Vec::new()),
    );
    assert_eq!(ours.servers, ["nats://127.0.0.1:4222"]);
    assert_eq!(ours.name, library.name);
    assert_eq!(ours.connect_timeout, library.connect_timeout);
    assert_eq!(ours.reconnect_wait, library.reconnect_wait);
    assert_eq!(ours.reconnect_jitter, library.reconnect_jitter);
    assert_eq!(ours.retries, library.retries);
    assert_eq!(ours.retry_delay, library.retry_delay);
    assert_eq!(ours.tls, library.tls);
    assert_eq!(nats.connections.get(), 1);
    assert_eq!(nats.max_disconnected, None);
}

#[test]
fn what_is_set_is_what_the_connection_gets() {
    let nats = config_with(
        "nats",
        "servers = [\"a\", \"tls://b\"]\nname = \"c\"\nconnections = 3\nconnect-timeout = \"2s\"\n\
         reconnect-wait = \"3s\"\nreconnect-jitter = \"0s\"\nretry-delay = \"4s\"\nmax-disconnected = \"5s\"\n\
         tls-ca-file = \"ca\"\ntls-cert-file = \"cert\"\ntls-key-file = \"key\"\ntls-first = true",
    )
    .nats;
    let options = ConnectionOptions::from(&nats);
    assert_eq!(options.servers, ["nats://a", "tls://b"]);
    assert_eq!(options.name, "c");
    assert_eq!(options.connect_timeout, Duration::from_secs(2));
    assert_eq!(options.reconnect_wait, Duration::from_secs(3));
    assert_eq!(options.reconnect_jitter, Duration::ZERO);
    assert_eq!(options.retry_delay, Duration::from_secs(4));
    assert_eq!(
        options.tls,
        TlsOptions {
            ca_file: Some("dir/ca".into()),
            certificate: Some(CertificateFiles {
                certificate: "dir/cert".into(),
                key: "dir/key".into(),
            }),
            first: true,
            required: false,
        }
    );
    assert_eq!(nats.connections.get(), 3);
    assert_eq!(nats.max_disconnected, Some(Duration::from_secs(5)));
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = config_with("policies", "directory = \"../p\"");
    assert_eq!(config.policies.directory, Path::new("dir/../p"));
    let config = config_with("policies", "directory = \"/p\"");
    assert_eq!(config.policies.directory, Path::new("/p"));
    let config = config_with("log", "");
    assert_eq!(config.policies.directory, Path::new("dir/policies"));
}

#[rstest]
#[case("localhost:4222", "nats://localhost:4222")]
#[case("127.0.0.1", "nats://127.0.0.1")]
#[case("[::1]:4222", "nats://[::1]:4222")]
#[case("tls://nats.example.com", "tls://nats.example.com")]
fn server_addresses_need_no_scheme(#[case] text: &str, #[case] address: &str) {
    assert_eq!(text.parse::<ServerAddress>().unwrap().as_str(), address);
}

#[test]
fn any_account_is_written_as_a_star() {
    let accounts = "account = \"AUTH\"\nsystem-account = \"SYS\"\n";
    for (list, named) in [
        ("[\"*\"]", vec![]),
        ("[\"*\", \"SYS\"]", vec!["SYS".to_owned()]),
    ] {
        let text = text_with("callout", &format!("{accounts}target-accounts = {list}"));
        let config = parse(&text).unwrap();
        assert_eq!(
            config.warnings.len(),
            named.len(),
            "naming the system account is doubtful"
        );
        assert_eq!(
            config.value.callout.target_accounts,
            Some(TargetAccounts::Any(named))
        );
    }
}
