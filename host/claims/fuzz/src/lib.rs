//! What the fuzz targets share: inputs that reach past base64, checksums and signatures.

use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use portcullis_claims::{KeyKind, SigningKey, fuzzing};

/// `@` and a letter in an input stand for these: a fuzzer does not find checksums.
static WORDS: LazyLock<Vec<(u8, String)>> = LazyLock::new(|| {
    let public = |kind, byte| fuzzing::public_text(kind, &[byte; 32]);
    let seed = fuzzing::seed_text(KeyKind::User, &[7; 32]);
    let user = SigningKey::from_seed(seed.expose(), KeyKind::User).unwrap();
    let mut words = vec![(b'U', user.public_key().to_owned()), (b'S', seed.expose().to_owned())];
    for kind in KINDS {
        let letter = u8::try_from(kind.letter()).unwrap();
        if kind != KeyKind::User {
            words.push((letter, public(kind, 1)));
        }
        words.push((letter.to_ascii_lowercase(), public(kind, 2)));
    }
    let claims = format!(
        r#"{{"iss":"{}","sub":"{}","nats":{{"type":"user","version":2}}}}"#,
        public(KeyKind::Account, 1),
        user.public_key()
    );
    let token = String::from_utf8(wrap(HEADER, claims.as_bytes())).unwrap();
    words.push((b'J', token));
    words
});

/// Every kind of key.
pub const KINDS: [KeyKind; 6] = [
    KeyKind::Operator,
    KeyKind::Account,
    KeyKind::User,
    KeyKind::Server,
    KeyKind::Cluster,
    KeyKind::Curve,
];

const HEADER: &[u8] = br#"{"typ":"JWT","alg":"ed25519-nkey"}"#;
const FIRST_HEADER: &[u8] = br#"{"typ":"jwt","alg":"ed25519"}"#;

/// The word that `@` and this letter stand for.
pub fn word(letter: char) -> &'static str {
    let letter = u8::try_from(letter).unwrap();
    let mut words = WORDS.iter().filter(|(name, _)| *name == letter);
    words.next().map(|(_, text)| text.as_str()).unwrap()
}

/// The input with `@A` and the like replaced.
pub fn expand(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 256);
    let mut rest = data;
    while let Some((first, tail)) = rest.split_first() {
        let found = tail.first().filter(|_| *first == b'@').and_then(|letter| {
            WORDS.iter().find(|(name, _)| name == letter)
        });
        rest = match found {
            Some((_, text)) => {
                out.extend_from_slice(text.as_bytes());
                &tail[1..]
            }
            None => {
                out.push(*first);
                tail
            }
        };
    }
    out
}

/// A token with these claims and a signature of zeroes.
fn wrap(header: &[u8], claims: &[u8]) -> Vec<u8> {
    let signature = [0; 64];
    let chunks = [header, claims, &signature].map(|chunk| BASE64URL_NOPAD.encode(chunk));
    chunks.join(".").into_bytes()
}

/// The token an input stands for: after `r` it is the token, after `1` the claims of version 1, and any other
/// input is the claims themselves.
pub fn token_of(data: &[u8]) -> Vec<u8> {
    match data.split_first() {
        Some((b'r', token)) => token.to_vec(),
        Some((b'1', claims)) => wrap(FIRST_HEADER, &expand(claims)),
        _ => wrap(HEADER, &expand(data)),
    }
}
