//! Public nkeys.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, VerificationAlgorithm as _};

use super::kind::KeyKind;
use super::text;

/// A public nkey: 56 characters with a checksum. The first character determines the [`KeyKind`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    text: Arc<str>,
    kind: KeyKind,
    bytes: [u8; text::KEY_LEN],
}

/// A text that is not a public nkey. The message does not repeat it, because it could be a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public nkey: expected 56 characters such as `A…`, `U…` or `N…`, checksum included")]
pub struct InvalidPublicKey;

impl PublicKey {
    /// Returns the kind of the key.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether `text` is a public key of `kind`.
    pub fn is_valid(text: &str, kind: KeyKind) -> bool {
        text::decode_public(text).is_some_and(|(found, _)| found == kind)
    }

    /// Returns whether `signature` is this key's Ed25519 signature of `message`. Always `false` for
    /// curve keys.
    ///
    /// Accepts what Go's `crypto/ed25519` accepts: no cofactor, `S` below the group's order, `R`
    /// compared byte by byte. The only exceptions are the few public keys whose y coordinate is not
    /// reduced. Go reads them; here they verify nothing. No key pair has such a public key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.kind != KeyKind::Curve && ED25519.verify_sig(&self.bytes, message, signature).is_ok()
    }

    pub(super) fn from_bytes(kind: KeyKind, bytes: [u8; text::KEY_LEN]) -> Self {
        let text = text::encode_public(kind, &bytes).into();
        Self { text, kind, bytes }
    }

    pub(super) const fn as_bytes(&self) -> &[u8; text::KEY_LEN] {
        &self.bytes
    }
}

impl FromStr for PublicKey {
    type Err = InvalidPublicKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, bytes) = text::decode_public(text).ok_or(InvalidPublicKey)?;
        let text = text.into();
        Ok(Self { text, kind, bytes })
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

#[cfg(test)]
mod tests {
    use nkeys::KeyPair;

    use super::*;

    #[test]
    fn keys_of_every_kind_are_read_and_written() {
        let keys = [
            (KeyPair::new_operator(), KeyKind::Operator),
            (KeyPair::new_account(), KeyKind::Account),
            (KeyPair::new_user(), KeyKind::User),
            (KeyPair::new_server(), KeyKind::Server),
            (KeyPair::new_cluster(), KeyKind::Cluster),
            (KeyPair::new(nkeys::KeyPairType::Curve), KeyKind::Curve),
        ];
        for (pair, kind) in keys {
            let text = pair.public_key();
            let key: PublicKey = text.parse().unwrap();
            assert_eq!(key.kind(), kind);
            assert_eq!(key.to_string(), text);
            assert!(text.starts_with(kind.letter()), "{text}");
        }
    }

    #[test]
    fn broken_keys_are_refused_without_being_repeated() {
        let good = KeyPair::new_user().public_key();
        let swapped = good.replacen('U', "A", 1);
        let seed = KeyPair::new_user().seed().unwrap();
        let module = KeyPair::new_module().public_key();
        for text in [
            "",
            "U",
            good.trim_start_matches('U'),
            &good.to_lowercase(),
            &swapped,
            &seed,
            &module,
            &format!("{good} "),
            &"é".repeat(28),
        ] {
            let error = text.parse::<PublicKey>().unwrap_err();
            assert!(!error.to_string().contains(&seed));
        }
    }
}
