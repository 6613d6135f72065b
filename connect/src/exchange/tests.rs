//! Tests against an exchange without a network.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use futures::future::join_all;
use parking_lot::Mutex;
use portcullis_claims::{IssuerKey, PublicKey, UserClaims, VerifyingKey as _};
use portcullis_core::{Permit, Secret, with_causes};
use portcullis_environment::ManualClock;
use serde_json::json;

use super::*;
use crate::fake_http::{FakeHttp, Received, renewal_by};
use crate::token::{StoredToken, TokenFuture};

const NOW: u64 = 1_800_000_000;

/// The lifetime of a user JWT, in seconds.
const LIFETIME: u64 = 60;

/// Returns a user JWT for `nkey`, issued at `issued_at`.
fn user_jwt(nkey: &str, issued_at: u64) -> String {
    let issuer = IssuerKey::from_seed(IssuerKey::generate_seed().unwrap().expose()).unwrap();
    let mut permit = Permit::builder("APP", issued_at);
    permit.publish_allow(">");
    permit.expires_at(issued_at + LIFETIME);
    let permit = permit.finish().unwrap();
    let claims = UserClaims::from_permit(nkey, &permit, issued_at).in_operator_mode(None);
    claims.sign(&issuer).unwrap()
}

/// An exchange that issues user JWTs by both protocols.
fn exchange() -> Arc<FakeHttp> {
    FakeHttp::new(answer)
}

