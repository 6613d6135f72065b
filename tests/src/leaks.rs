//! What nobody may find in a log.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// How long a secret of a test has to be to be told from words that logs are made of.
const TELLING: usize = 12;
/// How every JWT begins.
const JWT: &str = "eyJ";
/// What a decoded JWT has, as text and inside of text.
const CLAIMS: [&str; 2] = ["\"iat\":", "\\\"iat\\\":"];
/// How password hashes begin.
const HASHES: [&str; 5] = ["$argon2", "$scrypt$", "$2a$", "$2b$", "$2y$"];
/// How long a seed is, and what it begins with.
const SEED: (usize, char) = (58, 'S');

/// The passwords and tokens that clients of this process have presented.
static PRESENTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes that a client presents `secret`.
pub(crate) fn note(secret: &str) {
    if secret.len() >= TELLING {
        let mut presented = PRESENTED.lock().unwrap_or_else(PoisonError::into_inner);
        presented.insert(secret.to_owned());
    }
}

/// What is secret in `line`, if anything: a seed, a JWT or its claims, a password hash, or what a client has presented.
pub(crate) fn found_in(line: &str) -> Option<String> {
    let fixed = HASHES.iter().chain(&CLAIMS).chain([&JWT]);
    let mut fixed = fixed.filter(|mark| line.contains(**mark));
    if let Some(mark) = fixed.next() {
        return Some((*mark).to_owned());
    }
    if let Some(seed) = words(line).find(|word| is_seed(word)) {
        return Some(seed.to_owned());
    }
    let presented = PRESENTED.lock().unwrap_or_else(PoisonError::into_inner);
    presented
        .iter()
        .find(|secret| line.contains(*secret))
        .cloned()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !character.is_ascii_alphanumeric())
}

fn is_seed(word: &str) -> bool {
    let (length, first) = SEED;
    let base32 = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
    word.len() == length && word.starts_with(first) && word.bytes().all(base32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_in_whatever_is_around_them() {
        let seed = nkeys::KeyPair::new_user().seed().unwrap();
        let key = nkeys::KeyPair::new_user().public_key();
        for line in [
            format!("{{\"seed\":\"{seed}\"}}"),
            "token=eyJhbGciOiJub25lIn0.e30.".to_owned(),
            r#"{"message":"claims {\"iat\":1}"}"#.to_owned(),
            "hash $argon2id$v=19$".to_owned(),
        ] {
            assert!(found_in(&line).is_some(), "{line}");
        }
        for line in [format!("user_nkey={key}"), "wrong password".to_owned()] {
            assert_eq!(found_in(&line), None, "{line}");
        }
        note("leaks-a-password-of-this-test");
        note("wrong");
        assert_eq!(found_in("what is wrong"), None);
        assert!(found_in("it is `leaks-a-password-of-this-test`").is_some());
    }
}
