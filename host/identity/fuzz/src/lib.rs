//! What the fuzz targets share: inputs that reach past base64 and signatures.

use data_encoding::BASE64URL_NOPAD;

/// The issuer of every good token.
pub const ISSUER: &str = "https://idp.example";

/// An input's first part, and what follows the zero byte behind it.
pub fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, b""),
    }
}

/// The token that an input stands for: after `r` it is the token, any other is the header, a zero byte and the claims, around which
/// goes the encoding, and a signature of zeroes.
pub fn token_of(data: &[u8]) -> Option<String> {
    if let Some((b'r', token)) = data.split_first() {
        return String::from_utf8(token.to_vec()).ok();
    }
    let (header, claims) = parts(data);
    let chunks = [header, claims, &[0; 64]].map(|chunk| BASE64URL_NOPAD.encode(chunk));
    Some(chunks.join("."))
}

/// Holds the text of an error to what logs may show: short, on one line, in ASCII. Of a name it shows 64 characters, each of which
/// may have to be escaped.
pub fn check_error(error: &str) {
    assert!(error.len() < 200 + 64 * r"\u{10ffff}".len(), "{error}");
    assert!(error.chars().all(|c| (' '..='~').contains(&c)), "{error:?}");
}
