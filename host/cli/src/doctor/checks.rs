//! The checks: functions from evidence to findings.

mod accounts;
mod bypass;
mod callout;
mod callout_jwt;
mod certificates;
mod connections;
mod health;
mod limits;
mod local;
mod locks;
mod machine;
mod names;
mod records;
mod releases;
mod server_conf;
mod servers;
mod services;
mod signers;
mod xkey;

use super::evidence::Evidence;
use super::report::{Checked, Report};

/// A check, with the name under which the report says that it ran.
type Check = (&'static str, fn(&Evidence) -> Checked);

/// All checks, in the order of the report.
const CHECKS: &[Check] = &[
    ("configuration and policies", local::configuration),
    ("state directory", local::state_directory),
    ("credentials", local::credentials),
    ("certificates", certificates::validity),
    ("limits of this process", machine::fitness),
    ("issuers' keys", machine::issuers),
    ("readiness of the host on this machine", health::readiness),
    ("servers", servers::reachable),
    ("releases of servers", releases::releases),
    ("login of the host's user", servers::login),
    ("permissions of the host's user", servers::user),
    ("other connections of the host", connections::others),
    ("probe login", callout::asked),
    ("issuer, xkey and trust", callout::keys),
    ("timeout", callout::timeout),
    ("clock", callout::clock),
    ("server configuration", server_conf::callout),
    ("system account", accounts::system),
    ("JWT of the callout account", callout_jwt::authorization),
    ("keys of target accounts", signers::targets),
    ("target accounts", accounts::targets),
    ("accounts that files name", names::names),
    ("recent permits", accounts::rejected),
    ("token sizes", limits::control_line),
    ("message sizes", limits::payload),
    ("JetStream", limits::sync_interval),
    ("decision records", records::places),
    ("locks", locks::locks),
    ("hosts", services::hosts),
    ("bypass", bypass::bypass),
];

/// Compares the server's configuration file alone.
pub(crate) fn server_conf(evidence: &Evidence) -> Checked {
    server_conf::callout(evidence)
}

/// Runs all checks.
pub(crate) fn run(evidence: &Evidence) -> Report {
    let mut report = Report::default();
    for (name, check) in CHECKS {
        report.add(name, check(evidence));
    }
    report
}
