//! What there is to say about an account.

use std::path::PathBuf;

use portcullis_claims::PublicKey;

/// One account whose user JWTs are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOptions {
    /// The operator's name for it.
    pub name: String,
    /// Where what is known of it comes from.
    pub source: AccountSource,
}

/// Where what is known of an account comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountSource {
    /// From here: nothing is revoked, and the account never ends.
    Keys {
        /// The account's public key (`A…`).
        key: PublicKey,
        /// Other public keys (`A…`) that sign in its name, none of them bound to a role.
        signing_keys: Vec<PublicKey>,
    },
    /// From its account JWT, in a file that is looked at every second.
    Jwt {
        /// The file.
        file: PathBuf,
        /// The account it has to be of; the first JWT read says, if this does not.
        key: Option<PublicKey>,
        /// The roles whose scoped signing keys are believed. The holder of such a key chooses subject, tags and claims of
        /// the user JWTs that it signs, so a role that is not named here speaks for no user.
        roles: Vec<String>,
    },
}
