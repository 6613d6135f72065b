//! Writes, and what refuses them.

use super::*;

#[tokio::test]
async fn a_later_version_is_stored_and_an_older_one_is_refused() {
    let site = Site::new();
    let first = site.stored().token;
    let later = site.sign(NOW + 1, |_| {});
    let answer = site.post(later.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.text, "stored\n");
    assert_eq!(site.stored().token, later);
    assert_eq!(
        site.post(later.clone()).await.status,
        StatusCode::OK,
        "again"
    );
    let replay = site.post(first).await;
    assert_eq!(replay.status, StatusCode::CONFLICT);
    assert!(
        replay.text.contains("a later version of"),
        "{}",
        replay.text
    );
    assert_eq!(site.stored().token, later);
}

#[tokio::test]
async fn a_new_account_is_stored() {
    let site = Site::new();
    site.store.accounts().delete(&site.account).unwrap();
    assert_eq!(site.get_account("").await.status, StatusCode::NOT_FOUND);
    let token = site.sign(NOW + 1, |_| {});
    assert_eq!(site.post(token.clone()).await.status, StatusCode::OK);
    assert_eq!(site.get_account("").await.text, token);
}

#[tokio::test]
async fn a_replay_brings_no_deleted_account_back() {
    let site = Site::new();
    let (earlier, last) = (site.sign(NOW - 1, |_| {}), site.stored().token);
    assert!(site.store.accounts().delete(&site.account).unwrap());
    for token in [earlier, last] {
        let answer = site.post(token).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.text.contains("was deleted"), "{}", answer.text);
    }
    assert_eq!(site.get_account("").await.status, StatusCode::NOT_FOUND);
    // The operator signs it again.
    let again = site.sign(NOW + 1, |_| {});
    assert_eq!(site.post(again).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_versions_that_the_operator_signed_are_stored() {
    let site = Site::new();
    let claims = || AccountClaims::new(site.account.as_str(), NOW + 1);
    let stranger = Seed::generate(KeyKind::Operator).unwrap().signer().unwrap();
    let account = Seed::generate(KeyKind::Account).unwrap();
    let itself = AccountClaims::new(account.public.as_str(), NOW + 1);
    let itself = itself.sign(&account.signer().unwrap()).unwrap();
    let other = AccountClaims::new(account.public.as_str(), NOW + 1);
    let expired = site.sign(NOW + 1, |claims| claims.expires_at = Some(NOW - 1));
    let mut forged = site.sign(NOW + 1, |_| {});
    forged.truncate(forged.len() - 8);
    forged.push_str("AAAAAAAA");
    for (token, problem) in [
        ("not a jwt".to_owned(), "bad JWT in request"),
        (forged, "bad JWT in request"),
        (claims().sign(&stranger).unwrap(), "untrusted issuer"),
        (other.sign(&site.operator).unwrap(), "pub keys don't match"),
        (expired, "validation issues"),
    ] {
        let answer = site.post(token).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{problem}");
        assert!(answer.text.contains(problem), "{}", answer.text);
    }
    let path = format!("/jwt/v1/accounts/{}", account.public);
    let request = Request::post(path).body(itself.into()).unwrap();
    let answer = site.call(request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let problem = "signing service not enabled";
    assert!(answer.text.contains(problem), "{}", answer.text);
    assert_eq!(site.stored().issued_at(), NOW, "nothing was stored");
}

#[tokio::test]
async fn signing_keys_are_trusted_and_the_operator_may_not_be() {
    let site = Site::new();
    let (mut operator, _) = site.store.operator().unwrap();
    let signing = Seed::generate(KeyKind::Operator).unwrap();
    operator.nats.signing_keys = vec![signing.public.to_string()];
    operator.nats.strict_signing_key_usage = true;
    site.store.put_operator(operator, NOW + 1).unwrap();
    let by_operator = site.post(site.sign(NOW + 1, |_| {})).await;
    assert_eq!(by_operator.status, StatusCode::BAD_REQUEST);
    let claims = AccountClaims::new(site.account.as_str(), NOW + 1);
    let by_signing_key = claims.sign(&signing.signer().unwrap()).unwrap();
    assert_eq!(site.post(by_signing_key).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_configured_bearer_token_is_required() {
    let site = Site::with(with_bearer_token(), None);
    let token = site.sign(NOW + 1, |_| {});
    for bearer in [
        "",
        "Bearer",
        "Bearer wrong",
        "Basic a-bearer-token-of-some-length",
    ] {
        let answer = site
            .with_bearer(Method::POST, &site.path(), bearer, token.clone())
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{bearer}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(
        site.post(token.clone()).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        site.get("/jwt/v1/pack").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        site.get_account("").await.status,
        StatusCode::OK,
        "no proof"
    );
    assert_eq!(site.stored().issued_at(), NOW);
    let bearer = format!("bearer {TOKEN}");
    let answer = site
        .with_bearer(Method::POST, &site.path(), &bearer, token)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

#[tokio::test]
async fn servers_are_told_of_a_version_and_their_answers_are_reported() {
    let told = Arc::new(Told::default());
    let site = Site::with(with_bearer_token(), Some(told.clone()));
    let token = site.sign(NOW + 1, |_| {});
    let bearer = format!("Bearer {TOKEN}");
    let answer = site
        .with_bearer(Method::POST, &site.path(), &bearer, token.clone())
        .await;
    assert_eq!(answer.text, "stored; `n1`: jwt updated\n");
    assert_eq!(told.0.lock().as_slice(), std::slice::from_ref(&token));
    let path = format!("{}?notify=true", site.path());
    assert_eq!(site.get(&path).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(told.0.lock().len(), 1);
    let answer = site
        .with_bearer(Method::GET, &path, &bearer, String::new())
        .await;
    assert_eq!(answer.text, token);
    assert_eq!(told.0.lock().len(), 2);
}

#[tokio::test]
async fn a_notification_needs_a_configured_proof() {
    let told = Arc::new(Told::default());
    let site = Site::with(ResolverOptions::default(), Some(told.clone()));
    let answer = site.get_account("?notify=true").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(told.0.lock().is_empty());
}

#[tokio::test]
async fn a_full_disk_keeps_the_stored_version() {
    let site = Site::new();
    let stored = site.stored().token;
    let later = site.sign(NOW + 1, |claims| claims.name = Some("n".repeat(1000)));
    site.disk.set_capacity(Some(site.disk.used() + 500));
    let full = site.post(later.clone()).await;
    assert_eq!(full.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(site.get_account("").await.text, stored);
    site.disk.set_capacity(None);
    assert_eq!(site.post(later.clone()).await.status, StatusCode::OK);
    assert_eq!(site.get_account("").await.text, later);
}
