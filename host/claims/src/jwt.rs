//! JWTs as NATS writes them: signed with nkeys, claims of a known kind under `nats`.

mod decode;
mod id;

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::keys::{IssuerKey, KeyError, KeyKind};
use crate::lenient::or_default;

pub use decode::Signatures;
pub(crate) use decode::decode;

/// The longest token, in bytes: the Go library's limit, and the default payload limit of a server.
pub const MAX_TOKEN_SIZE: usize = 1024 * 1024;

/// The version of the claims this crate writes and the newest it reads.
pub(crate) const VERSION: i64 = 2;

/// `{"typ":"JWT","alg":"ed25519-nkey"}`, encoded. Servers look for its first letters, `eyJ`.
const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ";

/// The claims of one JWT: the registered ones, and what is under `nats`. `Debug` shows no content.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "B: Deserialize<'de> + Default"))]
pub struct Claims<B> {
    /// For whom the token is meant.
    #[serde(rename = "aud", skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// When it ends, in seconds since the Unix epoch.
    #[serde(rename = "exp", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// The token's id: a digest of the other registered claims.
    #[serde(rename = "jti", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was made, in seconds since the Unix epoch.
    #[serde(rename = "iat", skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<u64>,
    /// The public key that signed it.
    #[serde(rename = "iss", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it begins, in seconds since the Unix epoch.
    #[serde(rename = "nbf", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Whom it is about.
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Where version 1 had the kind.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) first_version_kind: Option<String>,
    /// The claims of this kind of token.
    #[serde(default, deserialize_with = "or_default")]
    pub nats: B,
}

/// What stands under `nats`.
pub trait Body {
    /// The name of the kind: `nats.type`.
    const KIND: &'static str;
    /// Which kind of key may sign it.
    const ISSUER: KeyKind;

    /// `nats.type`, as it stands.
    fn kind(&self) -> Option<&str>;
    /// `nats.version`, as it stands.
    fn version(&self) -> Option<i64>;
}

