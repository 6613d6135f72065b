//! Durations in settings, as people write them: `"30s"`, `"15m"`, `"1h30m"`, `"2d"`.
//!
//! ```
//! use std::time::Duration;
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     #[serde(deserialize_with = "portcullis_sdk::duration::required")]
//!     grace: Duration,
//!     #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
//!     expires_in: Option<Duration>,
//! }
//!
//! let settings: Settings = serde_json::from_str(r#"{ "grace": "1m30s" }"#)?;
//! assert_eq!(settings.grace, Duration::from_secs(90));
//! assert_eq!(settings.expires_in, None);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{Error, Visitor};

use crate::SettingsError;

/// Returns the problem of a lifetime at `key` that is shorter than a second, or `None`.
///
/// [`Permit::expires_in`](crate::Permit::expires_in) counts in whole seconds, so a shorter lifetime
/// would be zero.
///
/// ```
/// use std::time::Duration;
///
/// use portcullis_sdk::duration::lifetime_problem;
///
/// assert_eq!(lifetime_problem("expires-in", Some(Duration::from_secs(1))), None);
/// let problem = lifetime_problem("expires-in", Some(Duration::from_millis(999)));
/// assert_eq!(problem.unwrap().to_string(), "expires-in: shorter than a second");
/// ```
pub fn lifetime_problem(key: &str, lifetime: Option<Duration>) -> Option<SettingsError> {
    let too_short = lifetime.is_some_and(|lifetime| lifetime < Duration::from_secs(1));
    too_short.then(|| SettingsError::at(key, "shorter than a second"))
}

/// Reads a duration, for `#[serde(deserialize_with = "…")]`.
///
/// # Errors
///
/// Fails if the value is not a text, or if the text is not a duration.
pub fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Human;

    impl Visitor<'_> for Human {
        type Value = Duration;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a duration like \"30s\", \"15m\", \"1h30m\" or \"2d\"")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            humantime::parse_duration(text).map_err(|error| {
                E::custom(format_args!(
                    "invalid duration `{}`: {error}",
                    text.escape_debug()
                ))
            })
        }
    }

    deserializer.deserialize_str(Human)
}

/// Reads a duration that may be left out, for `#[serde(default, deserialize_with = "…")]`.
///
/// # Errors
///
/// Fails if there is a value and [`required`] rejects it.
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    required(deserializer).map(Some)
}
