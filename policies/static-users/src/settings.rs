//! The `[settings]` table, key by key.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use portcullis_sdk::Permit;
use portcullis_sdk::profile::Profile;
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The account of users that name none.
    pub default_account: Option<String>,
    /// What becomes of logins of nobody listed here.
    #[serde(default)]
    pub unknown_users: UnknownUsers,
    /// Whether a password or token may be `plain:` text.
    #[serde(default)]
    pub dangerous_plain_text_passwords: bool,
    /// Permissions by the name users refer to.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
    /// Users by name.
    #[serde(default)]
    pub users: BTreeMap<String, User>,
}

/// What becomes of logins of nobody listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownUsers {
    /// The next policy in the chain decides.
    #[default]
    Abstain,
    /// They are refused.
    Deny,
}

/// One user.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with `profile` and `password` or `token`"
)]
pub struct User {
    /// The hash of the password, for logins with a user name.
    pub password: Option<Hash>,
    /// The hash of the token, for logins with nothing else.
    pub token: Option<Hash>,
    /// The account, instead of `default-account`.
    pub account: Option<String>,
    /// The name of the profile.
    pub profile: String,
    /// How long a connection lasts; for ever if none.
    #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
    pub expires_in: Option<Duration>,
}

/// The hash of a password or token. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl Settings {
    /// What a user may do, once all of this has been checked.
    pub(crate) fn permit(&self, name: &str, user: &User) -> Permit {
        let mut permit = Permit::new(self.account(user).unwrap_or_default()).user_name(name);
        if let Some(lifetime) = user.expires_in {
            permit = permit.expires_in(lifetime);
        }
        match self.profiles.get(&user.profile) {
            Some(profile) => profile.add_to(permit),
            None => permit,
        }
    }

    /// A user's account: their own, or the default.
    pub(crate) fn account<'settings>(
        &'settings self,
        user: &'settings User,
    ) -> Option<&'settings str> {
        user.account.as_deref().or(self.default_account.as_deref())
    }
}

impl Hash {
    /// A hash in any form the host knows.
    pub fn new(hash: impl Into<String>) -> Self {
        Self(hash.into())
    }

    /// The hash as the host takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The password itself, if this is no hash at all.
    pub(crate) fn plain_text(&self) -> Option<&str> {
        self.0.strip_prefix("plain:")
    }

    /// Whether only tokens can be compared with it.
    pub(crate) fn is_for_tokens(&self) -> bool {
        self.0.starts_with("sha256:")
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}
