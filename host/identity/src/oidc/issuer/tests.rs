use std::fs;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::oidc::KeySource;
use crate::oidc::testing::{
    Answer, ED25519, P256, Provider, RSA, Signer, claims, ed25519, far, options, set, until,
};

const LONG: Duration = Duration::from_hours(1);

fn issuer(provider: &Provider, cool_down: Duration) -> Arc<Issuer> {
    let options = IssuerOptions {
        keys: KeySource::Jwks(provider.at("/keys")),
        cool_down,
        ..options()
    };
    let source = Source::new(&options).unwrap();
    Arc::new(Issuer::new(options, source, Outside::default()))
}

async fn try_until(
    issuer: &Arc<Issuer>,
    text: &str,
    deadline: Instant,
) -> Result<(), &'static str> {
    let token = Token::parse(text).unwrap();
    let result = issuer.verify(&token, deadline).await;
    result.map_err(|error| error.kind())
}

async fn verdict(issuer: &Arc<Issuer>, text: &str) -> Result<(), &'static str> {
    try_until(issuer, text, far()).await
}

#[tokio::test]
async fn keys_are_fetched_once_and_held() {
    let provider = Provider::start();
    provider.document("/keys", set(&[ED25519.jwk("k")]));
    let issuer = issuer(&provider, LONG);
    for _ in 0..3 {
        assert_eq!(verdict(&issuer, &ED25519.good("k")).await, Ok(()));
    }
    assert_eq!(provider.hits("/keys"), 1);
    let status = issuer.status();
    assert_eq!((status.keys, status.fetches, status.failures), (1, 1, 0));
    assert!(status.fetched_at.is_some() && status.error.is_none());
}

#[tokio::test]
async fn a_new_key_is_fetched_when_it_is_seen_once_per_cool_down() {
    let provider = Provider::start();
    provider.document("/keys", set(&[ED25519.jwk("old")]));
    let patient = issuer(&provider, LONG);
    patient.refresh().await;
    let new = p256_set();
    provider.document("/keys", new.clone());
    assert_eq!(verdict(&patient, &P256.good("new")).await, Ok(()));
    assert_eq!(
        verdict(&patient, &ED25519.good("old")).await,
        Err("keys-unavailable"),
        "a removed key"
    );
    provider.document("/keys", set(&[ED25519.jwk("old")]));
    assert_eq!(
        verdict(&patient, &ED25519.good("old")).await,
        Err("keys-unavailable")
    );
    assert_eq!(
        verdict(&patient, &ed25519().good("new")).await,
        Err("unfit-key"),
        "a key that is known"
    );
    assert_eq!(provider.hits("/keys"), 2);

    let eager = issuer(&provider, Duration::ZERO);
    for _ in 0..3 {
        assert_eq!(verdict(&eager, &P256.good("new")).await, Err("unknown-key"));
    }
    assert_eq!(provider.hits("/keys"), 5);
}

#[tokio::test]
async fn in_a_cool_down_a_token_by_a_new_key_is_not_rejected() {
    let provider = Provider::start();
    provider.document("/keys", set(&[ED25519.jwk("old")]));
    let issuer = issuer(&provider, LONG);
    issuer.refresh().await;
    let invented = verdict(&issuer, &P256.good("invented")).await;
    assert_eq!(invented, Err("unknown-key"), "the fetch did not bring it");
    provider.document("/keys", p256_set());
    let token = P256.good("new");
    let token = Token::parse(&token).unwrap();
    let error = issuer.verify(&token, far()).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("`cool-down`"), "{error}");
    issuer.refresh().await;
    assert_eq!(issuer.verify(&token, far()).await, Ok(()), "by the timer");
}

fn p256_set() -> String {
    set(&[P256.jwk("new")])
}

