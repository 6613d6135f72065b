//! The methods of a permit that read it, for tests of policies.

use std::time::Duration;

use super::Permit;
use super::parts::{Responses, Subjects};

/// Methods that read the permit, for tests.
impl Permit {
    /// Returns the account.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").account(), "APP");
    /// ```
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the name of the account's signing key, if the permit selects one.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").with_role("reader").role(), Some("reader"));
    /// ```
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Returns the user name, if the permit sets one.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").user_name(), None);
    /// ```
    pub fn user_name(&self) -> Option<&str> {
        self.user_name.as_deref()
    }

    /// Returns the subjects for publishing.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").allow_publish(["a"]).publish().allow, ["a"]);
    /// ```
    pub const fn publish(&self) -> &Subjects {
        &self.publish
    }

    /// Returns the subjects for subscribing.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").allow_subscribe(["a"]).subscribe().allow, ["a"]);
    /// ```
    pub const fn subscribe(&self) -> &Subjects {
        &self.subscribe
    }

    /// Returns the permission to reply; `None` if the permit has none.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").responses(), None);
    /// ```
    pub const fn responses(&self) -> Option<Responses> {
        self.responses
    }

    /// Returns the maximum time after the request; `None` if the permit does not limit it.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").lifetime(), None);
    /// ```
    pub const fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Returns the latest time, in seconds since the Unix epoch; `None` if the permit does not
    /// limit it.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").expiry(), None);
    /// ```
    pub const fn expiry(&self) -> Option<u64> {
        self.expiry
    }

    /// Returns the tags.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert!(Permit::new("APP").tags().is_empty());
    /// ```
    pub fn tags(&self) -> &[String] {
        &self.tags
    }
}
