//! Nkeys as clients present them.

use super::PublicKey;

/// The text that a client presented as its nkey. It proves nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresentedNkey {
    /// A public nkey.
    Key(PublicKey),
    /// A text that is not a public nkey, so no signature can prove it.
    Malformed(String),
}

impl PresentedNkey {
    /// Returns the key. `None` if the text is not one.
    pub const fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::Malformed(_) => None,
        }
    }

    /// Returns the text as the client presented it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Key(key) => key.as_str(),
            Self::Malformed(text) => text,
        }
    }
}

impl From<String> for PresentedNkey {
    fn from(text: String) -> Self {
        match text.parse() {
            Ok(key) => Self::Key(key),
            Err(_) => Self::Malformed(text),
        }
    }
}
