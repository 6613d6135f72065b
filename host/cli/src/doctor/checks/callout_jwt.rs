//! Comparison of the callout account's JWT with the host's configuration, in operator mode.

use super::xkey::XkeyPlace;
use crate::doctor::evidence::{AccountJwt, Evidence, Settings, System};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// The entry of `allowed_accounts` that stands for any account, if it is the only one.
const ANY: &str = "*";

/// Maximum number of accounts that a finding names.
const NAMED: usize = 10;

/// Returns the settings in operator mode, and what the servers tell the system account. Otherwise
/// the result of a check that needs both: `without` is the reason if no user of that account is
/// known.
pub(super) fn operated<'a>(
    evidence: &'a Evidence,
    without: &str,
) -> Result<(&'a Settings, &'a System), Checked> {
    let Some(settings) = &evidence.settings else {
        return Err(Checked::impossible("the configuration is invalid"));
    };
    if !settings.operator_mode {
        return Err(Checked::default());
    }
    match &evidence.system {
        None => Err(Checked::impossible(without)),
        Some(Err(_)) => Err(Checked::impossible(
            "the servers do not answer the user of `--creds`",
        )),
        Some(Ok(system)) => Ok((settings, system)),
    }
}

/// Compares what the JWT says about the callout.
pub(super) fn authorization(evidence: &Evidence) -> Checked {
    // In config mode, the servers' configuration says it.
    let (settings, system) = match operated(evidence, "the account's JWT is known with `--creds`") {
        Ok(both) => both,
        Err(checked) => return checked,
    };
    let jwts = match &system.callout {
        None => return Checked::impossible("the servers were not asked for the account's JWT"),
        Some(Err(reason)) => return Checked::impossible(reason),
        Some(Ok(jwts)) => jwts,
    };
    let mut checked = Checked::default();
    for jwt in jwts {
        if jwt.auth_users.is_empty() {
            checked.examine(Some(absent(settings, jwt)));
            continue;
        }
        checked.examine(user(settings, jwt));
        checked.examine(targets(settings, jwt));
        checked.examine(xkey(settings, jwt));
        checked.examine(signer(settings, jwt));
    }
    checked
}

fn absent(settings: &Settings, jwt: &AccountJwt) -> Finding {
    let account = &settings.group.account;
    Finding::new(
        Code::CalloutAbsent,
        format!("the JWT of callout account `{account}` has no `authorization`, so servers ask no host"),
        "add the host's user with `portcullis account edit NAME --auth-user KEY`, and push the account",
    )
    .because(place(jwt))
}

fn user(settings: &Settings, jwt: &AccountJwt) -> Option<Finding> {
    let own = settings.user.as_ref()?;
    (!jwt.auth_users.contains(own)).then(|| {
        Finding::new(
            Code::CalloutUserMissing,
            "the host's own user is not in `auth_users` of the account's JWT, so servers hand the host's login to the \
             host",
            format!("add it with `portcullis account edit NAME --auth-user {own}`, and push the account"),
        )
        .because(place(jwt))
        .because(format!("`auth_users` has {} other entries", jwt.auth_users.len()))
    })
}

fn targets(settings: &Settings, jwt: &AccountJwt) -> Option<Finding> {
    let allowed = &jwt.allowed_accounts;
    if allowed.as_slice() == [ANY] {
        return None;
    }
    let is_allowed =
        |id: &String| settings.group.account == **id || (id != ANY && allowed.contains(id));
    let targets = settings.targets.iter();
    let mut lacking: Vec<_> = targets
        .filter(|target| !is_allowed(&target.id))
        .map(|target| {
            format!(
                "account `{}`, `{}`, is missing there",
                target.name, target.id
            )
        })
        .collect();
    let mut remedy = "add the accounts with `portcullis account edit NAME --allowed-account KEY`, and push the account";
    if settings.features.first_login {
        remedy = "allow any account with `portcullis account edit NAME --allowed-account '*'`, remove the others there, \
                  and push the account";
        lacking.push("accounts at their first login need `*` there, and nothing else".to_owned());
    }
    if lacking.is_empty() {
        return None;
    }
    let finding = Finding::new(
        Code::CalloutTargetNotAllowed,
        "the callout account's JWT does not allow every account that policies may place users in, so servers refuse \
         such permits",
        remedy,
    )
    .because(place(jwt));
    let more = lacking.len().saturating_sub(NAMED);
    let finding = lacking
        .into_iter()
        .take(NAMED)
        .fold(finding, Finding::because);
    Some(match more {
        0 => finding,
        more => finding.because(format!("and {more} more")),
    })
}

fn xkey(settings: &Settings, jwt: &AccountJwt) -> Option<Finding> {
    let words = XkeyPlace {
        name: "the callout account's JWT",
        owner: "the JWT's",
        block: "the JWT's `authorization`",
    };
    let finding = words.compare(settings, jwt.xkey.as_ref())?;
    Some(finding.because(place(jwt)))
}

fn signer(settings: &Settings, jwt: &AccountJwt) -> Option<Finding> {
    let own = settings.signer.as_ref()?;
    (!jwt.signers.contains(own)).then(|| {
        Finding::new(
            Code::CalloutSignerUnknown,
            "the key that signs the host's answers is neither the callout account's nor one of its signing keys",
            "set `issuer-seed-file` under [callout] to a seed of the account that `account` under [operator] names, or add \
             the key with `portcullis account add-key`; servers from 2.15.1 on refuse such answers",
        )
        .because(format!("the host signs with `{own}`"))
        .because(place(jwt))
    })
}

fn place(jwt: &AccountJwt) -> String {
    format!("so says the JWT of {}", jwt.place)
}