/// Why a token cannot be read or trusted. No message repeats what the token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Larger than any token.
    #[error("the token is larger than {MAX_TOKEN_SIZE} bytes")]
    TooLarge,
    /// Not `header.claims.signature`.
    #[error("not a JWT: expected three chunks separated by dots")]
    Chunks,
    /// A chunk that is not base64url without padding.
    #[error("the token's {0} is not base64url without padding")]
    Base64(&'static str),
    /// A header that is not `{"typ": …, "alg": …}`.
    #[error("the token's header is not the expected JSON")]
    Header,
    /// `typ` is not `JWT`.
    #[error("the token's header does not have the type JWT")]
    HeaderType,
    /// `alg` is not one of NATS.
    #[error("the token's algorithm is neither `ed25519-nkey` nor `ed25519`")]
    Algorithm,
    /// Claims that are not JSON of the expected form.
    #[error("the token's claims are not the expected JSON, at line {line} column {column}")]
    Claims {
        /// Where it shows, from 1.
        line: usize,
        /// Where it shows, from 1.
        column: usize,
    },
    /// Claims of a later version.
    #[error("the token's claims have version {0}, later than the 2 known here")]
    Version(i64),
    /// No issuer, or one that is not a public nkey.
    #[error("the token's issuer is not a public nkey")]
    Issuer,
    /// The signature is not the issuer's.
    #[error("the token's signature does not match its issuer")]
    Signature,
    /// Signed by a key of a kind that may not sign such tokens.
    #[error("the token is signed by a key of the kind {found}, expected {expected}")]
    IssuerKind {
        /// Who may sign.
        expected: KeyKind,
        /// Who did.
        found: KeyKind,
    },
    /// A token of another kind.
    #[error("the token is not of the type `{0}`")]
    Kind(&'static str),
}

/// Why claims could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// They could not be written as JSON.
    #[error("cannot write the claims as JSON")]
    Json(#[source] serde_json::Error),
    /// The key failed.
    #[error("cannot sign the claims")]
    Key(#[source] KeyError),
    /// The token came out larger than a server reads.
    #[error("the token would be larger than {MAX_TOKEN_SIZE} bytes; grant fewer subjects")]
    TooLarge,
}

impl<B: Body + Serialize> Claims<B> {
    /// The token: names `issuer` as issuer, sets the id, signs.
    ///
    /// # Errors
    ///
    /// When the token would be too large, or the key library fails.
    pub fn sign(self, issuer: &IssuerKey) -> Result<String, SignError> {
        self.sign_with(issuer.public_key(), |message| issuer.sign(message))
    }

    pub(crate) fn sign_with(
        mut self,
        issuer: &str,
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, KeyError>,
    ) -> Result<String, SignError> {
        self.issuer = Some(issuer.to_owned());
        self.id = Some(self.computed_id().map_err(SignError::Json)?);
        let json = serde_json::to_string(&self).map_err(SignError::Json)?;
        let mut token = format!("{HEADER}.");
        BASE64URL_NOPAD.encode_append(id::as_go_writes(&json).as_bytes(), &mut token);
        let signature = sign(token.as_bytes()).map_err(SignError::Key)?;
        token.push('.');
        BASE64URL_NOPAD.encode_append(&signature, &mut token);
        if token.len() > MAX_TOKEN_SIZE {
            return Err(SignError::TooLarge);
        }
        Ok(token)
    }
}

impl<B> fmt::Debug for Claims<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Claims")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use nkeys::KeyPair;
    use rstest::rstest;

    use super::*;

    /// A body of no particular kind.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub(crate) struct Note {
        #[serde(rename = "type")]
        kind: Option<String>,
        version: Option<i64>,
        text: Option<String>,
    }

    impl Body for Note {
        const KIND: &'static str = "note";
        const ISSUER: KeyKind = KeyKind::Account;

        fn kind(&self) -> Option<&str> {
            self.kind.as_deref()
        }

        fn version(&self) -> Option<i64> {
            self.version
        }
    }

    /// A token with any claims, under a header of choice, properly signed by `pair`.
    pub(crate) fn token_of(header: &str, claims: &str, pair: &KeyPair) -> String {
        let [header, claims] = [header, claims].map(|part| BASE64URL_NOPAD.encode(part.as_bytes()));
        let signed = format!("{header}.{claims}");
        let signature = BASE64URL_NOPAD.encode(&pair.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{signature}")
    }

    pub(crate) const HEADER_JSON: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;

    fn note(pair: &KeyPair) -> String {
        let issuer = pair.public_key();
        format!(r#"{{"iss":"{issuer}","nats":{{"type":"note","version":2,"text":"x"}}}}"#)
    }

    fn open(token: &str) -> Result<Claims<Note>, TokenError> {
        decode(token.as_bytes(), Signatures::Verify).map(|(claims, _)| claims)
    }

    #[test]
    fn the_header_is_the_one_go_writes() {
        assert_eq!(BASE64URL_NOPAD.encode(HEADER_JSON.as_bytes()), HEADER);
    }

    #[test]
    fn what_is_signed_is_read_back() {
        let seed = KeyPair::new_account().seed().unwrap();
        let issuer = IssuerKey::from_seed(&seed).unwrap();
        let claims = Claims {
            audience: Some("APP".to_owned()),
            issued_at: Some(7),
            nats: Note {
                kind: Some("note".to_owned()),
                version: Some(2),
                text: Some("ü <&> \u{2028}".to_owned()),
            },
            ..Claims::default()
        };
        let read = open(&claims.clone().sign(&issuer).unwrap()).unwrap();
        assert_eq!(read.issuer.as_deref(), Some(issuer.public_key()));
        assert_eq!(read.id, Some(read.computed_id().unwrap()));
        let expected = Claims {
            id: read.id.clone(),
            issuer: read.issuer.clone(),
            ..claims
        };
        assert!(read == expected);
        assert!(!format!("{read:?}").contains("APP"));
    }

    #[rstest]
    #[case(r#"{"typ":"jwt","alg":"ED25519-NKEY"}"#, Ok(()))]
    #[case(r#"{"alg":"ed25519","typ":"JWT","kid":"1"}"#, Ok(()))]
    #[case(r#"{"typ":"JWT","alg":"none"}"#, Err(TokenError::Algorithm))]
    #[case(r#"{"typ":"JWT","alg":"ed25519-nkey2"}"#, Err(TokenError::Algorithm))]
    #[case(r#"{"typ":"JWE","alg":"ed25519"}"#, Err(TokenError::HeaderType))]
    #[case(r#"{"typ":"JWT"}"#, Err(TokenError::Header))]
    #[case("[]", Err(TokenError::Header))]
    fn headers_are_read_as_go_reads_them(
        #[case] header: &str,
        #[case] expected: Result<(), TokenError>,
    ) {
        let pair = KeyPair::new_account();
        let token = token_of(header, &note(&pair), &pair);
        assert_eq!(open(&token).map(|_| ()), expected);
    }

    #[test]
    fn version_one_signs_the_claims_chunk_only() {
        let pair = KeyPair::new_account();
        let issuer = pair.public_key();
        let claims = format!(r#"{{"iss":"{issuer}","type":"note"}}"#);
        let chunk = BASE64URL_NOPAD.encode(claims.as_bytes());
        let header = BASE64URL_NOPAD.encode(br#"{"typ":"jwt","alg":"ed25519"}"#);
        let signature = BASE64URL_NOPAD.encode(&pair.sign(chunk.as_bytes()).unwrap());
        assert!(open(&format!("{header}.{chunk}.{signature}")).is_ok());
        let token = token_of(HEADER_JSON, &claims, &pair);
        assert_eq!(open(&token).unwrap_err(), TokenError::Signature);
    }

    #[test]
    fn every_way_to_spoil_a_token_has_its_error() {
        let pair = KeyPair::new_account();
        let other = KeyPair::new_account();
        let user = KeyPair::new_user();
        let good = note(&pair);
        let token = token_of(HEADER_JSON, &good, &pair);
        let (signed, _) = token.rsplit_once('.').unwrap();
        let claims = |text: &str| token_of(HEADER_JSON, text, &pair);
        let cases = [
            (String::new(), TokenError::Chunks),
            (signed.to_owned(), TokenError::Chunks),
            (format!("{token}."), TokenError::Chunks),
            (format!("={token}"), TokenError::Base64("header")),
            (format!("{token}="), TokenError::Base64("signature")),
            (token.replacen('.', ".=", 1), TokenError::Base64("claims")),
            (format!("{signed}."), TokenError::Signature),
            (token_of(HEADER_JSON, &good, &other), TokenError::Signature),
            (claims("{"), TokenError::Claims { line: 1, column: 1 }),
            (
                claims(&good.replace("\"x\"", "7")),
                TokenError::Claims {
                    line: 1,
                    column: 108,
                },
            ),
            (claims(&good.replace(":2", ":3")), TokenError::Version(3)),
            (
                claims(&good.replace("\"iss\"", "\"isz\"")),
                TokenError::Issuer,
            ),
            (
                claims(&good.replace("note", "user")),
                TokenError::Kind("note"),
            ),
            (
                token_of(HEADER_JSON, &note(&user), &user),
                TokenError::IssuerKind {
                    expected: KeyKind::Account,
                    found: KeyKind::User,
                },
            ),
            ("a".repeat(MAX_TOKEN_SIZE + 1), TokenError::TooLarge),
        ];
        for (token, expected) in cases {
            let start: String = token.chars().take(80).collect();
            assert_eq!(open(&token).unwrap_err(), expected, "{start}");
        }
    }
}
