//! Invalid values in every table.

use rstest::rstest;

use super::*;

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
    ":8: log.zzz: unknown key, expected one of `format`, `level`, `when-full`"
)]
// Types.
#[case(
    "nats",
    "servers = \"x\"",
    ":2: nats.servers: expected a list, each element a server address such as `nats://127.0.0.1:4222`, found a string"
)]
#[case(
    "nats",
    "servers = [1]",
    ":2: nats.servers: expected a server address such as `nats://127.0.0.1:4222`, found a whole number"
)]
#[case(
    "nats",
    "name = true",
    ":2: nats.name: expected a string, found `true`"
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
    ":4: callout.deadline: expected a duration such as `250ms` or `1h 30m`, found a number with a fraction"
)]
#[case(
    "callout",
    "max-expiry = 2020-01-01",
    ":4: callout.max-expiry: expected a duration such as `30s` or `1h 30m`, found a date"
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
    ":1: nats.tls-cert-file: needs `tls-key-file` next to it"
)]
#[case(
    "nats",
    "tls-key-file = \"x\"",
    ":1: nats.tls-key-file: needs `tls-cert-file` next to it"
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
    "max-expiry = \"1m 1ms\"",
    ":4: callout.max-expiry: must be whole seconds, found `1m 1ms`"
)]
#[case(
    "callout",
    "clock-skew = \"500ms\"",
    ":4: callout.clock-skew: must be whole seconds, found `500ms`"
)]
#[case(
    "callout",
    "expiry-jitter = \"500ms\"",
    ":4: callout.expiry-jitter: must be whole seconds, found `500ms`"
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
