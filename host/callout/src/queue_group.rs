//! The queue group that servers hand requests to.

/// The queue group of all hosts of an installation, so that each request is answered once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueGroup {
    /// The name of the group. Default: `q`.
    pub name: String,
    /// The callout account as `$SYS.REQ.USER.INFO` shows it: its name in config mode, its key in
    /// operator mode. A connection in another account is an obstacle.
    pub account: String,
}

impl QueueGroup {
    /// Creates the queue group `q` of `account`.
    pub fn new(account: impl Into<String>) -> Self {
        Self {
            name: "q".to_owned(),
            account: account.into(),
        }
    }
}
