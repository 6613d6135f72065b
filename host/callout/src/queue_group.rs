//! The queue group that servers hand requests to.

use portcullis_core::AccountName;

/// The queue group of all hosts of an installation, so that each request is answered once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueGroup {
    /// The name of the group. Default: [`QueueGroup::NAME`].
    pub name: String,
    /// The callout account as `$SYS.REQ.USER.INFO` shows it: its name in config mode, its key in
    /// operator mode. A connection in another account is an obstacle.
    pub account: AccountName,
}

impl QueueGroup {
    /// Default name of the group.
    pub const NAME: &str = "q";

    /// Creates the queue group `q` of `account`.
    pub fn new(account: AccountName) -> Self {
        Self {
            name: Self::NAME.to_owned(),
            account,
        }
    }
}
