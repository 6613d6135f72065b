//! Tests against an authorization server without a network.

use portcullis_core::with_causes;
use portcullis_environment::ManualClock;

use super::*;
use crate::fake_http::{FakeHttp, renewal_by};
use crate::token::StoredToken;

fn options(service: &Arc<FakeHttp>, subject: Arc<dyn TokenSource>) -> TokenExchangeOptions {
    let endpoint = TokenEndpointOptions {
        audience: Some("urn:nats".to_owned()),
        resource: Some("https://nats.example".to_owned()),
        scopes: vec!["orders".to_owned()],
        http: service.options(),
        renewal: renewal_by(&ManualClock::new(0)),
        ..TokenEndpointOptions::new("https://sts.example/token")
    };
    TokenExchangeOptions {
        requested_type: Some(TokenExchangeOptions::ACCESS_TOKEN.to_owned()),
        ..TokenExchangeOptions::new(endpoint, subject)
    }
}

#[tokio::test]
async fn the_subjects_token_is_exchanged() {
    let service = FakeHttp::new(|_| {
        (
            200,
            r#"{"access_token":"new","expires_in":"60.5"}"#.to_owned(),
        )
    });
    let subject = Arc::new(StoredToken::new(Secret::new("old")));
    let exchange = TokenExchange::new(options(&service, subject)).unwrap();
    let token = exchange.token().await.unwrap();
    assert_eq!(token.secret().expose(), "new");
    assert!(
        token.ends_at().is_some(),
        "a lifetime can be a text, with a fraction"
    );
    let form = service.received()[0].form();
    for (name, value) in [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("subject_token", "old"),
        ("subject_token_type", TokenExchangeOptions::JWT),
        ("requested_token_type", TokenExchangeOptions::ACCESS_TOKEN),
        ("audience", "urn:nats"),
        ("resource", "https://nats.example"),
        ("scope", "orders"),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
    assert_eq!(form.len(), 7);
}

#[tokio::test]
async fn a_missing_subject_is_the_cause_and_no_request_is_made() {
    let service = FakeHttp::new(|_| (200, String::new()));
    let subject = Arc::new(StoredToken::file("nowhere/token"));
    let exchange = TokenExchange::new(options(&service, subject)).unwrap();
    let error = exchange.token().await.unwrap_err();
    let text = with_causes(&*error);
    assert_eq!(
        text,
        "no token for the request: `nowhere/token` does not exist"
    );
    assert!(service.received().is_empty());
    assert!(!error.is_refusal());
}
