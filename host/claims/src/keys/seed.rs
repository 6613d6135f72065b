//! Seeds as text in files.

use zeroize::Zeroizing;

use portcullis_core::{KeyKind, PublicKey};

use super::text;

/// A reason why a text is not the expected seed. No message repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text has only blank lines and comments.
    #[error("{}, found nothing", wanted(*.0))]
    Empty(KeyKind),
    /// The text is a valid key of another kind, or something else that is recognisable.
    #[error("{}, found {found}", wanted(*.expected))]
    Unexpected {
        /// Expected kind of key.
        expected: KeyKind,
        /// Description of what the text is.
        found: String,
    },
    /// The seed is truncated, extended or mistyped.
    #[error("{}, found a seed that is damaged: {problem}", wanted(*.expected))]
    Damaged {
        /// Expected kind of key.
        expected: KeyKind,
        /// Sign of the damage.
        problem: &'static str,
    },
    /// No random bytes are available for a new key.
    #[error("the cryptography library failed to make a key")]
    Generate,
    /// The cryptography library rejected the seed.
    #[error("the cryptography library refused the {0} key")]
    Derive(KeyKind),
    /// The cryptography library failed to sign.
    #[error("the cryptography library failed to sign")]
    Sign,
    /// The kind of key encrypts and does not sign.
    #[error(
        "a key of the kind {0} does not sign; use an operator, account, user, server or cluster key"
    )]
    CannotSign(KeyKind),
}

fn wanted(kind: KeyKind) -> String {
    format!("expected {} seed (S{}…)", with_article(kind), kind.letter())
}

fn with_article(kind: KeyKind) -> String {
    match kind {
        KeyKind::Operator | KeyKind::Account => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

/// Parses the only seed in `text`. Returns its bytes and its text.
pub(super) fn read(
    text: &str,
    kind: KeyKind,
) -> Result<(Zeroizing<[u8; text::KEY_LEN]>, &str), KeyError> {
    let seed = only_line(text, kind)?;
    let unexpected = |found: String| KeyError::Unexpected {
        expected: kind,
        found,
    };
    if let Some(found) = not_a_seed(seed) {
        return Err(unexpected(found));
    }
    let (found, bytes) = text::decode_seed(seed).map_err(|problem| KeyError::Damaged {
        expected: kind,
        problem: problem.as_str(),
    })?;
    match found {
        Some(found) if found == kind => Ok((bytes, seed)),
        Some(found) => {
            let letter = found.letter();
            let found = with_article(found);
            Err(unexpected(format!("{found} seed (S{letter}…)")))
        }
        None => Err(unexpected("a seed of another kind".to_owned())),
    }
}

fn only_line(text: &str, kind: KeyKind) -> Result<&str, KeyError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next().ok_or(KeyError::Empty(kind))?;
    if line.starts_with("-----BEGIN") {
        return Err(KeyError::Unexpected {
            expected: kind,
            found: "a credentials or PEM file".to_owned(),
        });
    }
    if lines.next().is_some() {
        return Err(KeyError::Unexpected {
            expected: kind,
            found: "more than one line that is not a comment".to_owned(),
        });
    }
    Ok(line)
}

/// Returns a description of `line` if it is another thing that users mistake for a seed.
fn not_a_seed(line: &str) -> Option<String> {
    if let Ok(key) = line.parse::<PublicKey>() {
        let (kind, letter) = (key.kind(), key.kind().letter());
        let kind = with_article(kind);
        return Some(format!("{kind} public key ({letter}…)"));
    }
    if line.starts_with("eyJ") {
        return Some("a JWT".to_owned());
    }
    if line.starts_with('P') && line.len() > 56 {
        return Some("a private key (P…)".to_owned());
    }
    (!line.starts_with('S')).then(|| "something that is not a seed".to_owned())
}

#[cfg(test)]
mod tests {
    use nkeys::KeyPair;

    use super::*;
    use crate::keys::SigningKey;

    fn read_account(text: &str) -> Result<String, String> {
        SigningKey::from_seed(text, KeyKind::Account)
            .map(|key| key.public_key().to_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_seed_is_found_among_what_editors_and_tools_add() {
        let pair = KeyPair::new_account();
        let (seed, public) = (pair.seed().unwrap(), pair.public_key());
        for text in [
            seed.clone(),
            format!("{seed}\n"),
            format!("{seed}\r\n"),
            format!("\u{feff}{seed}\n"),
            format!("\n\n  {seed}  \n\n"),
            format!("# the issuer\r\n# of production\r\n{seed}\r\n\r\n"),
        ] {
            assert_eq!(read_account(&text), Ok(public.clone()), "{text:?}");
        }
    }

    #[test]
    fn the_error_says_what_was_found() {
        let user = KeyPair::new_user();
        let good = KeyPair::new_account().seed().unwrap();
        let mut mistyped = good.clone();
        let letter = mistyped.remove(20);
        mistyped.insert(20, if letter == 'A' { 'B' } else { 'A' });
        let cases = [
            (user.seed().unwrap(), "found a user seed (SU…)"),
            (user.public_key(), "found a user public key (U…)"),
            (
                KeyPair::new_account().public_key(),
                "found an account public key (A…)",
            ),
            (
                KeyPair::new_operator().seed().unwrap(),
                "found an operator seed (SO…)",
            ),
            (
                KeyPair::new_module().seed().unwrap(),
                "found a seed of another kind",
            ),
            (String::new(), "found nothing"),
            ("# only\n\n".to_owned(), "found nothing"),
            ("eyJ0eXAi.e30.c2ln".to_owned(), "found a JWT"),
            (
                "-----BEGIN NATS USER JWT-----\nx".to_owned(),
                "found a credentials or PEM file",
            ),
            (
                format!("{good}\n{good}"),
                "found more than one line that is not a comment",
            ),
            ("hunter2".to_owned(), "found something that is not a seed"),
            (
                good.chars().take(57).collect(),
                "found a seed that is damaged: it does not have 58 characters",
            ),
            (
                mistyped,
                "found a seed that is damaged: its checksum does not match",
            ),
            (
                good.to_lowercase().replacen('s', "S", 1),
                "found a seed that is damaged: it has characters that no seed has",
            ),
        ];
        for (text, found) in cases {
            assert_eq!(
                read_account(&text),
                Err(format!("expected an account seed (SA…), {found}")),
            );
        }
    }
}
