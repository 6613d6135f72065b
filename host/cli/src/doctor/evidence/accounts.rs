//! Evidence about accounts.

use std::path::PathBuf;

/// An account that policies may place users in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The name in the configuration.
    pub(crate) name: String,
    /// The account as servers list it: its name in config mode, its key in operator mode.
    pub(crate) id: String,
    /// The public keys of the seeds that sign its users, in operator mode. Empty if the secrets are
    /// invalid.
    pub(crate) signers: Vec<String>,
}

/// An account that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedAccount {
    /// The name.
    pub(crate) name: String,
    /// The kind of the place.
    pub(crate) namer: Namer,
    /// The file.
    pub(crate) file: PathBuf,
    /// The line in the file. `None` if the key says enough.
    pub(crate) line: Option<usize>,
    /// The key in the file.
    pub(crate) key: String,
}

/// The kind of a place that names an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namer {
    /// The settings of a policy: a login is placed in the account.
    Settings,
    /// An assertion: it is about logins in the account.
    Assertion,
    /// `portcullis.toml`: the account has a ceiling, or receives events of denials.
    Configuration,
}

/// An account for which a server refused permits, and none since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectedAccount {
    /// The name of the account.
    pub(crate) account: String,
    /// The name of the server.
    pub(crate) server: String,
    /// The number of refused permits.
    pub(crate) number: usize,
    /// The time of the last one, in seconds since the Unix epoch.
    pub(crate) at: u64,
    /// The id of its record.
    pub(crate) id: String,
    /// The server's reason.
    pub(crate) reason: String,
}

/// The JWT of an account, as some servers have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AccountJwt {
    /// The servers or the resolver, in words.
    pub(crate) place: String,
    /// The users that servers do not ask about: public nkeys.
    pub(crate) auth_users: Vec<String>,
    /// The public nkeys of the accounts that users may be placed in, or `*` alone for any.
    pub(crate) allowed_accounts: Vec<String>,
    /// The public key that requests are encrypted for.
    pub(crate) xkey: Option<String>,
    /// The keys that sign for the account, its own included.
    pub(crate) signers: Vec<String>,
}
