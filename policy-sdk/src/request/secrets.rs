//! The secrets that a client presented.

use super::Facts;
use super::questions::questions;

/// The secrets that a client presented, in the clear.
///
/// Only a policy to which the operator grants `secrets` (`[policies.grants.NAME]` in
/// `portcullis.toml`) may use them. Never log what these methods return.
#[derive(Clone, Copy, Debug)]
pub struct Secrets<'request> {
    pub(super) facts: &'request Facts,
}

impl Secrets<'_> {
    questions! { secrets:
        /// Returns the password.
        password -> Option<String>
            => [password("secret")] request.secrets().password().as_deref(), Some("secret");
        /// Returns the token (`auth_token`).
        token -> Option<String>
            => [token("secret")] request.secrets().token().as_deref(), Some("secret");
        /// Returns the user JWT.
        jwt -> Option<String> => [jwt("eyJ…")] request.secrets().jwt().as_deref(), Some("eyJ…");
    }
}
