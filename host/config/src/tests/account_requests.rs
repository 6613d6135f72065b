//! Table `[operator.account-requests]`.

use std::time::Duration;

use portcullis_core::ClientKind;

use super::operator::{account, operator};
use super::*;
use crate::permit_rules;

const REQUIRED: &str =
    "subject = \"portcullis.account.requests\"\nnames = [\"team-*\"]\nstore = \"store\"\n";

/// Returns a configuration of operator mode with these lines in `[operator.account-requests]`.
fn requests(lines: &str) -> String {
    let (auth, app) = (account(), account());
    operator(&format!(
        "[operator]\naccount = \"{auth}\"\n[operator.accounts.APP]\nkey = \"{app}\"\nseed-file = \"app.nk\"\n\
         [operator.account-requests]\n{lines}\n"
    ))
}

#[test]
fn accounts_that_signed_themselves_may_ask() {
    let text = requests(&format!(
        "{REQUIRED}max-per-hour = 5\ndeadline = \"2s\"\n[operator.account-requests.limits]\nconnections = 3\n\
         leafnodes = 0\nexports = 4\njetstream-disk = \"1MiB\"\n[operator.account-requests.nats]\n\
         creds-file = \"system.creds\"\n[policies.chains.accounts]\nclient-kinds = [\"account-request\"]\n\
         policies = [\"teams\"]\n"
    ));
    let config = parse(&text).unwrap().value;
    let rules = permit_rules(&config.callout, config.operator.as_ref(), &config.ceilings);
    assert_eq!(rules.requested_accounts, ["team-*".parse().unwrap()]);
    assert!(rules.new_accounts.is_empty());
    let table = config.operator.unwrap().account_requests.unwrap();
    assert!(table.store.ends_with("store"));
    assert_eq!(table.subject, "portcullis.account.requests");
    assert_eq!(table.nats.name, "portcullis-account-requests");
    assert_eq!(
        (table.deadline, table.max_in_flight),
        (Duration::from_secs(2), 16)
    );
    let options = table.options;
    assert_eq!((options.max_accounts, options.max_per_hour), (1000, 5));
    let limits = options.limits;
    assert_eq!((limits.connections, limits.exports), (3, 4));
    assert_eq!((limits.leafnodes, limits.imports), (0, 0));
    assert_eq!(limits.jetstream.disk_storage, 1 << 20);
    let chain = config.policies.catalog.chains.first().unwrap();
    let mut kinds = chain.logins.client_kinds.listed();
    assert_eq!(kinds.next(), Some(&ClientKind::AccountRequest));
}

#[rstest]
#[case("", "operator.account-requests.subject: missing")]
#[case("", "operator.account-requests.names: missing")]
#[case("", "operator.account-requests.store: missing")]
#[case("", "operator.account-requests.nats: missing")]
#[case(
    "subject = \"a.*\"",
    "a subject without wildcards and not below `$SYS`"
)]
#[case(
    "subject = \"$SYS.REQ.x\"",
    "a subject without wildcards and not below `$SYS`"
)]
#[case(
    "subject = \"a..b\"",
    "a subject without wildcards and not below `$SYS`"
)]
#[case(
    "limits = { exports = -1 }",
    "operator.account-requests.limits.exports: "
)]
#[case(
    "limits = { connections = 2147483648 }",
    "operator.account-requests.limits.connections: "
)]
#[case(
    "limits = { payload = \"2GiB\" }",
    "operator.account-requests.limits.payload: must be at most `2147483647`"
)]
#[case(
    "limits = { jetstream-disk = \"15EiB\" }",
    "operator.account-requests.limits.jetstream-disk: must be at most `8191PiB`"
)]
#[case("max-in-flight = 0", "operator.account-requests.max-in-flight: ")]
#[case(
    "nats = { max-disconnected = \"1m\" }",
    "operator.account-requests.nats.max-disconnected: is for [nats] only"
)]
fn what_is_wrong_about_requests_of_accounts_is_named(#[case] given: &str, #[case] expected: &str) {
    let problems = lines(&parse(&requests(given)).unwrap_err()).join("\n");
    assert!(problems.contains(expected), "{problems}");
}
