//! Unverified names in a login.

use std::borrow::Cow;
use std::fmt;

/// The unverified names in a login.
///
/// Throttling counts failures by the names whose proof a client can guess: the user name of a
/// password, and the bare token. No client can guess a signature, and any client can write the name
/// of another one into a token that it signs itself. So the other names only tell logins from one
/// address apart. `Debug` does not show the names, because one may be a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Claimant<'r> {
    /// User name, whose password a client can guess.
    pub user: Option<Cow<'r, str>>,
    /// Bare token, which a client can guess.
    pub token: Option<Cow<'r, str>>,
    /// Public nkey, or the subject of the user JWT if the login has no better name.
    pub key: Option<Cow<'r, str>>,
    /// Subject of the bearer token, or the bearer token itself if it names none.
    pub subject: Option<Cow<'r, str>>,
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
            .field("token", &shown(self.token.is_some()))
            .field("key", &shown(self.key.is_some()))
            .field("subject", &shown(self.subject.is_some()))
            .field("certificate", &shown(self.certificate.is_some()))
            .finish()
    }
}