#[tokio::test]
async fn a_key_that_changed_under_its_id_is_fetched() {
    let provider = Provider::start();
    let next = ed25519();
    for (before, after, token) in [
        (ED25519.jwk("k"), next.jwk("k"), next.good("k")),
        (RSA.jwk("k"), next.jwk("k"), next.good("k")),
        (
            ED25519.jwk(""),
            next.jwk(""),
            next.token(&json!({ "alg": "EdDSA" }), &claims()),
        ),
    ] {
        provider.document("/keys", set(&[before]));
        let issuer = issuer(&provider, LONG);
        issuer.refresh().await;
        provider.document("/keys", set(&[after]));
        assert_eq!(verdict(&issuer, &token).await, Ok(()));
        let forged = ed25519().good("k");
        let hits = provider.hits("/keys");
        assert!(verdict(&issuer, &forged).await.is_err());
        assert_eq!(
            provider.hits("/keys"),
            hits,
            "a forged token caused a fetch"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_unknown_keys_causes_one_fetch_and_delays_no_login() {
    let provider = Provider::start();
    provider.document("/keys", set(&[ED25519.jwk("k")]));
    let issuer = issuer(&provider, LONG);
    issuer.refresh().await;
    let (release, held) = Answer::held(set(&[ED25519.jwk("k"), P256.jwk("new")]));
    provider.answer("/keys", held);
    let mut storm = tokio::task::JoinSet::new();
    for number in 0..900 {
        let issuer = Arc::clone(&issuer);
        let stranger = if number % 9 == 0 {
            P256.good("new")
        } else {
            P256.good(&format!("unknown {number}"))
        };
        storm.spawn(async move { verdict(&issuer, &stranger).await });
    }
    until(|| issuer.waiting.available_permits() == MAX_WAITING - 900).await;
    for _ in 0..100 {
        assert_eq!(verdict(&issuer, &ED25519.good("k")).await, Ok(()));
    }
    drop(release);
    let verdicts = storm.join_all().await;
    assert_eq!(
        verdicts.iter().filter(|verdict| verdict.is_ok()).count(),
        100
    );
    assert_eq!(provider.hits("/keys"), 2);
    assert_eq!(
        verdict(&issuer, &P256.good("later")).await,
        Err("keys-unavailable")
    );
    assert_eq!(provider.hits("/keys"), 2);
}

#[tokio::test]
async fn no_more_wait_than_there_are_places() {
    let provider = Provider::start();
    let (release, held) = Answer::held(set(&[ED25519.jwk("k")]));
    provider.answer("/keys", held);
    let issuer = issuer(&provider, LONG);
    let places = u32::try_from(MAX_WAITING).unwrap();
    let taken = issuer.waiting.try_acquire_many(places).unwrap();
    assert_eq!(
        verdict(&issuer, &ED25519.good("k")).await,
        Err("keys-unavailable")
    );
    drop(taken);
    drop(release);
    assert_eq!(verdict(&issuer, &ED25519.good("k")).await, Ok(()));
}

#[tokio::test]
async fn a_deadline_ends_the_waiting_but_not_the_fetch() {
    let provider = Provider::start();
    let (release, held) = Answer::held(set(&[ED25519.jwk("k")]));
    provider.answer("/keys", held);
    let issuer = issuer(&provider, LONG);
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(
        try_until(&issuer, &ED25519.good("k"), soon).await,
        Err("deadline")
    );
    drop(release);
    until(|| issuer.status().keys == 1).await;
    assert_eq!(verdict(&issuer, &ED25519.good("k")).await, Ok(()));
    assert_eq!(provider.hits("/keys"), 1);
}

#[tokio::test]
async fn keys_stay_in_use_while_the_issuer_is_down_or_has_none() {
    let provider = Provider::start();
    provider.document("/keys", set(&[ED25519.jwk("k")]));
    let issuer = issuer(&provider, Duration::ZERO);
    issuer.refresh().await;
    for document in [
        "",
        "{}",
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"oct","k":"AA"}]}"#,
    ] {
        provider.document("/keys", document);
        issuer.refresh().await;
        assert_eq!(
            verdict(&issuer, &ED25519.good("k")).await,
            Ok(()),
            "{document}"
        );
        assert_eq!(
            verdict(&issuer, &P256.good("new")).await,
            Err("keys-unavailable")
        );
        assert_eq!(
            verdict(&issuer, &ed25519().good("k")).await,
            Err("wrong-signature")
        );
    }
    let status = issuer.status();
    assert_eq!((status.keys, status.fetches, status.failures), (1, 13, 12));
    assert!(status.error.unwrap().contains("has no key for signatures"));
    provider.document("/keys", p256_set());
    issuer.refresh().await;
    assert_eq!(
        verdict(&issuer, &ED25519.good("k")).await,
        Err("unknown-key")
    );
    assert_eq!(issuer.status().error, None);
}

