//! Activation tokens.

use portcullis_claims::{ActivationClaims, ShareKind};

use super::*;

const PATH: &str = "/jwt/v1/activations";

/// A resolver that stores activations, an account of the operator, and a stranger.
struct Exporter {
    site: Site,
    own: SigningKey,
    signing: SigningKey,
    importer: PublicKey,
}

impl Exporter {
    fn new() -> Self {
        let site = Site::with(
            ResolverOptions {
                activations: true,
                ..with_bearer_token()
            },
            None,
        );
        let own = Seed::generate(KeyKind::Account).unwrap();
        let signing = Seed::generate(KeyKind::Account).unwrap();
        let mut claims = AccountClaims::new(own.public.as_str(), NOW);
        claims
            .nats
            .signing_keys
            .insert_plain(signing.public.as_str());
        let token = claims.sign(&site.operator).unwrap();
        site.store.accounts().put(&token).unwrap();
        Self {
            site,
            own: own.signer().unwrap(),
            signing: signing.signer().unwrap(),
            importer: Seed::generate(KeyKind::Account).unwrap().public,
        }
    }

    fn activation(&self, signer: &SigningKey, issued_at: u64) -> String {
        let importer = self.importer.as_str();
        let mut claims = ActivationClaims::new(importer, "orders.*", ShareKind::Stream, issued_at);
        let own = self.own.public_key();
        claims.nats.issuer_account = (signer.public_key() != own).then(|| own.to_owned());
        claims.sign(signer).unwrap()
    }

    async fn post(&self, token: &str) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let post = Method::POST;
        self.site
            .with_bearer(post, PATH, &bearer, token.to_owned())
            .await
    }
}

#[tokio::test]
async fn an_activation_of_an_account_is_stored_by_its_hash() {
    let exporter = Exporter::new();
    for (signer, issued_at) in [(&exporter.own, NOW), (&exporter.signing, NOW + 1)] {
        let token = exporter.activation(signer, issued_at);
        let stored = exporter.post(&token).await;
        assert_eq!(stored.status, StatusCode::OK, "{}", stored.text);
        let path = format!("{PATH}/{}", stored.text.trim());
        assert_eq!(exporter.site.get(&path).await.text, token);
        let decoded = exporter.site.get(&format!("{path}?decode=true")).await;
        assert!(decoded.text.contains("orders.*"), "{}", decoded.text);
    }
    let first = exporter.activation(&exporter.signing, NOW);
    assert_eq!(exporter.post(&first).await.status, StatusCode::CONFLICT);
    let unknown = exporter.site.get(&format!("{PATH}/..%2Foperator")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn activations_of_strangers_are_refused() {
    let exporter = Exporter::new();
    let stranger = Seed::generate(KeyKind::Account).unwrap().signer().unwrap();
    let mut expired = ActivationClaims::new(
        exporter.importer.as_str(),
        "orders",
        ShareKind::Stream,
        NOW - 10,
    );
    expired.expires_at = Some(NOW - 1);
    for (token, problem) in [
        ("no jwt".to_owned(), "bad activation JWT"),
        (exporter.site.stored().token, "bad activation JWT"),
        (exporter.activation(&stranger, NOW), "untrusted issuer"),
        (expired.sign(&exporter.own).unwrap(), "validation issues"),
    ] {
        let refused = exporter.post(&token).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{problem}");
        assert!(refused.text.contains(problem), "{}", refused.text);
    }
    let token = exporter.activation(&exporter.own, NOW);
    let request = Request::post(PATH).body(token.into()).unwrap();
    let unproved = exporter.site.call(request).await;
    assert_eq!(unproved.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn no_account_fills_the_disk_with_activations() {
    let exporter = Exporter::new();
    let signed = |subject: &str, issued_at| {
        let importer = exporter.importer.as_str();
        let claims = ActivationClaims::new(importer, subject, ShareKind::Stream, issued_at);
        claims.sign(&exporter.own).unwrap()
    };
    for number in 0..4 {
        let stored = exporter.post(&signed(&format!("a{number}"), NOW)).await;
        assert_eq!(stored.status, StatusCode::OK, "{}", stored.text);
    }
    let full = exporter.post(&signed("a4", NOW)).await;
    assert_eq!(full.status, StatusCode::INSUFFICIENT_STORAGE);
    assert!(
        full.text.contains("4 activations are stored"),
        "{}",
        full.text
    );
    let later = exporter.post(&signed("a0", NOW + 1)).await;
    assert_eq!(later.status, StatusCode::OK, "{}", later.text);
    let large = exporter.post(&signed(&"a".repeat(16 << 10), NOW)).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn activations_are_not_stored_by_default() {
    let site = Site::new();
    let request = Request::post(PATH).body(Body::empty()).unwrap();
    assert_eq!(site.call(request).await.status, StatusCode::NOT_FOUND);
}
