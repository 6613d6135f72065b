//! Names of accounts in settings.

use portcullis_permit_rules::is_account_name;
use portcullis_permit_rules::limits::MAX_TEXT;

use crate::template::place_in;

/// The reason why a text cannot be the name of an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid account name `{name}`: {problem}")]
pub struct AccountNameError {
    name: String,
    problem: String,
}

/// Checks the name of an account that stands in the settings as it is.
///
/// [`Policy::configure`](crate::Policy::configure) calls this function so that the host rejects a
/// wrong name when it loads the policy, not at every login. A name with a place for a fact of the
/// login, such as `tenant-{{claim.tenant}}`, is a
/// [`NameTemplate`](crate::template::NameTemplate).
///
/// # Errors
///
/// Fails if no account can have the name, or if it has the form of a place, which would stay as it
/// is.
///
/// # Example
///
/// ```
/// use portcullis_sdk::check_account;
///
/// assert!(check_account("APP").is_ok());
/// assert_eq!(
///     check_account("my app").unwrap_err().to_string(),
///     "invalid account name `my app`: expected 1 to 256 bytes without white space and control characters",
/// );
/// assert_eq!(
///     check_account("tenant-{{claim.tenant}}").unwrap_err().to_string(),
///     "invalid account name `tenant-{{claim.tenant}}`: this policy fills no `{{claim.tenant}}`; write the account's name",
/// );
/// ```
pub fn check_account(name: &str) -> Result<(), AccountNameError> {
    let problem = if !is_account_name(name) {
        format!("expected 1 to {MAX_TEXT} bytes without white space and control characters")
    } else if let Some(place) = place_in(name) {
        format!("this policy fills no `{place}`; write the account's name")
    } else {
        return Ok(());
    };
    Err(AccountNameError {
        name: name.escape_debug().to_string(),
        problem,
    })
}
