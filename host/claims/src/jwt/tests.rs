use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use rstest::rstest;

use super::sign::HEADER;
use super::*;
use crate::keys::{IssuerKey, KnownSigners};

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
    const ISSUERS: &'static [KeyKind] = &[KeyKind::Account];

    fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    fn version(&self) -> Option<i64> {
        self.version
    }
}

/// Returns a token with these claims and header, signed by `pair`.
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
    let claims = decode(token.as_bytes(), Signatures::Verify).map(|decoded| decoded.claims);
    let from_known = Claims::<Note>::decode_from_known(token, &KnownSigners::new());
    assert_eq!(
        format!("{:?}", claims.as_ref().err()),
        format!("{:?}", from_known.err())
    );
    claims
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
    let read = open(&format!("{header}.{chunk}.{signature}")).unwrap();
    assert_eq!(read.first_version_kind.as_deref(), Some("note"));
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
                expected: &[KeyKind::Account],
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
