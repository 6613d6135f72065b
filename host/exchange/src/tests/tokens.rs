//! Requests that get a user JWT.

use nats_token::KeyPair;
use portcullis_claims::UserClaims;
use portcullis_environment::{Clock, SystemClock};
use serde_json::json;

use super::support::Stage;
use crate::ExchangeOptions;

#[tokio::test]
async fn a_proved_caller_gets_a_user_jwt_with_what_servers_enforce() {
    let stage = Stage::start().await;
    let pair = KeyPair::new_user();
    let body = stage.proved(&pair).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let token = stage.token(&json!({}));
    let head = format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/json; charset=utf-8\r\n\
         traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n"
    );
    let reply = stage
        .send("POST", "/v1/tokens", &head, &body.to_string())
        .await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let answer = reply.json();
    let user = UserClaims::decode(answer["jwt"].as_str().unwrap()).unwrap();
    assert_eq!(user.subject.as_deref(), Some(&*pair.public_key()));
    assert_eq!(user.issuer.as_deref(), Some(&*stage.accounts["APP"]));
    assert_eq!(user.name.as_deref(), Some("laptop"));
    assert_eq!(user.expires_at, answer["expires"].as_u64());
    assert_eq!(answer["account"], json!(stage.accounts["APP"]));
    assert_eq!(answer["subjects"]["publish"]["allow"], json!(["app.>"]));
    assert_eq!(answer["subjects"]["subscribe"]["deny"], json!([]));
    assert_eq!(user.nats.sources, ["10.0.0.0/8"]);
    assert_eq!(user.nats.allowed_connection_types, ["WEBSOCKET"]);
    assert_eq!((user.nats.subs, user.nats.payload), (7, 1024));
    assert!(!user.nats.bearer_token);
    assert!(user.nats.tags.contains(&"policy:staff".to_owned()));

    let line = stage.log.line_of(reply.header("x-request-id").unwrap());
    assert_eq!(line["message"], "authorization decided");
    assert_eq!(line["decision"], "permit");
    assert_eq!(line["trace_id"], trace);
    assert_eq!(line["client.kind"], "exchange");
    assert_eq!(line["client.host"], "127.0.0.1");
    assert!(!stage.log.text().contains(&token), "the token is secret");
}

