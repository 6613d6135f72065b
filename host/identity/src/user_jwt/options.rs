//! Options of a trusted account.

use std::path::PathBuf;

use portcullis_claims::PublicKey;

/// An account whose user JWTs are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOptions {
    /// The operator's name for the account.
    pub name: String,
    /// Source of the account's facts.
    pub source: AccountSource,
}

/// The source of an account's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountSource {
    /// The options themselves. Nothing is revoked, and the account never expires.
    Keys {
        /// Public key of the account (`A…`).
        key: PublicKey,
        /// Further public keys (`A…`) that sign in the account's name, none of them bound to a
        /// role.
        signing_keys: Vec<PublicKey>,
    },
    /// The account JWT in a file, which is checked every second.
    Jwt {
        /// Path of the file.
        file: PathBuf,
        /// Expected public key of the account. `None` accepts that of the first JWT read.
        key: Option<PublicKey>,
        /// Roles whose scoped signing keys are trusted. The holder of such a key chooses subject,
        /// tags and claims of the user JWTs that it signs. So no user of an unlisted role is
        /// trusted.
        roles: Vec<String>,
    },
}
