//! Tests against an authorization server without a network.

use std::time::Duration;

use data_encoding::BASE64;
use portcullis_core::with_causes;
use portcullis_environment::{Clock as _, ManualClock};

use super::*;
use crate::fake_http::{FakeHttp, Received, renewal_by};

fn grant(request: &Received) -> (u16, String) {
    let (token, kind) = (request.number, "bearer");
    let body = format!(r#"{{"access_token":"t{token}","token_type":"{kind}","expires_in":60}}"#);
    (200, body)
}

fn client(service: &Arc<FakeHttp>, clock: &ManualClock) -> ClientCredentials {
    let client = ClientSecret {
        id: "orders:1".to_owned(),
        secret: Secret::new("hunter 2").into(),
    };
    let endpoint = TokenEndpointOptions {
        audience: Some("urn:nats".to_owned()),
        resource: Some("https://nats.example".to_owned()),
        parameters: vec![("tenant".to_owned(), Secret::new("hunter-3"))],
        scopes: vec!["read".to_owned(), "write".to_owned()],
        http: service.options(),
        renewal: renewal_by(clock),
        ..TokenEndpointOptions::new("https://idp.example/token")
    };
    ClientCredentials::new(ClientCredentialsOptions {
        account: Some("ACME".to_owned()),
        ..ClientCredentialsOptions::new(endpoint, client)
    })
    .unwrap()
}

#[tokio::test]
async fn the_way_to_authenticate_is_found_once() {
    let service = FakeHttp::new(|request| match request.headers.get("authorization") {
        Some(_) => (401, String::new()),
        None => grant(request),
    });
    let clock = ManualClock::new(0);
    let client = client(&service, &clock);
    let token = client.token().await.unwrap();
    assert_eq!(token.secret().expose(), "t2");
    assert_eq!(token.ends_at(), Some(clock.now() + Duration::from_mins(1)));
    client.token().await.unwrap();
    clock.advance(Duration::from_secs(49));
    client.token().await.unwrap();
    assert_eq!(
        service.received().len(),
        2,
        "the token is not renewed too early"
    );
    clock.advance(Duration::from_secs(1));
    assert_eq!(client.token().await.unwrap().secret().expose(), "t3");

    let requests = service.received();
    let basic = format!("Basic {}", BASE64.encode(b"orders%3A1:hunter+2"));
    assert_eq!(requests[0].headers["authorization"], basic);
    assert!(!requests[0].form().contains_key("client_secret"));
    for request in &requests[1..] {
        assert!(!request.headers.contains_key("authorization"));
        let form = request.form();
        for (name, value) in [
            ("grant_type", "client_credentials"),
            ("audience", "urn:nats"),
            ("resource", "https://nats.example"),
            ("scope", "read write"),
            ("tenant", "hunter-3"),
            ("account_name", "ACME"),
            ("client_id", "orders:1"),
            ("client_secret", "hunter 2"),
        ] {
            assert_eq!(form[name], value, "{name}");
        }
    }
    assert_eq!(requests.len(), 3);
}

#[tokio::test]
async fn a_way_that_worked_is_the_only_one() {
    let service = FakeHttp::new(|request| match request.number {
        1 => grant(request),
        _ => (400, r#"{"error":"invalid_client"}"#.to_owned()),
    });
    let clock = ManualClock::new(0);
    let client = client(&service, &clock);
    client.token().await.unwrap();
    clock.advance(Duration::from_mins(1));
    let error = client.token().await.unwrap_err();
    assert!(error.is_refusal());
    assert_eq!(
        with_causes(&*error),
        "`https://idp.example/token` refuses with status 400, `invalid_client`"
    );
    assert_eq!(service.received().len(), 2);
    assert!(
        client
            .last_failure()
            .is_some_and(|error| error.is_refusal())
    );
}

#[tokio::test]
async fn an_outage_says_nothing_about_the_way_to_authenticate() {
    let service = FakeHttp::new(|request| match request.number {
        1 => (503, String::new()),
        2 => (0, String::new()),
        _ => grant(request),
    });
    let clock = ManualClock::new(0);
    let client = client(&service, &clock);
    for _ in 0..2 {
        assert!(!client.token().await.unwrap_err().is_refusal());
        clock.advance(Duration::from_mins(1));
    }
    client.token().await.unwrap();
    let requests = service.received();
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|it| it.headers.contains_key("authorization"))
    );
}

