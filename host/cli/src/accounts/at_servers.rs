//! Accounts of the store that servers are told of: `account push` and `account delete`.

use clap::Args;
use portcullis_accounts::{AccountJwt, Store, StoreError};
use portcullis_claims::{KeyKind, PublicKey};
use serde_json::json;

use super::push::{self, Answers};
use super::report::{Report, failure};
use crate::failure::Failure;
use crate::servers::ServerArguments;

/// What to do about an account that servers read from their configuration.
const PRELOADED: &str = "; take it out of `resolver_preload` in the servers' configuration, or they store it again when they start or reload";

/// One account, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichAccounts {
    /// The account.
    account: Option<String>,
    /// All accounts.
    #[arg(long)]
    all: bool,
}

impl WhichAccounts {
    /// Returns the account, unless all are meant.
    pub(super) fn one(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Joins the reports about the accounts: an object about the one, or an array.
    pub(super) fn report(&self, mut reports: Vec<Report>) -> Report {
        match reports.pop() {
            Some(report) if self.account.is_some() => report,
            last => Report::joined(reports.into_iter().chain(last)),
        }
    }
}

/// Sends the stored versions of accounts to the servers.
///
/// # Errors
///
/// Fails if no server takes the account. With all accounts, one that is not sent is named in the
/// report.
pub(super) fn push(
    store: &Store,
    which: &WhichAccounts,
    servers: &ServerArguments,
) -> Result<Report, Failure> {
    let accounts = if let Some(account) = which.one() {
        vec![store.account(account).map_err(failure)?]
    } else {
        store.check_exists().map_err(failure)?;
        let all = store.list_accounts().map_err(failure)?;
        all.into_iter().collect::<Result<_, _>>().map_err(failure)?
    };
    let answers = push::update(servers, &accounts)?;
    let mut reports = Vec::new();
    for (account, answers) in accounts.iter().zip(answers) {
        reports.push(match answers {
            Ok(answers) => told("sent the account", "", account, &answers),
            // The other accounts are sent, and this one is named.
            Err(error) if which.one().is_none() => not_sent(account, &error),
            Err(error) => return Err(error),
        });
    }
    Ok(which.report(reports))
}

/// Deletes an account: at the servers, if any are named, and then in the store.
///
/// # Errors
///
/// Fails if the servers or the store do not delete it.
pub(super) fn delete(
    store: &Store,
    account: &str,
    servers: &ServerArguments,
    seeds: bool,
) -> Result<Report, Failure> {
    let found = match store.account(account) {
        // Servers can have an account that the store has deleted, or never had.
        Err(error @ StoreError::Unknown { .. }) if servers.is_given() => {
            let key = account.parse::<PublicKey>().ok();
            let key = key.filter(|key| key.kind() == KeyKind::Account);
            let key = key.ok_or_else(|| failure(error))?;
            store.check_deletable(&key).map_err(failure)?;
            let answers = push::delete(servers, store, &key, 0)?;
            let text = format!("deleted the account `{key}` at the servers{PRELOADED}\n{answers}");
            let (key, answers) = (key.as_str(), answers.json());
            let json = json!({ "kind": "account", "name": "", "key": key, "answers": answers });
            return Ok(Report::new(text, json));
        }
        found => found.map_err(failure)?,
    };
    // Servers are asked only for what the store deletes as well.
    store.check_deletable(&found.account).map_err(failure)?;
    let answers = push::delete(servers, store, &found.account, found.issued_at())?;
    store.delete_account(&found, seeds).map_err(failure)?;
    let advice = if servers.is_given() {
        PRELOADED.to_owned()
    } else {
        let key = &found.account;
        format!(
            "; servers keep it until `portcullis account delete {key} --server URL --creds FILE`"
        )
    };
    Ok(told("deleted the account", &advice, &found, &answers))
}

/// Reports that an account was not sent.
fn not_sent(account: &AccountJwt, error: &Failure) -> Report {
    let name = account.claims.name.as_deref().unwrap_or_default();
    let (key, error_text) = (account.account.as_str(), error.to_string());
    let text = format!("did not send the account `{name}`: {error_text}\n");
    let json = json!({ "kind": "account", "name": name, "key": key, "error": error_text });
    Report::new(text, json).with_code(error.code())
}

/// Reports what was done with an account, and the answers of servers.
fn told(done: &str, advice: &str, account: &AccountJwt, answers: &Answers) -> Report {
    let name = account.claims.name.as_deref().unwrap_or_default();
    let key = account.account.as_str();
    let text = format!("{done} `{name}`{advice}\n{answers}");
    let answers = answers.json();
    let json = json!({ "kind": "account", "name": name, "key": key, "answers": answers });
    Report::new(text, json)
}
