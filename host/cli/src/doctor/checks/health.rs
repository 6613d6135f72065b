//! The readiness of a host that runs on this machine.

use crate::doctor::evidence::{Evidence, HostHealth};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Reports a host that runs and is not ready, with its own reasons, and what its metrics say that
/// fails.
pub(super) fn readiness(evidence: &Evidence) -> Checked {
    let Some(health) = &evidence.health else {
        return Checked::impossible("the configuration is invalid");
    };
    let mut checked = Checked::default();
    match health {
        HostHealth::NoAddress => checked.skip("`listen` under [health] is not set"),
        HostHealth::Silent { address, error } => checked.skip(format!(
            "no host answers at `{address}`, which is `listen` under [health]: {error}"
        )),
        HostHealth::Running {
            not_ready, trouble, ..
        } => {
            checked.examine(not_ready.as_deref().map(not_ready_for));
            checked.examine((!trouble.is_empty()).then(|| impaired_by(trouble)));
        }
    }
    checked
}

fn not_ready_for(reasons: &[String]) -> Finding {
    let finding = Finding::new(
        Code::HostNotReady,
        "the host on this machine is not ready",
        "mend what the evidence names; the page `/readyz` of the host repeats it",
    );
    reasons.iter().fold(finding, Finding::because)
}

fn impaired_by(trouble: &[String]) -> Finding {
    let finding = Finding::new(
        Code::HostImpaired,
        "the host on this machine runs, and something fails there",
        "look into the host's log for the reason; docs/reference/metrics.md describes each metric; counters restart \
         with the host",
    );
    trouble.iter().fold(finding, Finding::because)
}
