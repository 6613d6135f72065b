//! Descriptions of settings, for their schema.

/// The description of one key of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDoc {
    pub(super) key: &'static str,
    pub(super) text: &'static str,
    pub(super) default: Option<&'static str>,
}

/// The descriptions of a policy's settings, for the schema that `portcullis inspect` shows.
/// [`Policy::describe`](crate::Policy::describe) returns them.
///
/// A key is written as `inspect` shows it: keys joined by dots, `NAME` for a name that the operator
/// chooses, `[]` for the elements of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsDoc {
    /// Descriptions of keys below a prefix.
    tables: Vec<(&'static str, &'static [KeyDoc])>,
}

impl KeyDoc {
    /// Creates the description of a key: what it means, and its default in words if that is no
    /// value of JSON.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_sdk::KeyDoc;
    ///
    /// const ROLES: KeyDoc = KeyDoc::new("roles", "roles that log in. Default: all of the issuer");
    /// ```
    pub const fn new(key: &'static str, text: &'static str) -> Self {
        Self {
            key,
            text,
            default: None,
        }
    }

    /// Sets the default, in JSON.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_sdk::KeyDoc;
    ///
    /// const MODE: KeyDoc = KeyDoc::new("mode", "the mode").or(r#""deny""#);
    /// ```
    #[must_use]
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }
}

impl SettingsDoc {
    /// Creates the descriptions of these keys.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_sdk::{KeyDoc, SettingsDoc};
    ///
    /// const KEYS: &[KeyDoc] = &[
    ///     KeyDoc::new("users.NAME.account", "account of the user"),
    ///     KeyDoc::new("rules[].dns", "pattern of a DNS name. Default: none"),
    /// ];
    /// let doc = SettingsDoc::new(KEYS);
    /// # assert!(format!("{doc:?}").contains("rules"));
    /// ```
    pub fn new(keys: &'static [KeyDoc]) -> Self {
        Self {
            tables: vec![("", keys)],
        }
    }

    /// Adds descriptions of keys below `path`, such as [`profile::KEYS`](crate::profile::KEYS).
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_sdk::{SettingsDoc, profile};
    ///
    /// let doc = SettingsDoc::new(&[]).with("profiles.NAME", profile::KEYS);
    /// # assert!(format!("{doc:?}").contains("profiles.NAME"));
    /// ```
    #[must_use]
    pub fn with(mut self, path: &'static str, keys: &'static [KeyDoc]) -> Self {
        self.tables.push((path, keys));
        self
    }

    /// Returns the description of the key at `path`.
    pub(super) fn of(&self, path: &str) -> Option<KeyDoc> {
        self.tables.iter().find_map(|(prefix, keys)| {
            let rest = path.strip_prefix(prefix)?;
            let key = if prefix.is_empty() {
                rest
            } else {
                rest.strip_prefix('.')?
            };
            keys.iter().find(|doc| doc.key == key).copied()
        })
    }
}
