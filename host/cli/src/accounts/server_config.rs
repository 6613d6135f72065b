//! `portcullis operator config`: a configuration of nats-server for the accounts of a store.

use std::fmt::Write as _;
use std::path::Path;

use portcullis_accounts::Store;
use serde_json::json;

use super::report::{Report, failure, wrong};
use crate::failure::Failure;
use crate::init::Resolver;

/// Returns the preload of a server whose other accounts are sent to it.
fn system_account(store: &Store, key: &str) -> Result<String, Failure> {
    let system = store.account(key).map_err(failure)?;
    Ok(format!(
        "# the system account; `portcullis account push --all` sends the others\n{key}: {}\n",
        system.token
    ))
}

/// Prints operator, system account and resolver. `directory` is that of a full resolver.
pub(super) fn print(
    store: &Store,
    resolver: Resolver,
    directory: &Path,
) -> Result<Report, Failure> {
    let (operator, token) = store.operator().map_err(failure)?;
    let nats = &operator.nats;
    let mut text = format!("operator: {token}\n");
    if !nats.system_account.is_empty() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "system_account: {}", nats.system_account);
    } else if resolver == Resolver::Full {
        return Err(wrong(
            "the operator has no system account, which a full resolver needs; name one with \
             `portcullis operator edit --system-account`",
        ));
    }
    if resolver == Resolver::Url && nats.account_server_url.is_empty() {
        return Err(wrong(
            "the operator names no resolver; `portcullis operator edit --account-server-url` does, \
             such as `http://127.0.0.1:9090/jwt/v1`",
        ));
    }
    let setting = resolver.setting(directory, &nats.account_server_url);
    let _ = writeln!(text, "resolver: {setting}");
    let accounts = match resolver {
        Resolver::Url => None,
        // A server stores preloaded accounts at every start, also those that were deleted since.
        Resolver::Full => Some(system_account(store, &nats.system_account)?),
        Resolver::Memory => Some(store.preload().map_err(failure)?),
    };
    if let Some(accounts) = accounts {
        let _ = write!(text, "resolver_preload {{\n{accounts}}}\n");
    }
    let json = json!({ "config": text });
    Ok(Report::new(text, json))
}
