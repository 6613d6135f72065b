//! Inputs for the fuzz targets that pass base64 and signatures.

use data_encoding::BASE64URL_NOPAD;

/// Issuer of every valid token.
pub const ISSUER: &str = "https://idp.example";

/// Splits an input at its first zero byte.
pub fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, b""),
    }
}

/// Returns the token that an input stands for. After `r`, the input is the token itself. Any other
/// input is the header, a zero byte and the claims, which are encoded and get a signature of
/// zeroes.
pub fn token_of(data: &[u8]) -> Option<String> {
    if let Some((b'r', token)) = data.split_first() {
        return String::from_utf8(token.to_vec()).ok();
    }
    let (header, claims) = parts(data);
    let chunks = [header, claims, &[0; 64]].map(|chunk| BASE64URL_NOPAD.encode(chunk));
    Some(chunks.join("."))
}

/// Checks that an error is fit for a log: short, on one line, in ASCII. An error shows at most 64
/// characters of a name, each of which may be escaped.
pub fn check_error(error: &str) {
    assert!(error.len() < 200 + 64 * r"\u{10ffff}".len(), "{error}");
    assert!(error.chars().all(|c| (' '..='~').contains(&c)), "{error:?}");
}
