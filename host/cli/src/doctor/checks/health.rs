//! The readiness of a host that runs on this machine.

use crate::doctor::evidence::{Evidence, HostHealth};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Reports a host that runs and is not ready, with its own reasons.
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
        HostHealth::Ready => checked.examine(None),
        HostHealth::NotReady(reasons) => {
            let finding = Finding::new(
                Code::HostNotReady,
                "the host on this machine is not ready",
                "mend what the evidence names; the page `/readyz` of the host repeats it",
            );
            let finding = reasons.iter().fold(finding, Finding::because);
            checked.examine(Some(finding));
        }
    }
    checked
}
