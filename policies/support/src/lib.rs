//! What the policies of this repository share: checks and tables of their settings, and helpers of
//! their tests.

mod profile_table;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

use std::time::Duration;

use portcullis_sdk::SettingsError;
use portcullis_sdk::template::place_in;

/// Returns the problem of a lifetime at `key` that is shorter than a second, or `None`.
///
/// A permit counts its lifetime in whole seconds, so a shorter one would be zero.
///
/// ```
/// use std::time::Duration;
///
/// use policy_support::lifetime_problem;
///
/// assert_eq!(lifetime_problem("expires-in", Some(Duration::from_secs(1))), None);
/// let problem = lifetime_problem("expires-in", Some(Duration::from_millis(999)));
/// assert_eq!(problem.unwrap().to_string(), "expires-in: shorter than a second");
/// ```
pub fn lifetime_problem(key: &str, lifetime: Option<Duration>) -> Option<SettingsError> {
    let too_short = lifetime.is_some_and(|lifetime| lifetime < Duration::from_secs(1));
    too_short.then(|| SettingsError::at(key, "shorter than a second"))
}

/// Returns the problem of a setting at `key` that is used as it is and has a place (`{{…}}`), or
/// `None`. `way_out` says what to write.
///
/// ```
/// use policy_support::literal_problem;
///
/// let problem = |text| literal_problem("account", text, "write the account's name");
/// assert_eq!(problem("APP"), None);
/// assert_eq!(
///     problem("{{claim.org}}").unwrap().to_string(),
///     "account: `{{claim.org}}`: this setting offers no places; write the account's name",
/// );
/// ```
pub fn literal_problem(key: &str, text: &str, way_out: &str) -> Option<SettingsError> {
    let place = place_in(text).filter(|place| place.starts_with("{{") || *place == "}}")?;
    let place = place.escape_debug();
    let problem = format!("`{place}`: this setting offers no places; {way_out}");
    Some(SettingsError::at(key, problem))
}
