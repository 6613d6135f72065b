//! The account and the permissions of the connection's own user.

use std::time::Duration;

use portcullis_connect::{Nats, USER_INFO};
use serde::{Deserialize, Serialize};

use crate::client::SystemClient;
use crate::error::SystemError;
use crate::wire::{OtherFields, nanoseconds, null_as_default};

/// The account and the permissions of a user, as its server applies them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct UserInfo {
    /// The user: a user name or a public nkey.
    pub user: String,
    /// The account: its name in config mode, its public nkey in operator mode.
    pub account: String,
    /// Name of the account in its JWT. `None` before nats-server 2.12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// Name of the user in its JWT. `None` before nats-server 2.12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The permissions. `None` if the user may do everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<UserPermissions>,
    /// Time until the login ends. `None` if it does not end.
    #[serde(with = "nanoseconds", skip_serializing_if = "Option::is_none")]
    pub expires: Option<Duration>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// The permissions of a user.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct UserPermissions {
    /// Subjects that the user may publish to. `None` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<UserSubjects>,
    /// Subjects that the user may subscribe to. `None` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscribe: Option<UserSubjects>,
    /// Answers that the user may send to subjects outside `publish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responses: Option<ResponseLimits>,
    /// Fields that this type does not name.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// Subjects of one side of a user's permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct UserSubjects {
    /// Allowed subjects. Empty for all that are not denied.
    #[serde(deserialize_with = "null_as_default")]
    pub allow: Vec<String>,
    /// Denied subjects.
    #[serde(deserialize_with = "null_as_default")]
    pub deny: Vec<String>,
}

/// Limits on the answers of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct ResponseLimits {
    /// Number of answers to one message.
    pub max: i64,
    /// Time for the answers. `None` for no limit.
    #[serde(with = "nanoseconds", skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
}

impl<N: Nats> SystemClient<N> {
    /// Returns the account and the permissions of the connection's own user. Works for users of
    /// every account.
    ///
    /// # Errors
    ///
    /// Fails if the server does not answer: it has no system account, or the user may not publish
    /// to `$SYS.REQ.USER.INFO`.
    pub async fn user_info(&self) -> Result<UserInfo, SystemError> {
        self.answer(USER_INFO.to_owned(), Vec::new(), self.patience())
            .await
    }
}
