//! Subjects of requests and events.

use portcullis_core::AccountName;

use crate::error::SystemError;
use crate::server::ServerId;

/// Returns the subject of the service `name` of one server.
pub(crate) fn of_server(server: &ServerId, name: &str) -> String {
    format!("$SYS.REQ.SERVER.{server}.{name}")
}

/// Returns the subject of the service `name` of all servers.
pub(crate) fn of_all_servers(name: &str) -> String {
    format!("$SYS.REQ.SERVER.PING.{name}")
}

/// Returns the subject of the service `name` for an account, which all servers answer.
///
/// # Errors
///
/// Fails if the name of the account is not one token of a subject.
pub(crate) fn of_account(account: &AccountName, name: &str) -> Result<String, SystemError> {
    let account = token(account)?;
    Ok(format!("$SYS.REQ.ACCOUNT.{account}.{name}"))
}

/// Returns the name of an account as a token of a subject.
///
/// # Errors
///
/// Fails if the name has a dot or is a wildcard, which would address other accounts.
pub(crate) fn token(account: &AccountName) -> Result<&str, SystemError> {
    let name = account.as_str();
    if name.contains(['.', '*', '>']) {
        return Err(SystemError::Account(account.clone()));
    }
    Ok(name)
}
