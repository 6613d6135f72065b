//! The conditions and the user that all contenders share.

use portcullis_harness::Accounts;

/// The user of every comparison, and the token. It is compared in plain text, so that no password
/// hash is measured.
pub(super) const USER: (&str, &str) = ("measured", "0c5e4d8f3a7b4e1f9d2a6b8c7e5f4a3d");

/// The subjects that the user may publish to, and subscribe to.
pub(super) const PERMISSIONS: ([&str; 2], [&str; 2]) =
    (["orders.>", "events.measured"], ["_INBOX.>", "orders.>"]);

/// The account of the user.
pub(super) const ACCOUNT: &str = "APP";

/// The conditions that all contenders share.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The accounts of the server.
    pub accounts: Accounts,
    /// Whether requests are encrypted.
    pub encrypts: bool,
    /// The server's timeout for an answer, in seconds. The default of nats-server is 2.
    pub timeout: u32,
    /// Additional settings in the table `callout` of our host.
    pub callout: String,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            accounts: Accounts::Several,
            encrypts: false,
            timeout: 5,
            callout: String::new(),
        }
    }
}
