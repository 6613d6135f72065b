//! The names that a login carries, before anything is verified.

use std::borrow::Cow;
use std::fmt;

/// The names that a login carries, before anything is verified: what throttling counts failures by.
///
/// A client can add names of its own choice to a login, so every name counts: a new nkey beside a user name does not
/// make another user of it. `Debug` does not show them, because one may be a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Claimant<'r> {
    /// The user name.
    pub user: Option<Cow<'r, str>>,
    /// The nkey, or the subject of the user JWT if nothing else of the login says more.
    pub key: Option<Cow<'r, str>>,
    /// The subject that a signed token names, or else the token itself.
    pub token: Option<Cow<'r, str>>,
    /// The name in the certificate that the server verified, of a login that presents nothing else. A certificate
    /// beside a password is often that of a machine which many users share.
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
