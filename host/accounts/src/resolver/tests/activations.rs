//! Activation tokens.

use std::time::Duration;

use portcullis_claims::{ActivationClaims, ShareKind};
use portcullis_files::Disk as _;

use super::*;
use crate::activations::ActivationLimits;

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
                activation_limits: ActivationLimits {
                    total: 3,
                    per_account: 2,
                },
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
        self.signed(signer, "orders.*", issued_at, None)
    }

    /// Returns an activation for `subject`.
    fn signed(
        &self,
        signer: &SigningKey,
        subject: &str,
        issued_at: u64,
        expires_at: Option<u64>,
    ) -> String {
        let importer = self.importer.as_str();
        let mut claims = ActivationClaims::new(importer, subject, ShareKind::Stream, issued_at);
        let own = self.own.public_key();
        claims.nats.issuer_account = (signer.public_key() != own).then(|| own.to_owned());
        claims.expires_at = expires_at;
        claims.sign(signer).unwrap()
    }

    /// Stores another account of the operator.
    fn other_account(&self) -> SigningKey {
        let seed = Seed::generate(KeyKind::Account).unwrap();
        let claims = AccountClaims::new(seed.public.as_str(), NOW);
        let token = claims.sign(&self.site.operator).unwrap();
        self.site.store.accounts().put(&token).unwrap();
        seed.signer().unwrap()
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
async fn no_account_uses_up_the_room_of_the_others() {
    let exporter = Exporter::new();
    let other = exporter.other_account();
    for number in 0..2 {
        let token = exporter.signed(&exporter.own, &format!("a{number}"), NOW, None);
        let stored = exporter.post(&token).await;
        assert_eq!(stored.status, StatusCode::OK, "{}", stored.text);
    }
    for signer in [&exporter.own, &exporter.signing] {
        let token = exporter.signed(signer, "a2", NOW, None);
        let full = exporter.post(&token).await;
        assert_eq!(full.status, StatusCode::INSUFFICIENT_STORAGE);
        let problem = format!(
            "the account `{}` has 2 activations stored, which is the most for one account",
            exporter.own.public_key()
        );
        assert!(full.text.starts_with(&problem), "{}", full.text);
    }
    let later = exporter.signed(&exporter.own, "a0", NOW + 1, None);
    assert_eq!(exporter.post(&later).await.status, StatusCode::OK);
    let of_other = |subject: &str| {
        let importer = exporter.importer.as_str();
        let claims = ActivationClaims::new(importer, subject, ShareKind::Stream, NOW);
        claims.sign(&other).unwrap()
    };
    let stored = exporter.post(&of_other("b0")).await;
    assert_eq!(stored.status, StatusCode::OK, "{}", stored.text);
    let full = exporter.post(&of_other("b1")).await;
    assert_eq!(full.status, StatusCode::INSUFFICIENT_STORAGE);
    assert!(
        full.text.starts_with("3 activations are stored"),
        "{}",
        full.text
    );
    let large = exporter.signed(&exporter.own, &"a".repeat(16 << 10), NOW, None);
    let large = exporter.post(&large).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn expired_activations_make_room_and_changes_of_other_processes_count() {
    let exporter = Exporter::new();
    let short = exporter.signed(&exporter.own, "a0", NOW, Some(NOW + 10));
    let long = exporter.signed(&exporter.own, "a1", NOW, Some(NOW + 1000));
    let hash = exporter.post(&short).await.text;
    assert_eq!(exporter.post(&long).await.status, StatusCode::OK);
    let further = exporter.signed(&exporter.own, "a2", NOW, None);
    let full = exporter.post(&further).await;
    assert_eq!(full.status, StatusCode::INSUFFICIENT_STORAGE);
    exporter.site.clock.advance(Duration::from_secs(11));
    let stored = exporter.post(&further).await;
    assert_eq!(stored.status, StatusCode::OK, "{}", stored.text);
    let gone = format!("{PATH}/{}", hash.trim());
    assert_eq!(exporter.site.get(&gone).await.status, StatusCode::NOT_FOUND);
    // An operator deletes one, and another process stores one.
    let directory = Path::new("/store/activations");
    let removed = directory.join(format!("{}.jwt", stored.text.trim()));
    let parent = exporter.site.disk.open_directory(directory).unwrap();
    parent.remove(removed.file_name().unwrap()).unwrap();
    let other = Store::at(Arc::new(exporter.site.disk.clone()), Path::new("/store"));
    let next = exporter.signed(&exporter.own, "a3", NOW, None);
    let limits = exporter.site.resolver.shared.options.activation_limits;
    other.put_activation(&next, limits, NOW).unwrap();
    let full = exporter.post(&further).await;
    assert_eq!(full.status, StatusCode::INSUFFICIENT_STORAGE);
}

#[tokio::test]
async fn activations_are_not_stored_by_default() {
    let site = Site::new();
    let request = Request::post(PATH).body(Body::empty()).unwrap();
    assert_eq!(site.call(request).await.status, StatusCode::NOT_FOUND);
}
