//! Seeds: making them, and telling which is which.

use portcullis_claims::{CurveKey, KeyError, KeyKind, SigningKey};
use portcullis_core::Secret;

/// A new key.
#[derive(Debug)]
pub(crate) struct NewKey {
    /// The seed, `S…`.
    pub(crate) seed: Secret,
    /// The public key.
    pub(crate) public: String,
}

/// A new key of random bytes.
///
/// # Errors
///
/// When the key library fails.
pub(crate) fn generate(kind: KeyKind) -> Result<NewKey, KeyError> {
    let seed = match kind {
        KeyKind::Curve => CurveKey::generate_seed()?,
        _ => SigningKey::generate_seed(kind)?,
    };
    let public = public_key(seed.expose(), kind)?;
    Ok(NewKey { seed, public })
}

/// Whether `text` is a seed of this kind.
///
/// # Errors
///
/// What it is instead.
pub(crate) fn check_seed(text: &str, kind: KeyKind) -> Result<(), KeyError> {
    public_key(text, kind).map(drop)
}

fn public_key(seed: &str, kind: KeyKind) -> Result<String, KeyError> {
    Ok(match kind {
        KeyKind::Curve => CurveKey::from_seed(seed)?.public_key().to_owned(),
        _ => SigningKey::from_seed(seed, kind)?.public_key().to_owned(),
    })
}
