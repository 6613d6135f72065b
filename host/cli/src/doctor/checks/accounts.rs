//! Checks of what the servers tell the system account, and of the accounts that they have.

use std::time::{Duration, UNIX_EPOCH};

use portcullis_core::AccountName;

use crate::doctor::evidence::{Evidence, Settings, Target};
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

/// Reason to skip a comparison with the servers' accounts.
pub(super) const UNKNOWN_ACCOUNTS: &str =
    "the servers' accounts are known with `--creds`, in config mode also with `--server-conf`";

/// The accounts that servers have, in config mode.
pub(super) struct KnownAccounts<'a> {
    accounts: &'a [String],
    /// The servers or the file, in words.
    pub(super) place: &'static str,
}

impl<'a> KnownAccounts<'a> {
    /// Returns the accounts that the servers list, or the file of `--server-conf` in their place.
    /// `None` if neither is known.
    pub(super) fn of(evidence: &'a Evidence) -> Option<Self> {
        let (accounts, place) = match (&evidence.system, &evidence.server_conf) {
            (Some(Ok(system)), _) => (&system.accounts, "the servers"),
            (_, Some(Ok(conf))) if !conf.operator_mode => {
                (&conf.accounts, "the file of `--server-conf`")
            }
            _ => return None,
        };
        (!accounts.is_empty()).then_some(Self { accounts, place })
    }

    /// Returns whether the servers have the account.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.accounts.iter().any(|account| account == name)
    }
}

/// Finds accounts that policies may place users in and that servers do not have.
pub(super) fn targets(evidence: &Evidence) -> Checked {
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    let (missing, place): (Vec<&Target>, _) = match (&evidence.system, KnownAccounts::of(evidence))
    {
        (Some(Ok(system)), _) => match &system.missing_targets {
            Ok(missing) => (missing.iter().collect(), "the servers"),
            Err(reason) => return Checked::impossible(reason),
        },
        (_, Some(known)) => {
            let targets = settings.targets.iter();
            let missing = targets.filter(|target| !known.contains(&target.id));
            (missing.collect(), known.place)
        }
        (_, None) => return Checked::impossible(UNKNOWN_ACCOUNTS),
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
    checked.examine(system_account(evidence, settings));
    checked
}

/// Finds that the servers' system account is not the one that the configuration keeps policies out
/// of.
fn system_account(evidence: &Evidence, settings: &Settings) -> Option<Finding> {
    if settings.operator_mode {
        // Policies place users only in accounts whose keys the configuration names.
        return None;
    }
    let (actual, place) = match (&evidence.system, &evidence.server_conf) {
        (Some(Ok(system)), _) => (system.own_account.as_ref()?, "the servers name"),
        (_, Some(Ok(conf))) => (&conf.system_account, "the file of `--server-conf` names"),
        _ => return None,
    };
    let own = &settings.system_account;
    let account: AccountName = actual.parse().ok()?;
    (*own != account && settings.rules.accounts.contains(&account)).then(|| {
        Finding::new(
            Code::SystemAccountDiffers,
            format!("policies may place users in `{actual}`, the servers' system account"),
            format!("set `system-account = \"{actual}\"` under [callout]"),
        )
        .because(format!("{place} `{actual}` as the system account"))
        .because(format!("`system-account` is `{own}`"))
    })
}

/// Finds accounts for which servers refused permits.
pub(super) fn rejected(evidence: &Evidence) -> Checked {
    if evidence.settings.is_none() {
        return Checked::impossible("the configuration is invalid");
    }
    let rejected = match &evidence.rejected {
        None => {
            return Checked::impossible(
                "the host writes no file of decision records (`[records.file]`)",
            );
        }
        Some(Err(reason)) => return Checked::impossible(reason),
        Some(Ok(rejected)) => rejected,
    };
    let mut checked = Checked::default();
    checked.examine(None);
    for account in rejected {
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(account.at));
        let at = humantime::format_rfc3339_seconds(at.unwrap_or(UNIX_EPOCH));
        checked.examine(Some(
            Finding::new(
                Code::AccountRejected,
                format!(
                    "server `{}` refused permits for account `{}`, and has admitted no login to it since",
                    account.server, account.account
                ),
                "make the account on that server, in operator mode allow it in the callout account's JWT, or correct \
                 the policy",
            )
            .because(format!("permits refused within a day: {}", account.number))
            .because(format!("the last one is record `{}` of {at}: {}", account.id, account.reason)),
        ));
    }
    checked
}
