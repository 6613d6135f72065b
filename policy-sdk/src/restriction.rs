//! Lists in settings that restrict something to their elements.
//!
//! A key that is left out restricts nothing. An empty list is an error, because it could stand for
//! everything or for nothing.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The message for an empty list.
pub(crate) const EMPTY: &str = "must name at least one; leave the key out for no restriction";

/// Reads a list that may be left out, for `#[serde(default, deserialize_with = "…")]`.
///
/// Without the key, the value is `None`, which stands for no restriction.
///
/// # Errors
///
/// Fails for a value that is not a list of `T`, and for an empty list.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     #[serde(default, deserialize_with = "portcullis_sdk::restriction::optional")]
///     groups: Option<Vec<String>>,
/// }
///
/// let settings: Settings = serde_json::from_str("{}")?;
/// assert_eq!(settings.groups, None);
/// let error = serde_json::from_str::<Settings>(r#"{ "groups": [] }"#).err().unwrap();
/// assert!(error.to_string().starts_with("must name at least one; leave the key out"));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn optional<'de, T, D>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let list = Vec::<T>::deserialize(deserializer)?;
    if list.is_empty() {
        return Err(D::Error::custom(EMPTY));
    }
    Ok(Some(list))
}