#[tokio::test]
async fn a_user_jwt_ends_with_the_first_of_token_wish_and_configuration() {
    let options = ExchangeOptions {
        max_lifetime: std::time::Duration::from_mins(5),
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let now = SystemClock.unix_seconds();
    for (token_ends, wanted, expected) in [
        (600, json!(60), 60),
        (600, json!(null), 300),
        (600, json!(100_000), 300),
        (120, json!(null), 120),
    ] {
        let mut body = stage.proved(&KeyPair::new_user()).await;
        body["lifetime"] = wanted;
        let token = stage.token(&json!({ "exp": now + token_ends }));
        let reply = stage.post("/v1/tokens", &token, &body).await;
        let expires = reply.json()["expires"].as_u64().unwrap();
        let lifetime = expires - now;
        // Some seconds may pass between the two.
        assert!((expected..expected + 60).contains(&lifetime), "{lifetime}");
        assert!(token_ends >= lifetime || expected < token_ends);
    }
}

#[tokio::test]
async fn the_shapes_of_connect_need_no_proof() {
    let stage = Stage::start().await;
    let pair = KeyPair::new_user();
    let body = json!({ "user_pub_key": pair.public_key(), "user_name": "host-1" });
    let reply = stage
        .post("/core/tokens", &stage.token(&json!({})), &body)
        .await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/jwt"));
    let user = UserClaims::decode(&reply.body).unwrap();
    assert_eq!(user.issuer.as_deref(), Some(&*stage.accounts["APP"]));

    let admin = stage.token(&json!({ "scope": "a admin:write" }));
    let reply = stage
        .post("/admin/accounts/OTHER/tokens", &admin, &body)
        .await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let user = UserClaims::decode(&reply.body).unwrap();
    assert_eq!(user.issuer.as_deref(), Some(&*stage.accounts["OTHER"]));
}

#[tokio::test]
async fn a_wanted_account_is_the_policys_or_needs_the_scope() {
    let stage = Stage::start().await;
    for (scope, account, expected) in [
        ("", "APP", 201),
        ("", "OTHER", 403),
        ("admin:write", "OTHER", 201),
        ("admin:write", "SYS", 403),
    ] {
        let mut body = stage.proved(&KeyPair::new_user()).await;
        body["account"] = json!(account);
        let token = stage.token(&json!({ "scope": scope }));
        let reply = stage.post("/v1/tokens", &token, &body).await;
        assert_eq!(reply.status, expected, "{scope} {account}: {reply:?}");
        if expected == 201 {
            assert_eq!(reply.json()["account"], json!(stage.accounts[account]));
        }
    }
}

#[tokio::test]
async fn a_nonce_counts_once() {
    let stage = Stage::start().await;
    let token = stage.token(&json!({}));
    let body = stage.proved(&KeyPair::new_user()).await;
    assert_eq!(stage.post("/v1/tokens", &token, &body).await.status, 201);
    let reply = stage.post("/v1/tokens", &token, &body).await;
    assert_eq!(reply.status, 400, "{reply:?}");
    let line = stage.log.line_of(reply.header("x-request-id").unwrap());
    assert_eq!(line["denial.class"], "proof-rejected");
    assert_eq!(line["denial.reason"], "the nonce was used before");
}

#[tokio::test]
async fn the_description_has_every_route() {
    let stage = Stage::start().await;
    let reply = stage.send("GET", "/openapi.json", "", "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let document = reply.json();
    for route in [
        "/v1/tokens",
        "/core/tokens",
        "/admin/accounts/{name}/tokens",
    ] {
        let operation = &document["paths"][route]["post"];
        assert_eq!(operation["security"], json!([{ "bearer": [] }]), "{route}");
        assert!(operation["responses"]["201"].is_object(), "{route}");
    }
    assert!(document["paths"]["/v1/nonces"]["post"]["security"].is_null());
    let own = &document["components"]["schemas"]["OwnBody"];
    assert_eq!(own["required"], json!(["nkey"]));
    assert_eq!(own["additionalProperties"], json!(false));
    assert!(document["components"]["securitySchemes"]["bearer"].is_object());
}

#[tokio::test]
async fn a_web_page_presents_its_token_in_a_cookie() {
    let origin = "https://app.example.com";
    let options = ExchangeOptions {
        token_cookie: Some("id_token".to_owned()),
        allowed_origins: vec![origin.to_owned()],
        ..ExchangeOptions::default()
    };
    let stage = Stage::with(options).await;
    let token = stage.token(&json!({}));
    for (from, expected) in [(origin, 201), ("https://evil.example", 403)] {
        let body = stage.proved(&KeyPair::new_user()).await.to_string();
        let head = format!(
            "Cookie: theme=dark; id_token={token}\r\nOrigin: {from}\r\n\
             Content-Type: application/json\r\n"
        );
        let reply = stage.send("POST", "/v1/tokens", &head, &body).await;
        assert_eq!(reply.status, expected, "{reply:?}");
        if expected == 201 {
            let credentials = reply.header("access-control-allow-credentials");
            assert_eq!(credentials, Some("true"));
        } else {
            let line = stage.log.line_of(reply.header("x-request-id").unwrap());
            assert_eq!(line["refusal.reason"], "origin");
        }
    }
    assert!(!stage.log.text().contains(&token), "the token is secret");
    let document = stage.send("GET", "/openapi.json", "", "").await.json();
    let expected = json!([{ "bearer": [] }, { "cookie": [] }]);
    assert_eq!(
        document["paths"]["/v1/tokens"]["post"]["security"],
        expected
    );
    let scheme = &document["components"]["securitySchemes"]["cookie"];
    assert_eq!(
        scheme,
        &json!({ "type": "apiKey", "in": "cookie", "name": "id_token" })
    );
}

#[tokio::test]
async fn a_caller_without_a_name_may_send_an_empty_one() {
    let stage = Stage::start().await;
    let nkey = KeyPair::new_user().public_key();
    for (name, expected) in [("host-1", Some("host-1")), ("", None)] {
        let body = json!({ "user_pub_key": nkey, "user_name": name });
        let reply = stage
            .post("/core/tokens", &stage.token(&json!({})), &body)
            .await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let user = UserClaims::decode(&reply.body).unwrap();
        assert_eq!(user.name.as_deref(), expected);
    }
}
