#![expect(
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "tables of cases, told apart by what they do"
)]
use std::fs;
use std::path::Path;
use std::time::Duration;

use portcullis_core::Allowed;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::oidc::testing::{
    Answer, ED25519, ISSUER, NOW, P256, Provider, RSA, base64, claims, ed25519, far, options, set,
    until,
};
use crate::oidc::{FetchError, KeySource, TokenAlgorithm};

/// Returns a verifier for one issuer with the keys `rsa`, `ec` and `ed` in a file.
fn verifier() -> (TempDir, TokenVerifier) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    fs::write(
        &path,
        set(&[RSA.jwk("rsa"), P256.jwk("ec"), ED25519.jwk("ed")]),
    )
    .unwrap();
    let keys = KeySource::File(path);
    let options = IssuerOptions { keys, ..options() };
    (folder, TokenVerifier::new(vec![options]).unwrap())
}

async fn kind(verifier: &TokenVerifier, token: &str) -> Result<VerifiedToken, &'static str> {
    let result = verifier.verify(token, NOW, far()).await;
    result.map_err(|error| error.kind())
}

#[tokio::test]
async fn a_good_token_has_principal_expiry_and_groups() {
    let (_folder, verifier) = verifier();
    let mut all = claims();
    all["roles"] = json!(["admin", "ops"]);
    all["scope"] = json!("read write");
    let token = RSA.token(&json!({ "alg": "PS256", "kid": "rsa" }), &all);
    let verified = verifier.verify(&token, NOW, far()).await.unwrap();
    assert_eq!(verified.issuer_name, "idp");
    assert_eq!(verified.issuer, ISSUER);
    assert_eq!(verified.principal.as_deref(), Some("alice"));
    assert_eq!(verified.expires_at, NOW + 600);
    assert_eq!(verified.groups, ["admin", "ops", "read", "write"]);
    assert_eq!(
        verified.claims,
        Claims::from_json(&all.to_string()).unwrap()
    );
}

