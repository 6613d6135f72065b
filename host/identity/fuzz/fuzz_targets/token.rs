//! Tokens of identity providers: accepted tokens fulfil the rules, and no error shows too much.
#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use portcullis_core::Allowed;
use portcullis_identity::{IssuerOptions, RequiredClaim, fuzzing, looks_like_token};
use portcullis_identity_fuzz::{ISSUER, check_error, token_of};

const NOW: u64 = 1_800_000_000;

static ISSUERS: LazyLock<[IssuerOptions; 2]> = LazyLock::new(|| {
    let lenient = IssuerOptions {
        principal: vec!["email".to_owned(), "sub".to_owned(), "/a/b".to_owned()],
        ..IssuerOptions::new("idp", ISSUER)
    };
    let strict = IssuerOptions {
        audiences: only("nats"),
        token_types: only("at+jwt"),
        max_age: Some(Duration::from_secs(3600)),
        leeway: Duration::ZERO,
        required_claims: vec![RequiredClaim {
            path: "tenant.name".to_owned(),
            values: only("a"),
        }],
        ..IssuerOptions::new("idp", ISSUER)
    };
    [lenient, strict]
});

fn only(value: &str) -> Allowed<String> {
    let mut allowed = Allowed::Any;
    allowed.add(value.to_owned());
    allowed
}

fuzz_target!(|data: &[u8]| {
    let Some(token) = token_of(data) else { return };
    let looks = looks_like_token(&token);
    let [lenient, strict] = ISSUERS.each_ref().map(|issuer| {
        let judged = fuzzing::judge(&token, issuer, NOW);
        match &judged {
            Ok(judged) => {
                assert!(looks, "{token}");
                assert!(judged.expires_at > NOW);
                assert!(judged.principal.as_deref() != Some(""));
                let groups: HashSet<&String> = judged.groups.iter().collect();
                assert_eq!(groups.len(), judged.groups.len());
                assert!(judged.groups.iter().all(|group| !group.is_empty()));
            }
            Err(error) => check_error(&error.to_string()),
        }
        judged
    });
    if let Ok(strict) = strict {
        let lenient = lenient.expect("stricter rules let nothing more pass");
        assert!(strict.expires_at <= lenient.expires_at);
        assert!(strict.claims.texts("aud").contains(&"nats".to_owned()));
        assert_eq!(
            strict
                .claims
                .texts("tenant.name")
                .first()
                .map(String::as_str),
            Some("a")
        );
    }
});
