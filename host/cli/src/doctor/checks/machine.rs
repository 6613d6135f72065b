//! Checks of what policies need: a process that runs compiled code, and issuers' keys.

use crate::doctor::evidence::Evidence;
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

/// Finds identity providers whose keys are not there.
pub(super) fn issuers(evidence: &Evidence) -> Checked {
    if evidence.settings.is_none() {
        return Checked::impossible("the configuration is invalid");
    }
    let mut checked = Checked::default();
    // A host without issuers verifies no tokens.
    checked.examine(None);
    for issuer in &evidence.issuers {
        let error = match &issuer.keys {
            Ok(0) => "the provider publishes no key of the configured `algorithms`",
            Ok(_) => continue,
            Err(error) => error,
        };
        let finding = Finding::new(
            Code::IssuerKeysMissing,
            format!("the host has no keys of issuer `{}`", issuer.name),
            "compare `issuer`, `discovery-url`, `jwks-url` and `ca-file` under [identity.issuers] with the provider, and \
             let this machine reach it",
        );
        let finding = finding.because(error);
        let finding = if issuer.required {
            finding.because("the issuer is `required`, so a host that starts now is not ready")
        } else {
            finding
        };
        checked.examine(Some(finding));
    }
    checked
}
