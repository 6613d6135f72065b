//! Keys of every kind: those that sign, those that encrypt, and public keys.
//!
//! The cryptography library holds the secret keys and wipes them. The text form is implemented
//! here. The rest of the crate uses only these types, so that the library can be replaced.

mod curve;
mod expanded;
mod lru_map;
mod public;
mod sample;
mod seed;
mod signers;
mod signing;
mod text;

use std::fmt;

use portcullis_core::Secret;

pub use curve::{BoxError, CurveKey, SharedKey, is_sealed};
pub use portcullis_core::{InvalidPublicKey, KeyKind, PublicKey};
pub use public::VerifyingKey;
pub use sample::is_public_sample;
pub use seed::KeyError;
pub use signers::KnownSigners;
pub use signing::SigningKey;

/// Returns the text of a public key of these bytes.
#[cfg(feature = "fuzzing")]
pub fn public_text(kind: KeyKind, bytes: &[u8; 32]) -> String {
    PublicKey::from_bytes(kind, *bytes).to_string()
}

/// Returns the text of the seed that has these secret bytes.
pub fn seed_from_bytes(kind: KeyKind, bytes: &[u8; 32]) -> Secret {
    text::encode_seed(kind, bytes)
}

/// Returns the bytes of the seed in a text, without deriving a key.
///
/// # Errors
///
/// Fails as [`SigningKey::from_seed`] does.
#[cfg(feature = "fuzzing")]
pub fn read_seed(text: &str, kind: KeyKind) -> Result<[u8; 32], KeyError> {
    seed::read(text, kind).map(|(bytes, _)| *bytes)
}

/// The account key that signs user JWTs and authorization responses (seed `SA…`).
///
/// `Debug` shows the public key only.
pub struct IssuerKey {
    key: SigningKey,
}

/// The user key with which the service itself logs in (seed `SU…`).
///
/// The value holds the seed, and wipes it on drop. `Debug` shows the public key only.
pub struct UserKey {
    seed: Secret,
    key: SigningKey,
}

impl IssuerKey {
    /// Parses an account seed, as in a file. Ignores line ends, a byte order mark, blank lines and
    /// lines that begin with `#`.
    ///
    /// # Errors
    ///
    /// Fails if the text has no account seed. The message says what it has instead and never shows
    /// the seed.
    pub fn from_seed(text: &str) -> Result<Self, KeyError> {
        let key = SigningKey::from_seed(text, KeyKind::Account)?;
        Ok(Self { key })
    }

    /// Generates an account seed.
    ///
    /// # Errors
    ///
    /// Fails with [`KeyError::Generate`] if no random bytes are available.
    pub fn generate_seed() -> Result<Secret, KeyError> {
        SigningKey::generate_seed(KeyKind::Account)
    }

    /// Returns the public key, `A…`.
    pub fn public_key(&self) -> &str {
        self.key.public_key()
    }

    /// Returns the key as a plain signing key.
    pub const fn as_signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// Signs `message` with Ed25519 and returns the signature of 64 bytes.
    ///
    /// # Errors
    ///
    /// Fails with [`KeyError::Sign`] if the cryptography library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.sign(message)
    }
}

impl UserKey {
    /// Parses a user seed, as [`IssuerKey::from_seed`] parses an account seed.
    ///
    /// # Errors
    ///
    /// Fails if the text has no user seed. The message says what it has instead and never shows the
    /// seed.
    pub fn from_seed(text: &str) -> Result<Self, KeyError> {
        let (_, line) = seed::read(text, KeyKind::User)?;
        let key = SigningKey::from_seed(line, KeyKind::User)?;
        let seed = Secret::new(line);
        Ok(Self { seed, key })
    }

    /// Generates a user seed.
    ///
    /// # Errors
    ///
    /// Fails with [`KeyError::Generate`] if no random bytes are available.
    pub fn generate_seed() -> Result<Secret, KeyError> {
        SigningKey::generate_seed(KeyKind::User)
    }

    /// Returns the seed itself, `SU…`, for the NATS client. Every call can leak it.
    pub fn seed(&self) -> &str {
        self.seed.expose()
    }

    /// Returns the public key, `U…`, as listed in `auth_users`.
    pub fn public_key(&self) -> &str {
        self.key.public_key()
    }

    /// Returns the public key as the type that verifies.
    pub const fn as_public(&self) -> &PublicKey {
        self.key.as_public()
    }

    /// Signs `message`, such as a server's nonce, with Ed25519 and returns the signature of 64
    /// bytes.
    ///
    /// # Errors
    ///
    /// Fails with [`KeyError::Sign`] if the cryptography library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.sign(message)
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IssuerKey({})", self.public_key())
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UserKey({})", self.public_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seed of the Go nkeys library's documentation tests, followed by its public key.
    const SEED: &str = "SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4";
    const PUBLIC: &str = "ACODERUVFFAWZQDSS6SBIACUA5O6SXF7HJ3YTYXBALHZP3P7R4BUO4J2";

    #[test]
    fn an_issuer_key_has_the_public_key_that_go_derives() {
        let key = IssuerKey::from_seed(SEED).unwrap();
        assert_eq!(key.public_key(), PUBLIC);
        let signature = key.sign(b"message").unwrap();
        let public: PublicKey = PUBLIC.parse().unwrap();
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"massage", &signature));
    }

    #[test]
    fn generated_seeds_are_read_back_as_their_kind() {
        let account = IssuerKey::generate_seed().unwrap();
        let user = UserKey::generate_seed().unwrap();
        assert!(
            IssuerKey::from_seed(account.expose())
                .unwrap()
                .public_key()
                .starts_with('A')
        );
        let key = UserKey::from_seed(user.expose()).unwrap();
        assert!(key.public_key().starts_with('U'));
        assert_eq!(key.seed(), user.expose());
        assert_ne!(
            user.expose(),
            UserKey::generate_seed().unwrap().expose(),
            "seeds repeat"
        );
    }

    #[test]
    fn debug_shows_public_keys_only() {
        let seed = UserKey::generate_seed().unwrap();
        let user = UserKey::from_seed(seed.expose()).unwrap();
        assert_eq!(
            format!("{user:?}"),
            format!("UserKey({})", user.public_key())
        );
        let issuer = IssuerKey::from_seed(SEED).unwrap();
        assert_eq!(format!("{issuer:?}"), format!("IssuerKey({PUBLIC})"));
    }
}
