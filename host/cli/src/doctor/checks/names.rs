//! Checks of the accounts that files and locks name, apart from target accounts.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use portcullis_authority::PermitRules;
use portcullis_core::AccountName;

use super::accounts::{KnownAccounts, UNKNOWN_ACCOUNTS};
use crate::doctor::evidence::{Evidence, NamedAccount, Namer, Settings};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Maximum number of places that a finding names.
const PLACES: usize = 10;

/// The places that name each account.
type Places<'a> = BTreeMap<&'a str, Vec<String>>;

/// Finds names of accounts that have no effect.
pub(super) fn names(evidence: &Evidence) -> Checked {
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    let mut checked = Checked::default();
    let mut barred = Places::new();
    let mut named = Places::new();
    for account in &evidence.names {
        checked.examine(None);
        let is_barred = match account.namer {
            Namer::Settings | Namer::Assertion => !is_allowed(&settings.rules, &account.name),
            // `portcullis check` refuses such names.
            Namer::Configuration => false,
        };
        let places = if is_barred { &mut barred } else { &mut named };
        let places = places.entry(&account.name).or_default();
        places.push(place(account));
    }
    for (name, places) in barred {
        checked.examine(Some(not_allowed(settings, name, places)));
    }
    let locks = evidence
        .locks
        .as_ref()
        .and_then(|it| it.known.as_ref().ok());
    let locked = locks.into_iter().flatten().filter_map(|lock| {
        let is_closed = lock.counts_at(evidence.now);
        Some((locked_account(&lock.key)?, &lock.key)).filter(|_| is_closed)
    });
    let locked: Vec<_> = locked.collect();
    for (name, key) in &locked {
        let place = format!("the lock `{key}`");
        named.entry(name).or_default().push(place);
    }
    missing(evidence, settings, named, &mut checked);
    checked
}

/// Compares names with the servers' accounts. In operator mode, servers know accounts by their keys
/// only, so every name that is allowed is one of the configuration.
fn missing(evidence: &Evidence, settings: &Settings, named: Places<'_>, checked: &mut Checked) {
    if settings.operator_mode {
        checked.examine(None);
        return;
    }
    let Some(known) = KnownAccounts::of(evidence) else {
        checked.skip(UNKNOWN_ACCOUNTS);
        return;
    };
    checked.examine(None);
    let is_target = |name: &str| settings.targets.iter().any(|target| target.name == name);
    for (name, places) in named {
        // A missing target account is a finding of its own.
        if known.contains(name) || is_target(name) {
            continue;
        }
        let finding = Finding::new(
            Code::NamedAccountMissing,
            format!("account `{name}` is named, and servers do not have it"),
            "correct the name in the places that the evidence names, or make the account",
        );
        let finding = finding.because(format!(
            "`{name}` is not among the accounts of {}",
            known.place
        ));
        checked.examine(Some(with_places(finding, places)));
    }
}

fn not_allowed(settings: &Settings, name: &str, places: Vec<String>) -> Finding {
    let list = if settings.operator_mode {
        "`target-accounts` under [callout], or among [operator.accounts],"
    } else {
        "`target-accounts` under [callout]"
    };
    let finding = Finding::new(
        Code::NamedAccountNotAllowed,
        format!("account `{name}` is named, and policies may not place users in it"),
        format!(
            "add the account to {list} or correct the name in the places that the evidence names"
        ),
    );
    with_places(finding, places)
}

fn with_places(finding: Finding, mut places: Vec<String>) -> Finding {
    let more = places.len().saturating_sub(PLACES);
    places.truncate(PLACES);
    if more > 0 {
        places.push(format!("and {more} more places"));
    }
    places.into_iter().fold(finding, |finding, place| {
        finding.because(format!("named by {place}"))
    })
}

fn place(account: &NamedAccount) -> String {
    let line = account.line.map(|line| format!(":{line}"));
    format!(
        "`{}`{}: {}",
        account.file.display(),
        line.unwrap_or_default(),
        account.key
    )
}

/// Returns whether a policy may place users in the account with this name or key.
fn is_allowed(rules: &PermitRules, name: &str) -> bool {
    let Ok(account) = name.parse::<AccountName>() else {
        return false;
    };
    let known = rules.name_of(&account);
    let has_keys = rules
        .signing
        .as_ref()
        .is_none_or(|accounts| accounts.contains_key(known));
    let mut requested = rules.requested_accounts.iter();
    (has_keys && rules.accounts.contains(known))
        || rules.is_new(&account)
        || requested.any(|pattern| pattern.matches(&account))
}

/// Returns the account of a lock. `None` if the lock is of another kind, or unreadable.
fn locked_account(key: &str) -> Option<String> {
    let name = key.strip_prefix("account.")?;
    match name.strip_prefix('=') {
        None => Some(name.to_owned()),
        Some(encoded) => {
            let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?;
            String::from_utf8(bytes).ok()
        }
    }
}
