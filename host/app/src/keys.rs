//! Seeds: making them, and telling which is which.

use nkeys::{KeyPair, KeyPairType};
use portcullis_core::Secret;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// An account: signs for its users.
    Account,
    /// A user: logs in.
    User,
}

/// A new key.
#[derive(Debug)]
pub(crate) struct NewKey {
    /// The seed, `S…`.
    pub(crate) seed: Secret,
    /// The public key.
    pub(crate) public: String,
}

/// Text that is not the seed that was asked for. The text itself is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidSeed {
    /// The seed of another kind of key.
    #[error("expected {expected}, found {found}")]
    Kind {
        expected: &'static str,
        found: &'static str,
    },
    /// A public key.
    #[error("expected {expected}, found a public key")]
    Public { expected: &'static str },
    /// Anything else.
    #[error("expected {expected}, found something that is not a seed")]
    Unrecognized { expected: &'static str },
}

/// A new key of random bytes; none if the key library cannot say its seed.
pub(crate) fn generate(kind: KeyKind) -> Option<NewKey> {
    let pair = KeyPair::new(kind.pair_type());
    Some(NewKey {
        seed: Secret::new(pair.seed().ok()?),
        public: pair.public_key(),
    })
}

/// Whether `text` is a seed of this kind.
///
/// # Errors
///
/// What it is instead.
pub(crate) fn check_seed(text: &str, kind: KeyKind) -> Result<(), InvalidSeed> {
    let expected = describe(&kind.pair_type());
    match KeyPair::from_seed(text).map(|pair| pair.key_pair_type()) {
        Ok(found) if found == kind.pair_type() => Ok(()),
        Ok(found) => Err(InvalidSeed::Kind {
            expected,
            found: describe(&found),
        }),
        Err(_) if KeyPair::from_public_key(text).is_ok() => Err(InvalidSeed::Public { expected }),
        Err(_) => Err(InvalidSeed::Unrecognized { expected }),
    }
}

/// Whether `text` is a credentials file: a user JWT and a user seed between their marks.
///
/// # Errors
///
/// What is missing or wrong.
pub(crate) fn check_credentials(text: &str) -> Result<(), String> {
    if block(text, "USER JWT").is_none() {
        return Err("expected a credentials file, found no `BEGIN NATS USER JWT`".to_owned());
    }
    let Some(seed) = block(text, "USER NKEY SEED") else {
        return Err("expected a credentials file, found no `BEGIN USER NKEY SEED`".to_owned());
    };
    check_seed(seed, KeyKind::User).map_err(|error| error.to_string())
}

impl KeyKind {
    const fn pair_type(self) -> KeyPairType {
        match self {
            Self::Account => KeyPairType::Account,
            Self::User => KeyPairType::User,
        }
    }
}

/// The line after the mark that begins a block.
fn block<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .skip_while(|line| !(line.contains("BEGIN") && line.contains(name)))
        .nth(1)
        .map(str::trim)
        .filter(|line| !line.is_empty())
}

const fn describe(kind: &KeyPairType) -> &'static str {
    match kind {
        KeyPairType::Account => "an account seed (SA…)",
        KeyPairType::User => "a user seed (SU…)",
        KeyPairType::Operator => "an operator seed (SO…)",
        KeyPairType::Server => "a server seed (SN…)",
        KeyPairType::Cluster => "a cluster seed (SC…)",
        KeyPairType::Curve => "a curve seed (SX…)",
        KeyPairType::Module | KeyPairType::Service => "a seed of a kind NATS does not use",
    }
}
