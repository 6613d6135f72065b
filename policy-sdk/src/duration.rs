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

/// Reads a duration, for `#[serde(deserialize_with = "…")]`.
///
/// # Errors
///
/// Fails if the value is not a text, or if the text is not a duration.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     #[serde(deserialize_with = "portcullis_sdk::duration::required")]
///     grace: std::time::Duration,
/// }
///
/// let settings: Settings = serde_json::from_str(r#"{ "grace": "90s" }"#)?;
/// assert_eq!(settings.grace.as_secs(), 90);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Human;

    impl Visitor<'_> for Human {
        type Value = Duration;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a duration like \"30s\", \"15m\", \"1h30m\" or \"2d\"")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            // The reasons of `humantime` speak of positions and precision.
            humantime::parse_duration(text).map_err(|_| {
                let text = text.escape_debug();
                E::custom(format_args!(
                    "invalid duration `{text}`: write numbers with units, like \"30s\", \"15m\", \"1h30m\" or \"2d\""
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
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
///     expires_in: Option<std::time::Duration>,
/// }
///
/// let settings: Settings = serde_json::from_str("{}")?;
/// assert_eq!(settings.expires_in, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    required(deserializer).map(Some)
}
