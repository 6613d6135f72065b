//! Seeds, as people keep them in files.

use nkeys::KeyPair;
use portcullis_core::Secret;

use super::public::{KeyKind, PublicKey};

/// Why a text is not the seed that was asked for. No message repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Only blank lines and comments.
    #[error("{}, found nothing", wanted(*.0))]
    Empty(KeyKind),
    /// A valid key, but not the one asked for, or something else that is recognisable.
    #[error("{}, found {found}", wanted(*.expected))]
    Unexpected {
        /// What was asked for.
        expected: KeyKind,
        /// What there is.
        found: String,
    },
    /// A seed that was cut, extended or mistyped.
    #[error("{}, found a seed that is damaged: {problem}", wanted(*.expected))]
    Damaged {
        /// What was asked for.
        expected: KeyKind,
        /// How it shows.
        problem: &'static str,
    },
    /// The key library could not make a key.
    #[error("the key library failed to make a key")]
    Generate,
    /// The key library could not sign.
    #[error("the key library failed to sign")]
    Sign,
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

/// Reads the one seed in `text`: its pair, its public key and the seed itself.
pub(super) fn read(text: &str, kind: KeyKind) -> Result<(KeyPair, PublicKey, &str), KeyError> {
    let seed = only_line(text, kind)?;
    let unexpected = |found: String| KeyError::Unexpected {
        expected: kind,
        found,
    };
    if let Some(found) = not_a_seed(seed) {
        return Err(unexpected(found));
    }
    let pair = KeyPair::from_seed(seed).map_err(|error| KeyError::Damaged {
        expected: kind,
        problem: problem_of(&error),
    })?;
    let found = seed.chars().nth(1).and_then(KeyKind::from_letter);
    match found {
        Some(found) if found == kind => {}
        Some(found) => {
            let letter = found.letter();
            return Err(unexpected(format!(
                "{} seed (S{letter}…)",
                with_article(found)
            )));
        }
        None => return Err(unexpected("a seed of another kind".to_owned())),
    }
    let public_key = pair
        .public_key()
        .parse()
        .map_err(|_| unexpected("a seed without a public key".to_owned()))?;
    Ok((pair, public_key, seed))
}

pub(super) fn generate(pair: &KeyPair) -> Result<Secret, KeyError> {
    pair.seed().map(Secret::new).map_err(|_| KeyError::Generate)
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

/// Names what people put where a seed belongs.
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

fn problem_of(error: &nkeys::error::Error) -> &'static str {
    use nkeys::error::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidKeyLength => "it does not have 58 characters",
        ErrorKind::ChecksumFailure => "its checksum does not match",
        ErrorKind::InvalidPrefix => "its first characters are not those of a seed",
        _ => "it has characters that no seed has",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_account(text: &str) -> Result<String, String> {
        read(text, KeyKind::Account)
            .map(|(_, key, _)| key.to_string())
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
