//! Comparison of the keys that sign users with the JWTs of their accounts, in operator mode.

use super::callout_jwt::operated;
use crate::doctor::evidence::{AccountJwt, Evidence, Target};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Finds keys of the host that servers do not accept for a target account.
pub(super) fn targets(evidence: &Evidence) -> Checked {
    // In config mode, one key signs for all accounts.
    let (settings, system) = match operated(evidence, "the accounts' JWTs are known with `--creds`")
    {
        Ok(both) => both,
        Err(checked) => return checked,
    };
    let jwts = &system.targets;
    let mut checked = Checked::default();
    for target in &settings.targets {
        match jwts.get(&target.name) {
            None => checked.skip("the servers were asked about the first 64 target accounts"),
            Some(Err(reason)) => checked.skip(format!("`{}`: {reason}", target.name)),
            Some(Ok(jwts)) => {
                for jwt in jwts {
                    checked.examine(unknown(target, jwt));
                }
            }
        }
    }
    checked
}

fn unknown(target: &Target, jwt: &AccountJwt) -> Option<Finding> {
    let keys = target.signers.iter();
    let unknown: Vec<_> = keys.filter(|key| !jwt.signers.contains(*key)).collect();
    if unknown.is_empty() {
        return None;
    }
    let name = &target.name;
    let finding = Finding::new(
        Code::TargetSignerUnknown,
        format!(
            "account `{name}` does not have a key that signs its users, so servers refuse their permits"
        ),
        format!(
            "set the seeds under [operator.accounts.{name}] to those of the account's keys, or add the key with \
             `portcullis account add-key` and push the account"
        ),
    );
    let finding = unknown.into_iter().fold(finding, |finding, key| {
        finding.because(format!("the host signs with `{key}`"))
    });
    Some(finding.because(format!(
        "the JWT of account `{}` at {} does not have it",
        target.id, jwt.place
    )))
}
