//! Lookups, packs, and the operator.

use super::*;

#[tokio::test]
async fn the_probe_of_a_server_is_answered_without_caching() {
    let site = Site::new();
    for path in ["/jwt/v1/accounts", "/jwt/v1/accounts/"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.text, "");
        let caching = answer.header("cache-control");
        assert_eq!(caching, Some("no-cache, no-store, must-revalidate"));
        assert_eq!(answer.header("pragma"), Some("no-cache"));
        assert_eq!(answer.header("expires"), Some("0"));
    }
}

#[tokio::test]
async fn an_account_is_served_with_its_tag() {
    let site = Site::new();
    let answer = site.get_account("").await;
    assert_eq!(answer.status, StatusCode::OK);
    let stored = site.stored();
    assert_eq!(answer.text, stored.token);
    assert_eq!(answer.header("content-type"), Some("application/jwt"));
    let tag = format!("\"{}\"", stored.claims.id.unwrap());
    assert_eq!(answer.header("etag"), Some(tag.as_str()));
    for (known, status) in [
        (tag.clone(), StatusCode::NOT_MODIFIED),
        (format!("\"x\", W/{tag}"), StatusCode::NOT_MODIFIED),
        ("\"x\"".to_owned(), StatusCode::OK),
    ] {
        let request = Request::get(site.path()).header("if-none-match", &known);
        let answer = site.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.text.is_empty(), status == StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn the_age_in_caches_is_never_negative() {
    let site = Site::new();
    let age = async |of: &Site| {
        let answer = of.get_account("").await;
        answer.header("cache-control").unwrap().to_owned()
    };
    let stale = "stale-while-revalidate=3600, stale-if-error=3600";
    assert_eq!(age(&site).await, format!("max-age=0, {stale}"));
    let expiring = site.sign(NOW + 1, |claims| claims.expires_at = Some(NOW + 60));
    site.store.accounts().put(&expiring).unwrap();
    assert_eq!(age(&site).await, format!("max-age=60, {stale}"));
    site.clock.advance(std::time::Duration::from_secs(100));
    assert_eq!(age(&site).await, format!("max-age=0, {stale}"));
}

#[tokio::test]
async fn an_expired_account_is_served_unless_the_client_asks_for_a_check() {
    let site = Site::new();
    assert_eq!(site.get_account("?check=true").await.status, StatusCode::OK);
    let expired = site.sign(NOW + 1, |claims| claims.expires_at = Some(NOW - 1));
    site.store.accounts().put(&expired).unwrap();
    assert_eq!(site.get_account("").await.status, StatusCode::OK);
    let checked = site.get_account("?check=TRUE").await;
    assert_eq!(checked.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn unknown_accounts_and_routes_are_not_found() {
    let site = Site::new();
    let other = Seed::generate(KeyKind::Account).unwrap().public;
    for path in [
        format!("/jwt/v1/accounts/{other}"),
        "/jwt/v1/accounts/A".to_owned(),
        "/jwt/v1/accounts/..%2Foperator".to_owned(),
    ] {
        let answer = site.get(&path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.text, "no matching account JWT\n");
    }
    for path in ["/", "/jwt/v1/activations/ABC", "/jwt/v1/activations"] {
        assert_eq!(site.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let by_id = site.get_account("?jti=ABC").await;
    assert_eq!(by_id.status, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn humans_read_a_jwt_as_text_or_decoded() {
    let site = Site::new();
    let text = site.get_account("?text=true").await;
    assert_eq!(text.text, site.stored().token);
    assert_eq!(text.header("content-type"), Some("text/plain"));
    assert_eq!(text.header("etag"), None);
    let decoded = site.get_account("?decode=true").await.text;
    let (header, rest) = decoded.split_once("\r\n").unwrap();
    let (claims, signature) = rest.split_once("\r\n").unwrap();
    assert!(header.contains("    \"alg\": \"ed25519-nkey\""), "{header}");
    assert!(
        claims.contains("\"iat\": 1795300862 (2026-11-21)"),
        "{claims}"
    );
    assert!(site.stored().token.ends_with(signature));
}

#[tokio::test]
async fn tokens_of_imports_are_decoded() {
    let site = Site::new();
    let import = portcullis_claims::Import {
        token: "not-a-token".to_owned(),
        ..Default::default()
    };
    let token = site.sign(NOW + 1, |claims| claims.nats.imports = vec![import]);
    site.store.accounts().put(&token).unwrap();
    let decoded = site.get_account("?decode=true").await.text;
    assert!(decoded.contains("<bad token - not a JWT"), "{decoded}");
}

#[tokio::test]
async fn the_operator_and_the_pages_are_served() {
    let site = Site::new();
    let operator = site.get("/jwt/v1/operator").await;
    assert_eq!(operator.header("content-type"), Some("application/jwt"));
    assert_eq!(operator.text, site.store.operator().unwrap().1);
    let decoded = site.get("/jwt/v1/operator?decode=true").await;
    assert!(decoded.text.contains("\"name\": \"op\""));
    for path in ["/jwt/v1/help", "/healthz"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain"));
    }
}

#[tokio::test]
async fn a_pack_has_a_maximum() {
    let site = Site::new();
    let other = Seed::generate(KeyKind::Account).unwrap().public;
    let claims = AccountClaims::new(other.as_str(), NOW);
    let other = claims.sign(&site.operator).unwrap();
    site.store.accounts().put(&other).unwrap();
    let all = site.get("/jwt/v1/pack").await.text;
    assert_eq!(all.lines().count(), 2);
    assert!(all.contains(&format!("{}|{}", site.account, site.stored().token)));
    let one = site.get("/jwt/v1/pack?max=1").await.text;
    assert_eq!(one.lines().count(), 1);
    for max in ["10001", "-1", "many"] {
        let answer = site.get(&format!("/jwt/v1/pack?max={max}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{max}");
    }
}

#[tokio::test]
async fn a_damaged_account_fails_alone() {
    let site = Site::new();
    let damaged = Seed::generate(KeyKind::Account).unwrap().public;
    let path = format!("/store/accounts/{damaged}.jwt");
    site.disk.put(path, b"not a jwt");
    let answer = site.get(&format!("/jwt/v1/accounts/{damaged}")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.text.contains("/store"), "{}", answer.text);
    assert_eq!(site.get_account("").await.status, StatusCode::OK);
    assert_eq!(site.get("/jwt/v1/pack").await.text.lines().count(), 1);
}
