//! Secrets that logs must not contain.

use std::collections::BTreeSet;

use parking_lot::Mutex;

/// The minimum length of a test's secret, in bytes. Shorter ones could be ordinary words of a log.
const TELLING: usize = 12;
/// The first characters of every JWT.
const JWT: &str = "eyJ";
/// Marks of a decoded JWT, as text and as escaped text.
const CLAIMS: [&str; 2] = ["\"iat\":", "\\\"iat\\\":"];
/// The prefixes of password hashes.
const HASHES: [&str; 5] = ["$argon2", "$scrypt$", "$2a$", "$2b$", "$2y$"];
/// The length of a seed, and its first character.
const SEED: (usize, char) = (58, 'S');

/// The passwords and tokens that clients of this process have presented.
static PRESENTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Records that a client presents `secret`.
pub(crate) fn note(secret: &str) {
    if secret.len() >= TELLING {
        let mut presented = PRESENTED.lock();
        presented.insert(secret.to_owned());
    }
}

/// Returns a secret in `line`: a seed, a JWT or its claims, a password hash, or a presented secret.
/// `None` if the line has none.
pub(crate) fn found_in(line: &str) -> Option<String> {
    let mut fixed = HASHES
        .iter()
        .chain(&CLAIMS)
        .filter(|mark| line.contains(**mark));
    if let Some(mark) = fixed.next() {
        return Some((*mark).to_owned());
    }
    if let Some(jwt) = words(line).find(|word| word.len() >= TELLING && word.starts_with(JWT)) {
        return Some(jwt.to_owned());
    }
    if let Some(seed) = words(line).find(|word| is_seed(word)) {
        return Some(seed.to_owned());
    }
    let presented = PRESENTED.lock();
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
    fn secrets_are_found_between_other_bytes() {
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
        for line in [
            format!("user_nkey={key}"),
            "expected a user JWT (`eyJ…`)".to_owned(),
            "wrong password".to_owned(),
        ] {
            assert_eq!(found_in(&line), None, "{line}");
        }
        note("leaks-a-password-of-this-test");
        note("wrong");
        assert_eq!(found_in("what is wrong"), None);
        assert!(found_in("it is `leaks-a-password-of-this-test`").is_some());
    }
}