#[tokio::test]
async fn only_the_issuer_signs() {
    let (_folder, verifier) = verifier();
    let good = ED25519.good("ed");
    let (message, signature) = good.rsplit_once('.').unwrap();
    let unsigned = format!(
        "{}.{}.",
        base64(r#"{"alg":"none"}"#),
        base64(claims().to_string())
    );
    // The public key, which all clients know, as the secret of an HMAC.
    let public = RSA.jwk("rsa")["n"].as_str().unwrap().to_owned();
    let hmac_message = format!(
        "{}.{}",
        base64(r#"{"alg":"HS256","kid":"rsa"}"#),
        base64(claims().to_string())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, hmac_message.as_bytes());
    let own_key = json!({ "alg": "EdDSA", "kid": "ed", "jwk": ed25519().jwk("ed") });
    for (token, expected) in [
        (good.clone(), None),
        // The first token has caused a fetch, so the cool-down runs.
        (ED25519.good("none"), Some("keys-unavailable")),
        (unsigned, Some("unsigned")),
        (format!("{hmac_message}.{}", base64(tag)), Some("symmetric")),
        (ed25519().good("ed"), Some("wrong-signature")),
        (
            ed25519().token(&own_key, &claims()),
            Some("wrong-signature"),
        ),
        (format!("{message}."), Some("wrong-signature")),
        (
            format!("{message}.{}", base64([0; 64])),
            Some("wrong-signature"),
        ),
        (
            format!("{message}.{}AAAA", signature.trim_end_matches('A')),
            Some("wrong-signature"),
        ),
        (ED25519.good("ec"), Some("unfit-key")),
    ] {
        let found = kind(&verifier, &token).await.err();
        // A text of another length may not be base64 at all.
        assert!(
            found == expected || (found == Some("malformed") && token.ends_with("AAAA")),
            "{found:?} {expected:?}"
        );
    }
}

#[tokio::test]
async fn no_byte_of_a_token_can_be_changed() {
    let (_folder, verifier) = verifier();
    let good = ED25519.good("ed");
    assert!(kind(&verifier, &good).await.is_ok());
    for index in 0..good.len() {
        for other in ['A', 'B', 'g', '_', '.'] {
            let mut changed = good.clone();
            changed.replace_range(index..=index, &other.to_string());
            if changed != good {
                assert!(kind(&verifier, &changed).await.is_err(), "{index} {other}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_held_to_the_rules_of_its_own_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = |name: &str, iss: &str, audience: &str| {
        let path = folder.path().join(name);
        fs::write(&path, set(&[ED25519.jwk("k")])).unwrap();
        IssuerOptions {
            audiences: Allowed::only([audience.to_owned()]).unwrap(),
            keys: KeySource::File(path),
            ..IssuerOptions::new(name, iss)
        }
    };
    let verifier =
        TokenVerifier::new(vec![issuer("one", "a", "x"), issuer("two", "b", "y")]).unwrap();
    for (iss, aud, expected) in [
        (json!("a"), "x", Ok("one")),
        (json!("b"), "y", Ok("two")),
        (json!("a"), "y", Err("wrong-audience")),
        (json!("b"), "x", Err("wrong-audience")),
        (json!("c"), "x", Err("unknown-issuer")),
        (json!("A"), "x", Err("unknown-issuer")),
        (json!("a/"), "x", Err("unknown-issuer")),
        (json!(""), "x", Err("unknown-issuer")),
        (json!(["a"]), "x", Err("no-issuer")),
        (json!(null), "x", Err("no-issuer")),
    ] {
        let claims = json!({ "iss": iss, "aud": aud, "exp": NOW + 60 });
        let token = ED25519.token(&json!({ "alg": "EdDSA", "kid": "k" }), &claims);
        let found = kind(&verifier, &token).await;
        assert_eq!(
            found.map(|token| token.issuer_name),
            expected.map(str::to_owned),
            "{iss}"
        );
    }
}

#[tokio::test]
async fn a_jwt_svid_is_issued_by_the_trust_domain_of_its_subject() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.json");
    let mut key = P256.jwk("k");
    key["use"] = json!("jwt-svid");
    fs::write(&path, set(&[key])).unwrap();
    let mesh = IssuerOptions {
        audiences: Allowed::only(["nats".to_owned()]).unwrap(),
        keys: KeySource::File(path),
        ..IssuerOptions::new("mesh", "spiffe://example.org")
    };
    let verifier = TokenVerifier::new(vec![mesh]).unwrap();
    let workload = "spiffe://example.org/ns/prod/sa/api";
    for (iss, sub, aud, expected) in [
        (json!(null), workload, "nats", Ok(())),
        (json!("https://spire.example"), workload, "nats", Ok(())),
        (json!("spiffe://example.org"), workload, "nats", Ok(())),
        (
            json!(["spiffe://example.org"]),
            workload,
            "nats",
            Err("no-issuer"),
        ),
        (json!(null), workload, "web", Err("wrong-audience")),
        (
            json!(null),
            "spiffe://other.org/ns",
            "nats",
            Err("unknown-trust-domain"),
        ),
        (
            json!(null),
            "spiffe://example.org/",
            "nats",
            Err("no-issuer"),
        ),
        (json!(null), "alice", "nats", Err("no-issuer")),
        (
            json!("spiffe://example.org"),
            "spiffe://other.org/a",
            "nats",
            Err("other-trust-domain"),
        ),
        (
            json!("spiffe://example.org"),
            "alice",
            "nats",
            Err("other-trust-domain"),
        ),
    ] {
        let mut claims = json!({ "sub": sub, "aud": [aud], "exp": NOW + 60 });
        if !iss.is_null() {
            claims["iss"] = iss.clone();
        }
        let token = P256.token(&json!({ "alg": "ES256", "kid": "k" }), &claims);
        let found = kind(&verifier, &token).await;
        assert_eq!(
            found.as_ref().map(|_| ()).map_err(|kind| *kind),
            expected,
            "{claims}"
        );
        if let Ok(found) = found {
            assert_eq!(found.issuer, "spiffe://example.org");
            assert_eq!(found.principal.as_deref(), Some(sub));
        }
    }
}

#[tokio::test]
async fn refusals_show_nothing_of_the_token_but_names() {
    let (_folder, verifier) = verifier();
    let mut all = claims();
    all["sub"] = json!("hunter2-subject");
    all["aud"] = json!("hunter2-audience");
    all["nbf"] = json!("hunter2-time");
    for iss in [ISSUER, "https://else.example"] {
        all["iss"] = json!(iss);
        let token = ED25519.token(
            &json!({ "alg": "EdDSA", "kid": "ed", "typ": "hunter2" }),
            &all,
        );
        let error = verifier.verify(&token, NOW, far()).await.unwrap_err();
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("hunter2"), "{text}");
            assert!(token.split('.').all(|part| !text.contains(part)), "{text}");
        }
    }
    let verified = verifier
        .verify(&ED25519.good("ed"), NOW, far())
        .await
        .unwrap();
    assert!(!format!("{:?}", verified.claims).contains("alice"));
}

#[tokio::test]
async fn an_expired_or_misdirected_token_causes_no_fetch() {
    let provider = Provider::start();
    let options = IssuerOptions {
        keys: KeySource::Jwks(provider.at("/keys")),
        ..options()
    };
    let verifier = TokenVerifier::new(vec![options]).unwrap();
    for changes in [
        json!({ "exp": NOW - 60 }),
        json!({ "aud": "web" }),
        json!({ "iss": "other" }),
    ] {
        let mut all = claims();
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        let token = ED25519.token(&json!({ "alg": "EdDSA", "kid": "k" }), &all);
        assert!(kind(&verifier, &token).await.is_err());
    }
    assert_eq!(provider.requests().len(), 0);
}

#[tokio::test]
async fn starting_fetches_all_keys_and_waits_for_none() {
    let (quick, slow) = (Provider::start(), Provider::start());
    quick.document("/keys", set(&[ED25519.jwk("k")]));
    slow.answer("/keys", Answer::Silence);
    let issuer = |name: &str, provider: &Provider| IssuerOptions {
        keys: KeySource::Jwks(provider.at("/keys")),
        timeout: Duration::from_hours(1),
        ..IssuerOptions::new(name, name)
    };
    let verifier =
        TokenVerifier::new(vec![issuer("slow", &slow), issuer("quick", &quick)]).unwrap();
    assert_eq!(verifier.status()[1].fetches, 0);
    verifier.start();
    verifier.start();
    until(|| verifier.status()[1].keys == 1).await;
    let claims = json!({ "iss": "quick", "exp": NOW + 60 });
    let token = ED25519.token(&json!({ "alg": "EdDSA", "kid": "k" }), &claims);
    assert!(kind(&verifier, &token).await.is_ok());
    assert_eq!(quick.hits("/keys"), 1);
    let names: Vec<String> = verifier
        .status()
        .into_iter()
        .map(|status| status.name)
        .collect();
    assert_eq!(names, ["slow", "quick"]);
}

#[tokio::test]
async fn dropping_the_verifier_ends_its_timers() {
    let provider = Provider::start();
    let options = IssuerOptions {
        keys: KeySource::Jwks(provider.at("/keys")),
        ..options()
    };
    let verifier = TokenVerifier::new(vec![options]).unwrap();
    verifier.start();
    let issuer = Arc::downgrade(&verifier.issuers[0]);
    until(|| verifier.status()[0].fetches == 1).await;
    drop(verifier);
    until(|| issuer.upgrade().is_none()).await;
}

#[tokio::test]
async fn a_succeeding_verifier_keeps_the_keys_of_unchanged_issuers_and_needs_those_of_changed_ones()
{
    let provider = Provider::start();
    provider.document("/keys", set(&[ED25519.jwk("k")]));
    let named = |name: &str, path: &str, audience: &str| IssuerOptions {
        name: name.to_owned(),
        issuer: name.to_owned(),
        audiences: Allowed::only([audience.to_owned()]).unwrap(),
        keys: KeySource::Jwks(provider.at(path)),
        ..options()
    };
    let same = || named("same", "/keys", "nats");
    let former = TokenVerifier::new(vec![same(), named("changed", "/keys", "nats")]).unwrap();
    former.start();
    until(|| former.status().iter().all(|status| status.keys == 1)).await;
    let hits = provider.hits("/keys");

    let changed = named("changed", "/keys", "other");
    let new = named("new", "/nowhere", "nats");
    let next = TokenVerifier::succeeding(vec![same(), changed, new], Some(&former)).unwrap();
    assert!(Arc::ptr_eq(&next.issuers[0], &former.issuers[0]));
    assert_eq!(next.status()[1].keys, 0);
    next.fetch_changed(&former).await.unwrap();
    assert_eq!(next.status()[1].keys, 1);
    assert_eq!(provider.hits("/keys"), hits + 1, "only the changed one");

    let lost = named("changed", "/nowhere", "other");
    let lost = TokenVerifier::succeeding(vec![same(), lost], Some(&former)).unwrap();
    let error = lost.fetch_changed(&former).await.unwrap_err();
    assert!(
        matches!(error, TokenError::KeysUnavailable { .. }),
        "{error}"
    );
}

#[test]
fn options_that_cannot_work_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let none = folder.path().join("none");
    let web = options;
    let with_keys = |path: &Path| IssuerOptions {
        keys: KeySource::File(path.to_owned()),
        ..options()
    };
    for (issuers, expected) in [
        (vec![web()], None),
        (vec![], None),
        (
            vec![IssuerOptions::new("a", "")],
            Some("`a` has no `issuer`"),
        ),
        (
            vec![web(), IssuerOptions::new("b", ISSUER)],
            Some("`idp` and `b` have the same `issuer`"),
        ),
        (
            vec![IssuerOptions {
                algorithms: vec![],
                ..web()
            }],
            Some("`idp` has no `algorithms`"),
        ),
        (
            vec![IssuerOptions::new("a", "http://idp.example")],
            Some(
                "the keys of `a` are at an address that cannot be used: it is not `https`; set `allow-http` if no other machine can come between",
            ),
        ),
        (
            vec![with_keys(&none)],
            Some("`idp` has a file that cannot be used"),
        ),
        (
            vec![with_keys(&file("no.json", "{}"))],
            Some("`idp` has a file that cannot be used"),
        ),
        (
            vec![with_keys(&file("keys.json", &set(&[RSA.jwk("k")])))],
            None,
        ),
        (
            vec![IssuerOptions {
                ca_file: Some(none.clone()),
                ..web()
            }],
            Some("`idp` has a file that cannot be used"),
        ),
        (
            vec![IssuerOptions {
                ca_file: Some(file("ca.pem", "no")),
                ..web()
            }],
            Some("`idp` has a file that cannot be used"),
        ),
        (
            vec![IssuerOptions {
                bearer_token_file: Some(none.clone()),
                ..web()
            }],
            Some("`idp` has a file that cannot be used"),
        ),
        (
            vec![IssuerOptions {
                bearer_token_file: Some(file("token", "t")),
                ..web()
            }],
            None,
        ),
    ] {
        let found = TokenVerifier::new(issuers)
            .err()
            .map(|error| error.to_string());
        assert_eq!(found.as_deref(), expected);
    }
    let error = TokenVerifier::new(vec![with_keys(&none)]).unwrap_err();
    assert!(matches!(
        error,
        TokenSetupError::File {
            source: FetchError::File { .. },
            ..
        }
    ));
}

#[test]
fn algorithms_are_read_by_their_names() {
    for algorithm in TokenAlgorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
    }
    assert_eq!("Ed25519".parse(), Ok(TokenAlgorithm::EdDsa));
    for name in [
        "none", "HS256", "HS384", "HS512", "ES512", "ES256K", "rs256", "",
    ] {
        assert!(name.parse::<TokenAlgorithm>().is_err(), "{name}");
    }
}
