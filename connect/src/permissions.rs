//! The permissions that the user of a connection needs.

use std::fmt;

/// One permission that the user of a connection needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredPermission {
    /// The side of the permission.
    pub side: PermissionSide,
    /// The subject, with wildcards.
    pub subject: String,
    /// Narrower subjects that together suffice in place of `subject`. Empty if none do.
    pub instead: Vec<String>,
    /// The action that the service cannot do without the permission, worded to follow "the service
    /// cannot".
    pub purpose: &'static str,
}

/// The two sides of a user's permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionSide {
    /// Subjects to publish on.
    Publish,
    /// Subjects to subscribe to.
    Subscribe,
}

impl fmt::Display for PermissionSide {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
        })
    }
}
