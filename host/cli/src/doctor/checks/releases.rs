//! The releases of servers, with their known pitfalls.

use std::collections::BTreeMap;

use portcullis_claims::{ServerVersion, deny_filter};
use portcullis_core::DenyFilter;

use crate::doctor::evidence::{Evidence, Greeting, OwnXkey, Settings};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Finds releases that cannot ask, that are unknown, or that have pitfalls.
pub(super) fn releases(evidence: &Evidence) -> Checked {
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    let mut checked = Checked::default();
    for (version, servers) in versions(evidence, &mut checked) {
        checked.examine(None);
        let servers = servers.join(", ");
        checked.findings.extend(judge(&version, &servers, settings));
    }
    checked
}

/// Returns the servers of each release, with their addresses or names.
fn versions(evidence: &Evidence, checked: &mut Checked) -> BTreeMap<String, Vec<String>> {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for server in &evidence.servers {
        match &server.greeting {
            Greeting::Info(info) => {
                let servers = versions.entry(info.version.clone()).or_default();
                servers.push(format!("`{}`", server.address));
            }
            Greeting::TlsFirst | Greeting::Silent | Greeting::Failed(_) => checked.skip(format!(
                "server `{}` does not say its release before the login",
                server.address
            )),
        }
    }
    if let Some(Ok(system)) = &evidence.system {
        for server in &system.servers {
            let servers = versions.entry(server.version.clone()).or_default();
            servers.push(format!("`{}`", server.name));
        }
    }
    versions
}

fn judge(text: &str, servers: &str, settings: &Settings) -> Vec<Finding> {
    let Ok(version) = text.parse::<ServerVersion>() else {
        return vec![unknown(text, servers)];
    };
    if version < ServerVersion::OLDEST {
        let finding = Finding::new(
            Code::ServerTooOld,
            format!("nats-server {text} has no auth callout"),
            format!("run {} or later", ServerVersion::NEWEST),
        );
        return vec![finding.because(format!("servers: {servers}"))];
    }
    if !version.is_known() {
        return vec![unknown(text, servers)];
    }
    let collect = |code, cause: String, remedy: String, facts: Vec<&str>| {
        let finding = Finding::new(code, cause, remedy).because(format!("servers: {servers}"));
        (!facts.is_empty()).then(|| facts.into_iter().fold(finding, Finding::because))
    };
    let remedy = format!(
        "run the newest release of a series that is maintained, such as {}",
        ServerVersion::NEWEST
    );
    let pitfalls = collect(
        Code::ServerReleasePitfalls,
        format!("nats-server {text} has faults that the host cannot close"),
        remedy.clone(),
        pitfalls(version, settings.operator_mode),
    );
    let notes = collect(
        Code::ServerReleaseNotes,
        format!("nats-server {text} leaves more to the host than later releases"),
        remedy,
        notes(version, &settings.xkey),
    );
    pitfalls.into_iter().chain(notes).collect()
}

fn unknown(text: &str, servers: &str) -> Finding {
    Finding::new(
        Code::ServerReleaseUnknown,
        format!("nats-server {text} is not a release that this host knows"),
        "update the host, or compare the release with `cargo xtask conformance --server PROGRAM`",
    )
    .because(format!("servers: {servers}"))
}

fn pitfalls(version: ServerVersion, operator_mode: bool) -> Vec<&'static str> {
    let mut pitfalls = Vec::new();
    if deny_filter(Some(version)) == DenyFilter::Containing {
        pitfalls.push(
            "on delivery, it checks no deny that a wildcard subscription overlaps only, so `a.*.secret` is received with \
             `a.b.>`",
        );
    }
    if operator_mode && !version.bounds_templates() {
        pitfalls.push("an unknown placeholder in a role's template crashes it at a login");
    }
    pitfalls
}

fn notes(version: ServerVersion, xkey: &OwnXkey) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if !version.checks_who_signed_the_response() {
        notes.push("it accepts responses of other signers than the configured issuer");
    }
    if !version.enforces_limits() {
        notes.push(
            "it ignores `subs`, `payload` and `src` of user JWTs: the host enforces `src` itself and refuses permits with \
             the others",
        );
    }
    if !version.enforces_limits() && !matches!(xkey, OwnXkey::Key(_)) {
        notes.push("other users of the callout account can read requests if their permissions allow it: set an xkey");
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xkey_is_advised_where_there_is_none() {
        let version = "2.15.1".parse().unwrap();
        let advised = |xkey| {
            let notes = notes(version, &xkey);
            notes.iter().any(|note| note.ends_with("set an xkey"))
        };
        assert!(advised(OwnXkey::Absent));
        assert!(!advised(OwnXkey::Key("X-OWN".to_owned())));
    }
}