#[tokio::test]
async fn an_answer_without_a_usable_token_is_not_kept() {
    for (body, problem) in [
        ("<html>", "no json object with `access_token`"),
        (
            r#"{"access_token":7}"#,
            "no json object with `access_token`",
        ),
        (r#"{"access_token":""}"#, "a token that no header can carry"),
        (
            r#"{"access_token":"a\nb"}"#,
            "a token that no header can carry",
        ),
        (
            r#"{"access_token":"a","expires_in":"0"}"#,
            "a token that has ended already",
        ),
        (
            r#"{"access_token":"a","expires_in":-5}"#,
            "a token that has ended already",
        ),
    ] {
        let service = FakeHttp::new(move |request| match request.number {
            1 => (200, body.to_owned()),
            _ => grant(request),
        });
        let clock = ManualClock::new(0);
        let client = client(&service, &clock);
        let text = client.token().await.unwrap_err().to_string();
        assert_eq!(
            text,
            format!("`https://idp.example/token` answers with {problem}")
        );
        clock.advance(Duration::from_secs(1));
        assert_eq!(client.token().await.unwrap().secret().expose(), "t2");
    }
}

#[tokio::test]
async fn the_lifetime_is_that_of_the_answer_or_of_the_token_itself() {
    // `{"exp":1800000090,"iat":1800000000}` and `{"exp":1800000090}`
    let jwt = "e30.eyJleHAiOjE4MDAwMDAwOTAsImlhdCI6MTgwMDAwMDAwMH0.c2ln";
    let without_start = "e30.eyJleHAiOjE4MDAwMDAwOTB9.c2ln";
    for (token, expires_in, seconds) in [
        ("a", "60", Some(60)),
        ("a", r#"" 60 ""#, Some(60)),
        (jwt, "60", Some(60)),
        (jwt, "null", Some(90)),
        (jwt, r#""1h""#, Some(90)),
        (without_start, "null", None),
        ("a", r#""1h""#, None),
        ("a", r#""NaN""#, None),
        ("a", r#""inf""#, None),
        ("a", "1e300", None),
        ("a", "true", None),
        ("a", "[60]", None),
    ] {
        let body = format!(r#"{{"access_token":"{token}","expires_in":{expires_in}}}"#);
        let service = FakeHttp::new(move |_| (200, body.clone()));
        let clock = ManualClock::new(0);
        let found = client(&service, &clock).token().await.unwrap().ends_at();
        let expected = seconds.map(|seconds| clock.now() + Duration::from_secs(seconds));
        assert_eq!(found, expected, "{token} {expires_in}");
    }
}

#[tokio::test]
async fn a_token_that_a_service_refuses_is_replaced() {
    let service = FakeHttp::new(grant);
    let client = client(&service, &ManualClock::new(0));
    let first = client.token().await.unwrap();
    client.reject(&first);
    let second = client.token().await.unwrap();
    assert_eq!(second.secret().expose(), "t2");
    client.reject(&first);
    assert_eq!(client.token().await.unwrap(), second);
}

#[tokio::test]
async fn no_secret_is_shown() {
    let service = FakeHttp::new(grant);
    let client = client(&service, &ManualClock::new(0));
    let token = client.token().await.unwrap();
    let secret = ClientSecret {
        id: "orders".to_owned(),
        secret: Secret::new("hunter2").into(),
    };
    let endpoint = TokenEndpointOptions {
        parameters: vec![("tenant".to_owned(), Secret::new("hunter3"))],
        ..TokenEndpointOptions::new("https://idp.example/token?key=hunter2")
    };
    let options = ClientCredentialsOptions::new(endpoint, secret);
    let text = format!("{client:?} {token:?} {options:?}");
    assert!(!text.contains("hunter") && !text.contains("t1"), "{text}");
    assert!(text.contains("https://idp.example/token"), "{text}");
}
