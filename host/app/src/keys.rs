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

fn public_key(seed: &str, kind: KeyKind) -> Result<String, KeyError> {
    Ok(match kind {
        KeyKind::Curve => CurveKey::from_seed(seed)?.public_key().to_owned(),
        _ => SigningKey::from_seed(seed, kind)?.public_key().to_owned(),
    })
}

/// The line after the mark that begins a block.
fn block<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .skip_while(|line| !(line.contains("BEGIN") && line.contains(name)))
        .nth(1)
        .map(str::trim)
        .filter(|line| !line.is_empty())
}
