//! The `[settings]` table of the policy.

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
    /// The account of users without an `account` of their own. Default: none.
    pub default_account: Option<String>,
    /// The decision about users that these settings do not list. Default: abstain.
    #[serde(default)]
    pub unknown_users: UnknownUsers,
    /// Whether a password or token may be `plain:` text. Default: `false`.
    #[serde(default)]
    pub dangerous_plain_text_passwords: bool,
    /// The permissions, by the name that users refer to.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
    /// The users by name.
    #[serde(default)]
    pub users: BTreeMap<String, User>,
}

/// The decision about users that the settings do not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownUsers {
    /// An abstention: the next policy in the chain decides.
    #[default]
    Abstain,
    /// A denial.
    Deny,
}

/// A user of the settings.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with `profile` and `password` or `token`"
)]
pub struct User {
    /// The hash of the password, for logins with a user name.
    pub password: Option<Hash>,
    /// The hash of the token, for logins with a token alone.
    pub token: Option<Hash>,
    /// The account, which takes precedence over `default_account`.
    pub account: Option<String>,
    /// The name of the user's profile.
    pub profile: String,
    /// The maximum lifetime of a connection. Default: unlimited.
    #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
    pub expires_in: Option<Duration>,
}

/// The hash of a password or token. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl Settings {
    /// Returns the permit of a user of checked settings.
    pub(crate) fn permit(&self, name: &str, user: &User) -> Permit {
        let mut permit = Permit::new(self.account(user).unwrap_or_default()).with_user_name(name);
        if let Some(lifetime) = user.expires_in {
            permit = permit.limit_lifetime(lifetime);
        }
        match self.profiles.get(&user.profile) {
            Some(profile) => profile.add_to(permit),
            None => permit,
        }
    }

    /// Returns the user's own account, or the default account.
    pub(crate) fn account<'settings>(
        &'settings self,
        user: &'settings User,
    ) -> Option<&'settings str> {
        user.account.as_deref().or(self.default_account.as_deref())
    }
}

impl Hash {
    /// Creates a hash in any form that the host knows.
    pub fn new(hash: impl Into<String>) -> Self {
        Self(hash.into())
    }

    /// Returns the hash as the host takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the secret itself, if the settings hold it as `plain:` text.
    pub(crate) fn plain_text(&self) -> Option<&str> {
        self.0.strip_prefix("plain:")
    }

    /// Returns whether the host compares only tokens with this hash.
    pub(crate) fn is_for_tokens(&self) -> bool {
        self.0.starts_with("sha256:")
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}
