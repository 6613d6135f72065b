//! Password and token hashes. The host computes them; a policy only passes them on.

/// The reason why the host cannot use a hash, such as its malformed text.
///
/// Displays as one line that holds neither the hash nor a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct HashError {
    reason: String,
}

impl HashError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

/// Checks the form of a hash, without a secret.
///
/// [`Policy::configure`](crate::Policy::configure) calls this function so that the host rejects a
/// broken hash when it loads the policy, not at a user's login.
///
/// The forms are those of [`Request::password_matches`](crate::Request::password_matches) and
/// [`Request::token_matches`](crate::Request::token_matches). A native test checks only how the
/// hash begins, and the digits of a SHA-256 digest.
///
/// # Errors
///
/// Fails if the hash has none of these forms.
///
/// # Example
///
/// ```
/// use portcullis_sdk::check_hash;
///
/// assert!(check_hash("$2b$12$LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/LewdBPj4J/HS.i8eC").is_ok());
/// assert!(check_hash("hunter2").is_err());
/// ```
pub fn check_hash(hash: &str) -> Result<(), HashError> {
    check(hash)
}

#[cfg(target_arch = "wasm32")]
fn check(hash: &str) -> Result<(), HashError> {
    crate::host::identity::check_hash(hash).map_err(HashError::new)
}

/// Recognizes a form by its prefix: the fake for native tests, which have no host.
#[cfg(not(target_arch = "wasm32"))]
fn check(hash: &str) -> Result<(), HashError> {
    const PREFIXES: [&str; 8] = [
        "$argon2id$",
        "$argon2i$",
        "$argon2d$",
        "$scrypt$",
        "$2a$",
        "$2b$",
        "$2y$",
        "plain:",
    ];
    if let Some(digest) = hash.strip_prefix("sha256:") {
        let hexadecimal = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        return if digest.len() == 64 && hexadecimal {
            Ok(())
        } else {
            Err(HashError::new("malformed sha256 hash"))
        };
    }
    if PREFIXES.iter().any(|prefix| hash.starts_with(prefix)) {
        Ok(())
    } else {
        Err(HashError::new(
            "not a password hash: expected argon2, scrypt (PHC) or bcrypt; make one with `portcullis hash`",
        ))
    }
}
