//! Unverified names in a login.

use std::borrow::Cow;
use std::fmt;

/// The unverified names in a login, by which throttling counts failures.
///
/// A client can add names of its own choice to a login, so every name counts. A new nkey next to a
/// user name does not make another user of it. `Debug` does not show the names, because one may be
/// a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Claimant<'r> {
    /// User name.
    pub user: Option<Cow<'r, str>>,
    /// Public nkey, or the subject of the user JWT if the login has no better name.
    pub key: Option<Cow<'r, str>>,
    /// Subject of a signed token, or the token itself.
    pub token: Option<Cow<'r, str>>,
    /// Name in the certificate that the server verified, if the login presents nothing else. A
    /// certificate next to a password is often that of a machine which many users share.
    pub certificate: Option<String>,
}

impl fmt::Debug for Claimant<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |present: bool| present.then_some("[redacted]");
        formatter
            .debug_struct("Claimant")
            .field("user", &shown(self.user.is_some()))
            .field("key", &shown(self.key.is_some()))
            .field("token", &shown(self.token.is_some()))
            .field("certificate", &shown(self.certificate.is_some()))
            .finish()
    }
}
