//! Checks of what policies need: a process that runs compiled code, and issuers' keys.

use std::time::Duration;

use crate::doctor::evidence::{Evidence, HeldKeys, HostHealth, IssuerKeys};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Finds limits that keep policies from running.
pub(super) fn fitness(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    match &evidence.machine {
        None => checked.skip("the configuration is invalid"),
        Some(Ok(())) => checked.examine(None),
        Some(Err(error)) => checked.examine(Some(
            Finding::new(
                Code::MachineUnfit,
                "this process cannot run policies",
                "remove the limit that the evidence names; this command has the limits of the shell, so run it with those \
                 of the service, as `systemd-run` does",
            )
            .because(error),
        )),
    }
    checked
}

/// Finds identity providers whose keys are not there, here or in the host that runs.
pub(super) fn issuers(evidence: &Evidence) -> Checked {
    if evidence.settings.is_none() {
        return Checked::impossible("the configuration is invalid");
    }
    let mut checked = Checked::default();
    // A host without issuers verifies no tokens.
    checked.examine(None);
    for issuer in &evidence.issuers {
        let held = match &evidence.health {
            Some(HostHealth::Running { issuers, .. }) => issuers.get(&issuer.name),
            _ => None,
        };
        checked.examine(keys(issuer, held, evidence.now));
    }
    checked
}

/// Compares the fetch of this command with the keys that a running host holds. `None` for `held`
/// if no host runs, or if it does not know the issuer.
fn keys(issuer: &IssuerKeys, held: Option<&HeldKeys>, now: u64) -> Option<Finding> {
    let none = "the provider publishes no key of the configured `algorithms`";
    let name = &issuer.name;
    let error = match &issuer.keys {
        Ok(0) => none,
        Err(error) => error,
        Ok(_) if held.is_none_or(|held| held.keys > 0) => return None,
        Ok(number) => {
            let finding = Finding::new(
                Code::IssuerKeysMissing,
                format!("the host that runs has no keys of issuer `{name}`"),
                "compare the way of the service to the provider with that of this command: user, proxy, name servers, \
                 network of the container, firewall; the host's log has the reason, and the host tries again by itself",
            );
            return Some(finding.because(format!("this command has fetched its keys: {number}")));
        }
    };
    let cause = match held {
        Some(held) if held.keys > 0 => return Some(outdated(issuer, held, error, now)),
        Some(_) => format!("the host that runs has no keys of issuer `{name}`"),
        None if issuer.keys.is_ok() => format!("issuer `{name}` has no key that a host can use"),
        None => format!("the keys of issuer `{name}` cannot be fetched"),
    };
    let finding = Finding::new(
        Code::IssuerKeysMissing,
        cause,
        "compare `issuer`, `discovery-url`, `jwks-url`, `jwks-file` and `ca-file` under [identity.issuers] with the \
         provider, and let this machine reach it",
    );
    Some(starting(issuer, finding.because(error)))
}

/// Returns the finding of keys that the host `held`, and that this command cannot fetch because of
/// `error`.
fn outdated(issuer: &IssuerKeys, held: &HeldKeys, error: &str, now: u64) -> Finding {
    let name = &issuer.name;
    let finding = Finding::new(
        Code::IssuerKeysOutdated,
        format!(
            "the keys of issuer `{name}` cannot be fetched, and the host that runs has earlier ones"
        ),
        "let this machine reach the provider before it changes its keys, and before a host starts; compare \
         `discovery-url`, `jwks-url`, `jwks-file` and `ca-file` under [identity.issuers] with the provider",
    );
    let age = held.fetched_at.map(|time| now.saturating_sub(time));
    let age = age.map_or_else(String::new, |age| {
        let age = humantime::format_duration(Duration::from_secs(age));
        format!(", fetched {age} ago")
    });
    let finding = finding.because(error);
    let finding = finding.because(format!("the host has its keys: {}{age}", held.keys));
    starting(issuer, finding)
}

/// Adds what a missing key of a required issuer means for a host that starts.
fn starting(issuer: &IssuerKeys, finding: Finding) -> Finding {
    if issuer.required {
        finding.because("the issuer is `required`, so a host that starts now is not ready")
    } else {
        finding
    }
}