fn answer(request: &Received) -> (u16, String) {
    let body = request.json();
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    match request.path.as_str() {
        "/base/v1/nonces" => (200, r#"{"nonce":"n0nce","expires":1}"#.to_owned()),
        "/base/v1/tokens" => {
            let jwt = user_jwt(&text("nkey"), NOW);
            (
                200,
                json!({ "jwt": jwt, "expires": NOW + LIFETIME }).to_string(),
            )
        }
        _ => (201, user_jwt(&text("user_pub_key"), NOW)),
    }
}

fn options(service: &Arc<FakeHttp>, clock: &ManualClock) -> ExchangeOptions {
    let tokens = Arc::new(StoredToken::new(Secret::new("hunter2")));
    ExchangeOptions {
        http: service.options(),
        renewal: renewal_by(clock),
        ..ExchangeOptions::new("https://exchange.example/base/", "roof", tokens)
    }
}

#[tokio::test]
async fn the_client_proves_that_it_holds_the_key() {
    let (service, clock) = (exchange(), ManualClock::new(NOW));
    let client = ExchangeClient::new(ExchangeOptions {
        account: Some("ACME".to_owned()),
        // Rounded up.
        lifetime: Some(Duration::from_millis(299_001)),
        ..options(&service, &clock)
    })
    .unwrap();
    let credentials = client.credentials().await.unwrap();
    assert_eq!(credentials.key().public_key(), client.public_key());

    let requests = service.received();
    assert_eq!(requests.len(), 2);
    assert!(!requests[0].headers.contains_key("authorization"));
    assert_eq!(requests[1].headers["authorization"], "Bearer hunter2");
    let mut body = requests[1].json();
    let proof = body.as_object_mut().unwrap().remove("proof").unwrap();
    assert_eq!(
        body,
        json!({ "nkey": client.public_key(), "name": "roof", "account": "ACME", "lifetime": 300 })
    );
    assert_eq!(proof["nonce"], "n0nce");
    let signature = BASE64URL_NOPAD.decode(proof["signature"].as_str().unwrap().as_bytes());
    let signed = format!("portcullis-exchange-v1\nn0nce\n{}", client.public_key());
    let key: PublicKey = client.public_key().parse().unwrap();
    assert!(key.verifies(signed.as_bytes(), &signature.unwrap()));
}

#[tokio::test]
async fn an_account_that_no_url_can_name_is_refused() {
    let (service, clock) = (exchange(), ManualClock::new(NOW));
    for account in ["", ".", ".."] {
        let client = ExchangeClient::new(ExchangeOptions {
            account: Some(account.to_owned()),
            ..options(&service, &clock)
        });
        let error = client.err().map(|error| error.to_string());
        let expected = format!("`{account}` is not the name of an account");
        assert_eq!(error, Some(expected));
    }
}

#[tokio::test]
async fn the_core_protocol_sends_the_public_key_and_a_name_only() {
    for (account, path) in [
        (None, "/base/core/tokens"),
        (Some("ACME"), "/base/admin/accounts/ACME/tokens"),
        (Some("../x"), "/base/admin/accounts/..%2Fx/tokens"),
    ] {
        let (service, clock) = (exchange(), ManualClock::new(NOW));
        let client = ExchangeClient::new(ExchangeOptions {
            protocol: ExchangeProtocol::Core,
            account: account.map(str::to_owned),
            ..options(&service, &clock)
        })
        .unwrap();
        client.credentials().await.unwrap();
        let request = &service.received()[0];
        assert_eq!(request.path, path);
        assert_eq!(request.headers["accept"], "application/jwt");
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(
            request.json(),
            json!({ "user_pub_key": client.public_key(), "user_name": "roof" })
        );
    }
}

#[tokio::test]
async fn all_refreshes_carry_the_same_key_and_no_request_the_seed() {
    let (service, clock) = (exchange(), ManualClock::new(NOW));
    let client = ExchangeClient::new(options(&service, &clock)).unwrap();
    let mut jwts = BTreeSet::new();
    for _ in 0..3 {
        let all = join_all((0..50).map(|_| client.credentials())).await;
        jwts.extend(all.iter().map(|it| it.as_ref().unwrap().jwt().to_owned()));
        clock.advance(Duration::from_secs(50));
    }
    assert_eq!(jwts.len(), 3, "each renewal has another jwt");
    let requests = service.received();
    assert_eq!(
        requests.len(),
        6,
        "one nonce and one exchange for each renewal"
    );
    let seed = client.0.requests.key.seed();
    for request in &requests {
        let text = format!("{} {:?} {}", request.path, request.headers, request.body);
        assert!(!text.contains(seed));
    }
    let keys: BTreeSet<_> = requests
        .iter()
        .filter(|request| request.path.ends_with("tokens"))
        .map(|request| request.json()["nkey"].to_string())
        .collect();
    assert_eq!(keys.len(), 1);
    assert!(!format!("{client:?}").contains(seed));
}

#[tokio::test]
async fn an_answer_that_is_not_a_jwt_of_this_key_is_never_kept() {
    let stranger = user_jwt(
        "UB2X2SCUJM2GNJ4ZTW5P3WXBZZDYBMIPDYHDOBFJSKEJQBZ7MN2XKWGB",
        NOW,
    );
    for (body, problem) in [
        ("<html>".to_owned(), "the user JWT (`eyJ…`) is missing"),
        (String::new(), "the user JWT (`eyJ…`) is missing"),
        (stranger, "the seed belongs to"),
    ] {
        let service = FakeHttp::new(move |request| match request.number {
            1 => (201, body.clone()),
            _ => answer(request),
        });
        let clock = ManualClock::new(NOW);
        let client = ExchangeClient::new(ExchangeOptions {
            protocol: ExchangeProtocol::Core,
            ..options(&service, &clock)
        })
        .unwrap();
        let error = client.credentials().await.unwrap_err();
        let text = with_causes(&*error);
        assert!(text.contains(problem), "{text}");
        assert!(!error.is_refusal());
        clock.advance(Duration::from_secs(1));
        client.credentials().await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_clock_does_not_end_a_jwt() {
    let (service, clock) = (exchange(), ManualClock::new(NOW + 86_400));
    let client = ExchangeClient::new(options(&service, &clock)).unwrap();
    client.credentials().await.unwrap();
    clock.advance(Duration::from_secs(49));
    client.credentials().await.unwrap();
    assert_eq!(service.received().len(), 2);
}

#[tokio::test]
async fn a_user_jwt_that_a_server_refuses_is_replaced() {
    let (service, clock) = (exchange(), ManualClock::new(NOW));
    let client = ExchangeClient::new(ExchangeOptions {
        protocol: ExchangeProtocol::Core,
        ..options(&service, &clock)
    })
    .unwrap();
    let refused = client.login().await.unwrap();
    let renewed_in = refused.renew_at.map(|at| at.duration_since(clock.now()));
    assert_eq!(renewed_in, Some(Duration::from_secs(50)));
    for requests in [1, 2, 2] {
        client.credentials().await.unwrap();
        assert_eq!(service.received().len(), requests);
        // The second call is about a JWT that is no longer in use.
        client.reject(&refused);
    }
}

/// A source whose tokens are numbered; a rejected one is followed by the next.
#[derive(Debug)]
struct Numbered(Mutex<u32>);

impl TokenSource for Numbered {
    fn token(&self) -> TokenFuture<'_> {
        let number = *self.0.lock();
        Box::pin(async move { Ok(Token::new(Secret::new(format!("t{number}")), None)) })
    }

    fn reject(&self, _token: &Token) {
        *self.0.lock() += 1;
    }
}

#[tokio::test]
async fn a_token_that_the_exchange_does_not_accept_is_replaced_once() {
    for (accepted, is_permitted) in [("Bearer t1", true), ("Bearer t7", false)] {
        let service = FakeHttp::new(move |request| {
            match request.headers.get("authorization").map(String::as_str) {
                Some(token) if token != accepted => (401, String::new()),
                _ => answer(request),
            }
        });
        let clock = ManualClock::new(NOW);
        let client = ExchangeClient::new(ExchangeOptions {
            protocol: ExchangeProtocol::Core,
            tokens: Arc::new(Numbered(Mutex::new(0))),
            ..options(&service, &clock)
        })
        .unwrap();
        let outcome = client.credentials().await;
        assert_eq!(outcome.is_ok(), is_permitted);
        assert_eq!(service.received().len(), 2);
    }
}

#[tokio::test]
async fn a_refusal_is_kept_and_not_asked_for_again_at_once() {
    let service = FakeHttp::new(|_| (403, String::new()));
    let clock = ManualClock::new(NOW);
    let client = ExchangeClient::new(ExchangeOptions {
        protocol: ExchangeProtocol::Core,
        ..options(&service, &clock)
    })
    .unwrap();
    for _ in 0..5 {
        let error = client.credentials().await.unwrap_err();
        assert!(error.is_refusal());
        clock.advance(Duration::from_secs(10));
    }
    assert_eq!(service.received().len(), 1);
    let last = client.last_failure().unwrap().to_string();
    assert_eq!(
        last,
        "`https://exchange.example/base/core/tokens` refuses with status 403"
    );
}

#[test]
fn an_address_that_cannot_be_used_is_refused() {
    let options = ExchangeOptions {
        url: "http://exchange.example".to_owned(),
        ..options(&exchange(), &ManualClock::new(NOW))
    };
    let error = ExchangeClient::new(options).unwrap_err();
    let text = with_causes(&error);
    assert!(text.contains("not `https`"), "{text}");
}
