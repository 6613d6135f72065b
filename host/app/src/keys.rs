//! Seeds: making them, and telling which is which.

use portcullis_claims::{IssuerKey, KeyError, UserKey};
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

/// A new key of random bytes.
///
/// # Errors
///
/// When the key library fails.
pub(crate) fn generate(kind: KeyKind) -> Result<NewKey, KeyError> {
    let seed = match kind {
        KeyKind::Account => IssuerKey::generate_seed()?,
        KeyKind::User => UserKey::generate_seed()?,
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

/// Whether `text` looks like a user JWT.
///
/// # Errors
///
/// What it is not.
pub(crate) fn check_jwt(text: &str) -> Result<(), String> {
    if text.starts_with("eyJ") && text.split('.').count() == 3 {
        Ok(())
    } else {
        Err("expected a user JWT, found something else".to_owned())
    }
}

fn public_key(seed: &str, kind: KeyKind) -> Result<String, KeyError> {
    Ok(match kind {
        KeyKind::Account => IssuerKey::from_seed(seed)?.public_key().to_owned(),
        KeyKind::User => UserKey::from_seed(seed)?.public_key().to_owned(),
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
