//! Public nkeys: the names of operators, accounts, users and servers.
//!
//! A key as text is base32 of a prefix, 32 bytes and a checksum, as the Go library `nats-io/nkeys`
//! has it. Only the text form is here: the crate of wire forms signs and verifies.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE32_NOPAD;

mod kind;
mod presented;

pub use kind::KeyKind;
pub use presented::PresentedNkey;

/// Length of a public key in characters: base32 of 35 bytes, which are one of prefix, the key and
/// two of checksum.
const TEXT_LEN: usize = 56;

/// A public nkey: 56 characters with a checksum. The first character determines the [`KeyKind`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    text: Arc<str>,
    kind: KeyKind,
    bytes: [u8; Self::LEN],
}

/// A text that is not a public nkey. The message does not repeat it, because it could be a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public nkey: expected 56 characters such as `A…`, `U…` or `N…`, checksum included")]
pub struct InvalidPublicKey;

impl PublicKey {
    /// Length of a key, in bytes.
    pub const LEN: usize = 32;

    /// Returns the key of these bytes.
    pub fn from_bytes(kind: KeyKind, bytes: [u8; Self::LEN]) -> Self {
        let text = encode(kind, &bytes).into();
        Self { text, kind, bytes }
    }

    /// Returns whether `text` is a public key of `kind`.
    pub fn is_valid(text: &str, kind: KeyKind) -> bool {
        decode(text).is_some_and(|(found, _)| found == kind)
    }

    /// Returns the kind of the key.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.bytes
    }
}

impl FromStr for PublicKey {
    type Err = InvalidPublicKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, bytes) = decode(text).ok_or(InvalidPublicKey)?;
        let text = text.into();
        Ok(Self { text, kind, bytes })
    }
}

/// Hashes the text, which determines the rest, so that a map is asked with a `str`.
impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Borrow<str> for PublicKey {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({self})")
    }
}

/// Returns the kind and the bytes of a public key. `None` if `text` is not one.
fn decode(text: &str) -> Option<(KeyKind, [u8; PublicKey::LEN])> {
    if text.len() != TEXT_LEN {
        return None;
    }
    let mut bytes = [0; 35];
    BASE32_NOPAD.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    let ([prefix, key @ ..], sum) = bytes.split_last_chunk::<2>()? else {
        return None;
    };
    if u16::from_le_bytes(*sum) != key_checksum(&[*prefix], key) {
        return None;
    }
    let kind = KeyKind::ALL
        .into_iter()
        .find(|kind| kind.prefix() == *prefix)?;
    Some((kind, key.try_into().ok()?))
}

/// Returns the text of a public key.
fn encode(kind: KeyKind, key: &[u8; PublicKey::LEN]) -> String {
    let prefix = [kind.prefix()];
    let sum = key_checksum(&prefix, key).to_le_bytes();
    let mut bytes = [0; 35];
    for (place, byte) in bytes.iter_mut().zip(prefix.iter().chain(key).chain(&sum)) {
        *place = *byte;
    }
    BASE32_NOPAD.encode(&bytes)
}

/// Returns the checksum at the end of an nkey, public or secret: the CRC-16/XMODEM of `prefix` and
/// `key`.
pub fn key_checksum(prefix: &[u8], key: &[u8]) -> u16 {
    prefix.iter().chain(key).fold(0, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| {
            let shifted = sum << 1;
            if sum & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_what_it_writes() {
        for kind in KeyKind::ALL {
            let key = PublicKey::from_bytes(kind, [7; PublicKey::LEN]);
            assert!(key.as_str().starts_with(kind.letter()), "{key}");
            assert_eq!(key.as_str().parse(), Ok(key.clone()));
            assert!(PublicKey::is_valid(key.as_str(), kind));
        }
    }

    #[test]
    fn a_map_of_keys_is_asked_with_text() {
        let key = PublicKey::from_bytes(KeyKind::Account, [7; PublicKey::LEN]);
        let other = PublicKey::from_bytes(KeyKind::User, [7; PublicKey::LEN]);
        let keys = std::collections::HashSet::from([key.clone()]);
        assert!(keys.contains(key.as_str()) && !keys.contains(other.as_str()));
    }

    #[test]
    fn a_presented_text_is_a_key_or_stays_as_it_is() {
        let key = PublicKey::from_bytes(KeyKind::User, [7; PublicKey::LEN]);
        let presented = PresentedNkey::from(key.to_string());
        assert_eq!(presented.key(), Some(&key));
        let malformed = PresentedNkey::from("UABC".to_owned());
        assert_eq!((malformed.key(), malformed.as_str()), (None, "UABC"));
    }

    #[test]
    fn a_changed_character_is_no_key() {
        let key = PublicKey::from_bytes(KeyKind::User, [7; PublicKey::LEN]);
        let swapped = key.as_str().replacen('U', "A", 1);
        for text in [
            "",
            "U",
            &swapped,
            &key.as_str().to_lowercase(),
            &format!("{key} "),
        ] {
            assert_eq!(text.parse::<PublicKey>(), Err(InvalidPublicKey));
        }
    }
}
