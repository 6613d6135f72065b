//! Token ids (`jti`), computed as the Go library does.

use std::borrow::Cow;

use data_encoding::BASE32_NOPAD;
use serde::Serialize;
use sha2::{Digest, Sha512_256};

use super::Claims;

/// The registered claims without the id, in the Go library's order.
#[derive(Serialize)]
struct Registered<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

impl<B> Claims<B> {
    /// Returns the id of these claims: base32 of SHA-512/256 of the JSON of the registered claims
    /// (`ClaimsData.hash` of nats-io/jwt v2). The id covers neither itself nor the object under
    /// `nats`.
    pub(crate) fn computed_id(&self) -> Result<String, serde_json::Error> {
        let json = serde_json::to_string(&Registered {
            aud: text(self.audience.as_ref()),
            exp: number(self.expires_at),
            iat: number(self.issued_at),
            iss: text(self.issuer.as_ref()),
            name: text(self.name.as_ref()),
            nbf: number(self.not_before),
            sub: text(self.subject.as_ref()),
        })?;
        Ok(BASE32_NOPAD.encode(&Sha512_256::digest(as_go_writes(&json).as_bytes())))
    }
}

/// Returns the text unless it is empty, because Go leaves out empty fields.
fn text(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|text| !text.is_empty())
}

fn number(value: Option<u64>) -> Option<u64> {
    value.filter(|number| *number != 0)
}

/// Escapes the characters that Go's JSON escapes because they could end a script in HTML. They only
/// occur inside strings.
pub(super) fn as_go_writes(json: &str) -> Cow<'_, str> {
    // The fold has no early exit, so the compiler handles sixteen bytes at a time. Nearly no token
    // has one of these bytes. 0xe2 begins the two separators and other characters.
    let is_candidate = |byte| matches!(byte, b'<' | b'>' | b'&' | 0xe2);
    if !json
        .bytes()
        .fold(false, |found, byte| found | is_candidate(byte))
    {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    // Every candidate is the first byte of a character.
    while let Some((plain, found)) = rest
        .bytes()
        .position(is_candidate)
        .and_then(|place| rest.split_at_checked(place))
    {
        text.push_str(plain);
        let mut characters = found.chars();
        match characters.next() {
            Some('<') => text.push_str("\\u003c"),
            Some('>') => text.push_str("\\u003e"),
            Some('&') => text.push_str("\\u0026"),
            Some('\u{2028}') => text.push_str("\\u2028"),
            Some('\u{2029}') => text.push_str("\\u2029"),
            other => text.extend(other),
        }
        rest = characters.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use rstest::rstest;
    use serde_json::Value;

    use super::*;

    /// Uses tokens made with the Go library. The user's name has characters that Go escapes.
    #[rstest]
    #[case(include_str!("../../tests/fixtures/request-password.jwt"))]
    #[case(include_str!("../../tests/fixtures/user.jwt"))]
    #[case(include_str!("../../tests/fixtures/response-error.jwt"))]
    fn ids_are_those_that_go_computes(#[case] token: &str) {
        let payload = token.split('.').nth(1).unwrap();
        let json = BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
        let claims: Claims<Value> = serde_json::from_slice(&json).unwrap();
        assert_eq!(Some(claims.computed_id().unwrap()), claims.id);
        let other = Claims {
            issued_at: Some(1),
            ..claims
        };
        assert_ne!(Some(other.computed_id().unwrap()), other.id);
    }

    #[rstest]
    #[case("", "")]
    #[case("plain, ä, € and \u{2027}", "plain, ä, € and \u{2027}")]
    #[case("<>&", "\\u003c\\u003e\\u0026")]
    #[case("€a\u{2028}b\u{2029}€>ü.>", "€a\\u2028b\\u2029€\\u003eü.\\u003e")]
    fn go_escapes_what_could_end_a_script(#[case] json: &str, #[case] expected: &str) {
        assert_eq!(as_go_writes(json), expected);
    }

    #[test]
    fn empty_claims_count_as_absent() {
        let empty = Claims {
            name: Some(String::new()),
            expires_at: Some(0),
            nats: (),
            ..Claims::default()
        };
        assert_eq!(
            empty.computed_id().unwrap(),
            Claims::<()>::default().computed_id().unwrap()
        );
    }
}
