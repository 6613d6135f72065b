//! `portcullis hash`: hashes a secret for storage.

use std::io::{self, BufRead, IsTerminal as _, Read as _};

use portcullis_core::Secret;
use portcullis_identity::{CannotHash, hash_password, hash_token};
use zeroize::Zeroizing;

/// Maximum length of a secret, in bytes. A NATS server accepts no longer `CONNECT` line.
const MAX_LEN: usize = 4096;

/// A reason why no hash was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NotHashed {
    /// Standard input cannot be read.
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    /// Standard input is not text.
    #[error("standard input is not UTF-8: write the secret in that encoding")]
    NotText,
    /// Standard input is empty.
    #[error("no secret on standard input: write it there, as one line")]
    Empty,
    /// Standard input has more than one line.
    #[error("more than one line on standard input: write one secret")]
    SeveralLines,
    /// The secret is longer than a NATS server accepts.
    #[error("more than {MAX_LEN} bytes on standard input: a NATS server takes no longer secret")]
    TooLong,
    /// The machine has no random bytes or no memory.
    #[error(transparent)]
    Failed(#[from] CannotHash),
}

/// Reads the secret on standard input: one line from a terminal, the whole input otherwise.
///
/// # Errors
///
/// Fails if the input has no secret, or more than one.
pub(crate) fn read_secret() -> Result<Secret, NotHashed> {
    let stdin = io::stdin();
    let terminal = stdin.is_terminal();
    read(&mut stdin.lock(), terminal)
}

/// Returns the text to store instead of `secret`: an argon2id PHC string or, with `token`, the
/// SHA-256 sum.
///
/// # Errors
///
/// Fails if the machine has no random bytes or no memory.
pub(crate) fn hash(secret: &Secret, token: bool) -> Result<String, NotHashed> {
    if token {
        Ok(hash_token(secret.expose()))
    } else {
        Ok(hash_password(secret.expose())?)
    }
}

fn read(input: &mut dyn BufRead, terminal: bool) -> Result<Secret, NotHashed> {
    // Reserves room for the whole input, because a growing buffer would leave copies of the secret
    // behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_LEN + 3));
    // Reads up to the longest secret, its line end and one more byte, so that a longer one is
    // detected.
    let mut input = input.take(u64::try_from(MAX_LEN + 3).unwrap_or(u64::MAX));
    let read = if terminal {
        input.read_line(&mut text)
    } else {
        input.read_to_string(&mut text)
    };
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => NotHashed::NotText,
        _ => NotHashed::Input(error),
    })?;
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use portcullis_core::{Asker, SecretVerifier as _};
    use portcullis_identity::PasswordVerifier;
    use rstest::rstest;

    use super::*;

    fn read_text(text: &str, terminal: bool) -> Result<String, String> {
        read(&mut text.as_bytes(), terminal)
            .map(|secret| secret.expose().to_owned())
            .map_err(|error| error.to_string())
    }

    #[rstest]
    fn what_is_hashed_is_what_was_read(#[values(false, true)] token: bool) {
        let secret = read(&mut "correct horse\n".as_bytes(), false).unwrap();
        let hash = hash(&secret, token).unwrap();
        let verifier = PasswordVerifier::default();
        let later = Instant::now() + Duration::from_mins(1);
        let matches = |text: &str| {
            let asker = Asker {
                policy: "p",
                address: None,
            };
            verifier.matches(&Secret::new(text), &hash, asker, later)
        };
        assert_eq!(matches("correct horse"), Ok(true));
        assert_eq!(matches("correct horse\n"), Ok(false));
        assert_eq!(hash.starts_with("sha256:"), token);
    }

    #[rstest]
    #[case("a", "a")]
    #[case("a\n", "a")]
    #[case("a\r\n", "a")]
    #[case(" a ", " a ")]
    fn only_the_line_end_is_taken_off(#[case] text: &str, #[case] secret: &str) {
        assert_eq!(read_text(text, false).as_deref(), Ok(secret));
    }

    #[test]
    fn a_terminal_gives_one_line() {
        assert_eq!(read_text("a\nb\n", true).as_deref(), Ok("a"));
    }

    #[rstest]
    #[case("", "no secret on standard input: write it there, as one line")]
    #[case("\n", "no secret on standard input: write it there, as one line")]
    #[case("a\nb\n", "more than one line on standard input: write one secret")]
    #[case(&"x".repeat(4097), "more than 4096 bytes on standard input: a NATS server takes no longer secret")]
    #[case(&"x".repeat(9999), "more than 4096 bytes on standard input: a NATS server takes no longer secret")]
    fn what_is_not_one_secret_is_refused(#[case] text: &str, #[case] message: &str) {
        assert_eq!(read_text(text, false), Err(message.to_owned()));
    }

    #[rstest]
    fn bytes_that_are_no_text_are_a_mistake_of_the_caller(#[values(false, true)] terminal: bool) {
        let read = read(&mut b"caf\xe9\n".as_slice(), terminal);
        assert!(matches!(read, Err(NotHashed::NotText)), "{read:?}");
    }

    #[test]
    fn the_longest_secret_fits_with_its_line_end() {
        let secret = "x".repeat(MAX_LEN);
        assert_eq!(read_text(&format!("{secret}\r\n"), false), Ok(secret));
    }
}
