//! `portcullis hash`: from a secret to what is stored instead.

use std::io::{self, BufRead, IsTerminal as _, Read as _};

use portcullis_core::Secret;
use portcullis_identity::{CannotHash, hash_password, hash_token};
use zeroize::Zeroizing;

/// The longest secret, in bytes; a NATS server takes no longer `CONNECT` line.
const MAX_LEN: usize = 4096;

/// Why nothing was hashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotHashed {
    /// Standard input cannot be read.
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    /// Nothing was there.
    #[error("no secret on standard input: write it there, as one line")]
    Empty,
    /// More than one line was there.
    #[error("more than one line on standard input: write one secret")]
    SeveralLines,
    /// Longer than any secret that a NATS server takes.
    #[error("more than {MAX_LEN} bytes on standard input: a NATS server takes no longer secret")]
    TooLong,
    /// The machine did not help.
    #[error(transparent)]
    Failed(#[from] CannotHash),
}

/// Reads the secret on standard input: one line from a terminal, everything from elsewhere.
///
/// # Errors
///
/// When there is no secret, or more than one.
pub fn read_secret() -> Result<Secret, NotHashed> {
    let stdin = io::stdin();
    let terminal = stdin.is_terminal();
    read(&mut stdin.lock(), terminal)
}

/// What to store instead of `secret`: an argon2id PHC string, or with `token` its SHA-256 sum.
///
/// # Errors
///
/// When the machine gives no random bytes or no memory.
pub fn hash(secret: &Secret, token: bool) -> Result<String, NotHashed> {
    if token {
        Ok(hash_token(secret.expose()))
    } else {
        Ok(hash_password(secret.expose())?)
    }
}

fn read(input: &mut dyn BufRead, terminal: bool) -> Result<Secret, NotHashed> {
    // Room for everything at once: growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_LEN + 3));
    // The longest secret, its line end, and one byte too many.
    let mut input = input.take(u64::try_from(MAX_LEN + 3).unwrap_or(u64::MAX));
    let read = if terminal {
        input.read_line(&mut text)
    } else {
        input.read_to_string(&mut text)
    };
    read.map_err(NotHashed::Input)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let secret = line.strip_suffix('\r').unwrap_or(line);
    if secret.is_empty() {
        Err(NotHashed::Empty)
    } else if secret.len() > MAX_LEN {
        Err(NotHashed::TooLong)
    } else if secret.contains(['\n', '\r']) {
        Err(NotHashed::SeveralLines)
    } else {
        Ok(Secret::new(secret))
    }
}
