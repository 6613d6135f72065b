//! The key that authenticates native code between the process that compiled it and the host.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use data_encoding::HEXLOWER;

/// The key of one transfer. Its holder can pass native code to the process that made it.
pub struct TransferKey(hmac::Key, [u8; 32]);

impl fmt::Debug for TransferKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TransferKey")
            .finish_non_exhaustive()
    }
}

impl TransferKey {
    /// Generates a random key. `None` if the system has no random bytes.
    pub fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        Some(Self::from_bytes(bytes))
    }

    /// Parses the text that [`to_text`](Self::to_text) returned. `None` for any other text.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self::from_bytes)
    }

    /// Returns the key in hexadecimal, for the other process. The text is a secret.
    pub fn to_text(&self) -> String {
        HEXLOWER.encode(&self.1)
    }

    pub(crate) const fn hmac(&self) -> &hmac::Key {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes), bytes)
    }
}
