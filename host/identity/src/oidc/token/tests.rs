use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::oidc::testing::{ED25519, base64, claims};

fn with_header(header: &str) -> String {
    format!("{}.{}.{}", base64(header), base64("{}"), base64("s"))
}

fn kind(text: &str) -> &'static str {
    match Token::parse(text) {
        Ok(_) => "good",
        Err(error) => error.kind(),
    }
}

#[test]
fn a_token_is_taken_apart() {
    let header =
        json!({ "alg": "EdDSA", "kid": "k", "typ": "at+jwt", "jku": "https://evil.example" });
    let text = ED25519.token(&header, &claims());
    let token = Token::parse(&text).unwrap();
    assert_eq!(token.algorithm, TokenAlgorithm::EdDsa);
    assert_eq!(token.key.as_deref(), Some("k"));
    assert_eq!(token.r#type.as_deref(), Some("at+jwt"));
    assert_eq!(token.claims.texts("sub"), ["alice"]);
    assert_eq!(format!("{}.{}", token.message, token.signature), text);
}

#[test]
fn headers_that_are_refused() {
    for (header, expected) in [
        (r#"{"alg":"RS256"}"#, "good"),
        (r#"{"alg":"Ed25519"}"#, "good"),
        (
            r#"{"alg":"RS256","jwk":{"kty":"oct"},"x5c":[],"other":1}"#,
            "good",
        ),
        (r#"{"alg":"none"}"#, "unsigned"),
        (r#"{"alg":"nOnE"}"#, "unsigned"),
        (r#"{"alg":"HS256"}"#, "symmetric"),
        (r#"{"alg":"HS384"}"#, "symmetric"),
        (r#"{"alg":"HS512"}"#, "symmetric"),
        (r#"{"alg":"ES512"}"#, "unknown-algorithm"),
        (r#"{"alg":"rs256"}"#, "unknown-algorithm"),
        (r#"{"alg":""}"#, "unknown-algorithm"),
        (r#"{"alg":"RS256","crit":["exp"]}"#, "unsupported"),
        (r#"{"alg":"RS256","crit":null}"#, "unsupported"),
        (r#"{"alg":"RS256","b64":false}"#, "unsupported"),
        (r#"{"alg":"RS256","b64":true}"#, "unsupported"),
        (r#"{"alg":"RS256","zip":"DEF"}"#, "unsupported"),
        (r#"{"alg":"RS256","enc":"A128GCM"}"#, "unsupported"),
        (r#"{"alg":"RS256","alg":"none"}"#, "malformed"),
        (r#"{"alg":"RS256","kid":"a","kid":"b"}"#, "malformed"),
        (r#"{"alg":"RS256","kid":1}"#, "malformed"),
        (r#"{"alg":["RS256"]}"#, "malformed"),
        (r#"{"typ":"JWT"}"#, "malformed"),
        ("[]", "malformed"),
        ("", "malformed"),
    ] {
        assert_eq!(kind(&with_header(header)), expected, "{header}");
    }
}

#[test]
fn texts_that_are_no_tokens() {
    let header = base64(r#"{"alg":"RS256"}"#);
    let body = base64("{}");
    for text in [
        String::new(),
        "..".to_owned(),
        header.clone(),
        format!("{header}.{body}"),
        format!("{header}.{body}.cw.cw"),
        format!("{header}.{body}.cw.cw.cw"),
        format!("{header}.{body}.c"),
        format!("{header}.{body}.cw=="),
        format!("{header}.{body}.c/"),
        format!("{header}.{}.cw", base64("[]")),
        format!("{header}.{}.cw", base64("{")),
        format!("{header}.{}.cw", base64(b"{\"a\":\"\xff\"}")),
        format!(
            "{header}.{}.cw",
            base64(format!("{{\"a\":{}", "[".repeat(5000)))
        ),
        format!(" {header}.{body}.cw"),
    ] {
        assert_eq!(kind(&text), "malformed", "{text}");
    }
    let long = format!("{header}.{}.cw", base64(" ".repeat(MAX_TOKEN_SIZE)));
    assert_eq!(kind(&long), "too-large");
    let size = MAX_TOKEN_SIZE - header.len() - body.len() - 2;
    let longest = format!("{header}.{body}.{}", "A".repeat(size));
    assert_eq!(kind(&longest), "good");
    assert_eq!(kind(&format!("{longest}A")), "too-large");
}

#[test]
fn errors_of_claims_say_what_is_wrong() {
    let header = base64(r#"{"alg":"RS256"}"#);
    let nested = format!("{{\"a\":{}{}}}", "[".repeat(128), "]".repeat(128));
    for (claims, problem) in [
        (b"[]".to_vec(), "not an object"),
        (br#"{"a":"\ud800"}"#.to_vec(), "not JSON in UTF-8"),
        (b"{\"a\":\"\xff\"}".to_vec(), "not JSON in UTF-8"),
        (nested.into_bytes(), "127 levels"),
    ] {
        let text = format!("{header}.{}.cw", base64(claims));
        let error = Token::parse(&text).map(drop).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn a_byte_order_mark_is_reported() {
    let marked = format!("\u{feff}{}", ED25519.good("k"));
    assert_eq!(
        shape(&marked),
        Shape::Broken("there is a byte order mark before it")
    );
}

#[test]
fn what_looks_like_a_token() {
    let body = base64("{}");
    for (text, expected) in [
        (ED25519.good("k"), true),
        (with_header(r#"{"alg":"none"}"#), true),
        (format!("{}.{body}.", base64(r#"{"alg":"none"}"#)), true),
        (with_header(r#"{"alg":"HS256","typ":"JWT"}"#), true),
        (with_header(r#"{"alg":"ed25519-nkey","typ":"JWT"}"#), false),
        (with_header(r#"{"alg":"ed25519","typ":"jwt"}"#), false),
        (with_header(r#"{"alg":"RS256","alg":"none"}"#), true),
        (format!("\u{feff}{}", ED25519.good("k")), false),
        (with_header(r#"{"typ":"JWT"}"#), false),
        (with_header(r#"{"alg":1}"#), false),
        (with_header("[]"), false),
        ("correct.horse.battery".to_owned(), false),
        ("hunter2".to_owned(), false),
        (String::new(), false),
        (format!("{}..cw", base64(r#"{"alg":"RS256"}"#)), false),
        (format!("{}.{body}.s=", base64(r#"{"alg":"RS256"}"#)), false),
        (
            format!("{}.{body} .cw", base64(r#"{"alg":"RS256"}"#)),
            false,
        ),
        (format!("Bearer {}", ED25519.good("k")), false),
    ] {
        assert_eq!(looks_like_token(&text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "[-_.A-Za-z0-9{}\" ]{0,64}|.{0,64}") {
        let _ = looks_like_token(&text);
        if let Err(error) = Token::parse(&text) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn no_header_breaks_the_reader(alg in ".{0,80}", kid in ".{0,80}") {
        let header = json!({ "alg": alg, "kid": kid }).to_string();
        if let Err(error) = Token::parse(&with_header(&header)) {
            let text = error.to_string();
            prop_assert!(text.is_ascii() && text.len() < 1000 && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn every_readable_token_looks_like_a_token(header in r#"\{"alg":"[A-Z0-9]{0,5}"(,"kid":"[a-z]{0,3}")?\}"#) {
        let text = with_header(&header);
        prop_assert!(Token::parse(&text).is_err() || looks_like_token(&text));
    }
}
