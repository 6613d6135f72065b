//! Where the configuration says that secrets are.

use std::path::PathBuf;

use portcullis_claims::KeyKind;
use portcullis_connect::SecretSource as Place;

/// The source of a secret, with the key that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSource {
    pub(super) key: String,
    pub(super) place: Place,
}

/// The required kind of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretKind {
    Seed(KeyKind),
    /// The content of a credentials file.
    Credentials,
    /// Any text.
    Text,
}

impl SecretSource {
    pub(super) fn file(section: &str, key: &str, path: PathBuf) -> Self {
        Self {
            key: format!("{section}.{key}"),
            place: Place::File(path),
        }
    }

    pub(super) fn environment(section: &str, key: &str, name: String) -> Self {
        Self {
            key: format!("{section}.{key}"),
            place: Place::Environment(name),
        }
    }

    /// Returns the place of the secret.
    pub const fn place(&self) -> &Place {
        &self.place
    }
}
