//! `portcullis account pull`: account JWTs that servers have and the store lacks.

use portcullis_accounts::{AccountJwt, Store, StoreError, Written};
use portcullis_claims::{KeyKind, PublicKey};
use portcullis_connect::connect;
use portcullis_system::{Gathering, SystemClient};
use serde_json::json;

use super::at_servers::WhichAccounts;
use super::describe::signs;
use super::push::{NAME, newest};
use super::report::{Report, absent, failure};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::runtime::one_thread;
use crate::servers::ServerArguments;

/// Fetches account JWTs from the servers, and stores those that the operator of the store has
/// signed and that are later than the stored ones.
///
/// # Errors
///
/// Fails if no server has the account, or none answers. With several accounts, a JWT that the store
/// does not take is named in the report.
pub(super) fn pull(
    store: &Store,
    which: &WhichAccounts,
    servers: &ServerArguments,
) -> Result<Report, Failure> {
    store.operator().map_err(failure)?;
    let wanted = which.one().map(|name| key(store, name)).transpose()?;
    let options = servers.required(NAME)?;
    let found = one_thread()?.block_on(async {
        let connection = connect(&options).await?;
        let system = SystemClient::new(connection.client().clone());
        let found = match &wanted {
            Some(account) => newest(&system, account).await.map(|found| {
                let found = found.map(|token| (account.clone(), token));
                (found.into_iter().collect(), true)
            }),
            None => system
                .pack_claims(b"", Gathering::default())
                .await
                .map(|pack| (pack.jwts, pack.complete)),
        };
        found.map_err(|error| Failure::new(ExitCode::Unreachable, error))
    });
    let (found, is_complete) = found?;
    if let Some(account) = &wanted
        && found.is_empty()
    {
        return Err(absent(format!(
            "no server with a full resolver, and no resolver, has the account `{account}`"
        )));
    }
    let mut reports = Vec::new();
    for (account, token) in found {
        match (take(store, &account, &token), &wanted) {
            (Ok(report), _) => reports.push(report),
            (Err(error), None) => reports.push(not_taken(&account, &error)),
            (Err(error), Some(_)) => return Err(error),
        }
    }
    if !is_complete {
        let problem = "the server ended before it had sent every account: run the command again";
        let report = Report::new(format!("{problem}\n"), json!({ "error": problem }));
        reports.push(report.with_code(ExitCode::Unreachable));
    }
    Ok(which.report(reports))
}

/// Returns the public key of an account, which the store need not have.
fn key(store: &Store, name: &str) -> Result<String, Failure> {
    if PublicKey::is_valid(name, KeyKind::Account) {
        return Ok(name.to_owned());
    }
    match store.account(name) {
        Ok(found) => Ok(found.account.to_string()),
        Err(StoreError::Unknown { .. }) => Err(absent(format!(
            "the store has no account `{name}`, and servers know accounts by their keys: give its key (A…)"
        ))),
        Err(error) => Err(failure(error)),
    }
}

/// Stores a JWT that servers have of an account.
fn take(store: &Store, account: &str, token: &str) -> Result<Report, Failure> {
    let given = AccountJwt::decode(token).map_err(failure)?;
    let (operator, _) = store.operator().map_err(failure)?;
    if given.account.as_str() != account {
        return Err(refused(
            "the servers answer with the JWT of another account",
        ));
    }
    if !signs(&operator, given.claims.issuer.as_deref()) {
        return Err(refused("no key of the store's operator has signed it"));
    }
    let done = match store.accounts().put(&given.token) {
        Ok(Written::Added) => "added",
        Ok(Written::Replaced) => "replaced",
        Ok(Written::Unchanged) => "unchanged",
        Err(StoreError::Older { .. }) => "kept",
        Err(error) => return Err(failure(error)),
    };
    let line = match done {
        "added" => "the store has it now",
        "replaced" => "the store had an earlier version, and has this one now",
        "unchanged" => "the store has this version",
        _ => "the store has a later version, and keeps it; `portcullis account push` sends it",
    };
    let name = given.claims.name.as_deref().unwrap_or_default();
    let text = format!("`{name}`  {account}  {line}\n");
    let json = json!({ "kind": "account", "name": name, "key": account, "done": done });
    Ok(Report::new(text, json))
}

fn refused(problem: &str) -> Failure {
    Failure::new(
        ExitCode::BadConfiguration,
        anyhow::Error::msg(problem.to_owned()),
    )
}

/// Reports a JWT that the store does not take.
fn not_taken(account: &str, error: &Failure) -> Report {
    let text = format!("`{account}` is left out: {error}\n");
    let json = json!({ "kind": "account", "key": account, "error": error.to_string() });
    Report::new(text, json).with_code(error.code())
}
