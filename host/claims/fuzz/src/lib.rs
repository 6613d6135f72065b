//! Inputs for the fuzz targets that pass base64, checksums and signatures.

use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use portcullis_claims::{
    Body, Claims, KeyError, KeyKind, PublicKey, SignError, Signer, SigningKey, fuzzing,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Replacements for `@` and a letter in an input, because a fuzzer does not find checksums.
static WORDS: LazyLock<Vec<(u8, String)>> = LazyLock::new(|| {
    let public = |kind, byte| fuzzing::public_text(kind, &[byte; 32]);
    let seed = fuzzing::seed_text(KeyKind::User, &[7; 32]);
    let user = SigningKey::from_seed(seed.expose(), KeyKind::User).unwrap();
    let mut words = vec![
        (b'U', user.public_key().to_owned()),
        (b'S', seed.expose().to_owned()),
    ];
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

/// All kinds of keys.
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

/// Returns the replacement for `@` and this letter.
pub fn word(letter: char) -> &'static str {
    str::from_utf8(find(u8::try_from(letter).unwrap()).unwrap()).unwrap()
}

/// Returns the input with `@A` and the like replaced.
pub fn expand(data: &[u8]) -> Vec<u8> {
    expand_with(data, b"")
}

/// Returns the input with `@A` and the like replaced as in [`expand`], and `@T` by `token`.
pub fn expand_with(data: &[u8], token: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 256);
    let mut rest = data;
    while let Some((first, tail)) = rest.split_first() {
        let found = match tail.first().filter(|_| *first == b'@') {
            Some(b'T') => Some(token),
            Some(letter) => find(*letter),
            None => None,
        };
        rest = match found {
            Some(text) => {
                out.extend_from_slice(text);
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

fn find(letter: u8) -> Option<&'static [u8]> {
    let mut words = WORDS.iter().filter(|(name, _)| *name == letter);
    words.next().map(|(_, text)| text.as_bytes())
}

/// Returns a token with these claims and a signature of zeroes.
fn wrap(header: &[u8], claims: &[u8]) -> Vec<u8> {
    let signature = [0; 64];
    let chunks = [header, claims, &signature].map(|chunk| BASE64URL_NOPAD.encode(chunk));
    chunks.join(".").into_bytes()
}

/// Returns the token that an input stands for. After `r`, the input is the token itself. After `1`,
/// it is claims of version 1. Any other input is claims.
pub fn token_of(data: &[u8]) -> Vec<u8> {
    token_with(data, b"")
}

/// Returns the token of [`token_of`], with `@T` replaced by `inner`.
pub fn token_with(data: &[u8], inner: &[u8]) -> Vec<u8> {
    match data.split_first() {
        Some((b'r', token)) => token.to_vec(),
        Some((b'1', claims)) => wrap(FIRST_HEADER, &expand_with(claims, inner)),
        _ => wrap(HEADER, &expand_with(data, inner)),
    }
}

/// A signer whose signatures are zeroes.
struct Nobody(PublicKey);

impl Signer for Nobody {
    fn issuer(&self) -> &PublicKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(vec![0; 64])
    }
}

/// Checks that decoded claims can be encoded, and that the encoded ones decode and encode to equal
/// ones.
pub fn round_trip<B>(data: &[u8])
where
    B: Body + Clone + Default + PartialEq + Serialize + DeserializeOwned,
{
    let token = token_of(data);
    let claims: Claims<B> = match fuzzing::decode(&token) {
        Ok(claims) => claims,
        Err(error) => return assert!(error.to_string().len() < 200),
    };
    let signer = Nobody(claims.issuer.as_deref().unwrap().parse().unwrap());
    let encoded = match claims.clone().sign(&signer) {
        Ok(encoded) => encoded,
        Err(SignError::Subject { .. } | SignError::TooLarge) => return,
        Err(error) => panic!("decoded claims cannot be signed: {error}"),
    };
    assert!(
        encoded.len() <= 8 * token.len() + 4096,
        "{} of {}",
        encoded.len(),
        token.len()
    );
    let again: Claims<B> = fuzzing::decode(encoded.as_bytes()).unwrap();
    let mut expected = claims;
    expected.nats.stamp();
    assert!(again.nats == expected.nats, "{encoded}");
    let registered = |claims: &Claims<B>| {
        let texts = [
            &claims.audience,
            &claims.issuer,
            &claims.name,
            &claims.subject,
        ];
        let times = [claims.expires_at, claims.issued_at, claims.not_before];
        (texts.map(Clone::clone), times)
    };
    assert_eq!(registered(&again), registered(&expected));
    assert_eq!(again.sign(&signer).unwrap(), encoded);
}