#[tokio::test]
async fn without_keys_no_token_is_verified() {
    let provider = Provider::start();
    let issuer = issuer(&provider, LONG);
    for _ in 0..3 {
        assert_eq!(
            verdict(&issuer, &ED25519.good("k")).await,
            Err("keys-unavailable")
        );
    }
    assert_eq!(provider.hits("/keys"), 1);
    let token = ED25519.good("k");
    let error = issuer
        .verify(&Token::parse(&token).unwrap(), far())
        .await
        .unwrap_err();
    assert!(error.is_unavailable());
    assert!(
        error.to_string().contains("answers with status 404"),
        "{error}"
    );
    assert_eq!(issuer.status().fetched_at, None);
}

#[tokio::test]
async fn a_timer_keeps_keys_fresh_and_drops_what_was_removed() {
    let provider = Provider::start();
    provider.document("/keys", set(&[ED25519.jwk("k"), P256.jwk("new")]));
    let options = IssuerOptions {
        keys: KeySource::Jwks(provider.at("/keys")),
        refresh: Duration::from_millis(1),
        ..options()
    };
    let source = Source::new(&options).unwrap();
    let issuer = Arc::new(Issuer::new(options, source, Outside::default()));
    let timer = tokio::spawn(Arc::clone(&issuer).keep_fresh());
    until(|| issuer.status().keys == 2).await;
    provider.document("/keys", p256_set());
    until(|| issuer.status().keys == 1).await;
    timer.abort();
}

#[test]
fn the_timer_waits_for_as_long_as_the_options_say() {
    let (minute, hour) = (Duration::from_mins(1), Duration::from_hours(1));
    let web = KeySource::Jwks("https://idp.example/keys".parse().unwrap());
    let file = KeySource::File("keys.json".into());
    for (keys, refresh, cool_down, failed, expected) in [
        (&web, hour, minute, false, hour),
        (&web, hour, minute, true, minute),
        (&web, minute, hour, true, minute),
        (&web, Duration::ZERO, minute, false, TICK),
        (&file, hour, minute, false, TICK),
        (&file, hour, minute, true, TICK),
    ] {
        let options = IssuerOptions {
            keys: keys.clone(),
            refresh,
            cool_down,
            ..options()
        };
        let source = Source::new(&options).unwrap();
        let issuer = Issuer::new(options, source, Outside::default());
        let error = failed.then(|| "gone".to_owned());
        issuer.held.store(Arc::new(Held {
            error,
            ..Held::default()
        }));
        assert_eq!(issuer.pause(), expected, "{refresh:?} {failed}");
    }
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    fs::write(&path, set(&[ED25519.jwk("k")])).unwrap();
    let options = IssuerOptions {
        keys: KeySource::File(path.clone()),
        cool_down: LONG,
        refresh: LONG,
        ..options()
    };
    let source = Source::new(&options).unwrap();
    let issuer = Arc::new(Issuer::new(options, source, Outside::default()));
    let timer = tokio::spawn(Arc::clone(&issuer).keep_fresh());
    until(|| issuer.status().keys == 1).await;
    let new = folder.path().join("new.json");
    fs::write(&new, set(&[P256.jwk("a"), P256.jwk("b")])).unwrap();
    fs::rename(&new, &path).unwrap();
    until(|| issuer.status().keys == 2).await;
    fs::remove_file(&path).unwrap();
    until(|| issuer.status().error.is_some()).await;
    assert_eq!(verdict(&issuer, &signed_by_b()).await, Ok(()));
    fs::write(&path, set(&[ED25519.jwk("k")])).unwrap();
    until(|| issuer.status().keys == 1).await;
    // A FIFO blocks a reader until it has a writer.
    fs::remove_file(&path).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).unwrap();
    let is_fifo = |error: String| error.contains("is a FIFO");
    until(|| issuer.status().error.is_some_and(is_fifo)).await;
    fs::remove_file(&path).unwrap();
    fs::write(&path, set(&[P256.jwk("a"), P256.jwk("b")])).unwrap();
    until(|| issuer.status().keys == 2).await;
    timer.abort();
}

fn signed_by_b() -> String {
    let signer: &Signer = &P256;
    signer.good("b")
}

#[tokio::test]
async fn an_unknown_key_has_a_file_read_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    fs::write(&path, set(&[ED25519.jwk("k")])).unwrap();
    let options = IssuerOptions {
        keys: KeySource::File(path.clone()),
        ..options()
    };
    let source = Source::new(&options).unwrap();
    let issuer = Arc::new(Issuer::new(options, source, Outside::default()));
    issuer.refresh().await;
    fs::write(&path, set(&[P256.jwk("b")])).unwrap();
    assert_eq!(verdict(&issuer, &signed_by_b()).await, Ok(()));
}
