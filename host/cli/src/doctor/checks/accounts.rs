//! Checks of what the servers tell the system account.

use std::time::Duration;

use crate::doctor::evidence::{Evidence, Target};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Checks that the system account is reached, and compares the servers' timeouts.
pub(super) fn system(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    let system = match &evidence.system {
        None => return Checked::impossible("`--creds` is not given"),
        Some(Err(error)) => {
            checked.examine(Some(
                Finding::new(
                    Code::SystemLoginRefused,
                    "the servers do not answer the user of `--creds`",
                    "give the credentials file or the seed of a user of the system account that is valid now; in config \
                     mode it has to be in `auth_users` too",
                )
                .because(error),
            ));
            return checked;
        }
        Some(Ok(system)) => system,
    };
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    for server in &system.servers {
        let waits = Duration::try_from_secs_f64(server.auth_timeout).unwrap_or_default();
        let is_short = !waits.is_zero() && waits <= settings.deadline;
        checked.examine(is_short.then(|| {
            Finding::new(
                Code::CalloutTimeoutTooShort,
                format!("server `{}` gives logins less time than the host's deadline", server.name),
                "raise `authorization.timeout` of the server, or lower `deadline` under [callout] to at most half of it",
            )
            .because(format!("the server's timeout is {waits:?}"))
            .because(format!("the host's deadline is {:?}", settings.deadline))
        }));
    }
    checked
}

/// Finds accounts that policies may place users in and that servers do not have.
pub(super) fn targets(evidence: &Evidence) -> Checked {
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    let (missing, place): (Vec<&Target>, _) = match (&evidence.system, &evidence.server_conf) {
        (Some(Ok(system)), _) => match &system.missing_targets {
            Ok(missing) => (missing.iter().collect(), "the servers"),
            Err(reason) => return Checked::impossible(reason),
        },
        (_, Some(Ok(conf))) if !conf.operator_mode => {
            let is_missing = |target: &&Target| !conf.accounts.contains(&target.id);
            let missing = settings.targets.iter().filter(is_missing);
            (missing.collect(), "the file of `--server-conf`")
        }
        _ => {
            return Checked::impossible(
                "the servers' accounts are known with `--creds`, in config mode also with `--server-conf`",
            );
        }
    };
    let mut checked = Checked::default();
    checked.examine(None);
    for target in missing {
        checked.examine(Some(
            Finding::new(
                Code::AccountMissing,
                format!("account `{}` is one of the target accounts, and servers do not have it", target.name),
                "make the account, or remove it from `target-accounts` under [callout] and from the policies",
            )
            .because(format!("`{}` is not among the accounts of {place}", target.id)),
        ));
    }
    checked
}
