use nkeys::KeyPair;
use portcullis_core::{ClientKind, Method, Secret, Transport};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::jwt::tests::{HEADER_JSON, token_of};

/// Time of issue of the fixtures.
const MADE_AT: u64 = 1_795_300_862;
const SKEW: Duration = Duration::from_secs(5);
const ISSUER: &str = "ACODERUVFFAWZQDSS6SBIACUA5O6SXF7HJ3YTYXBALHZP3P7R4BUO4J2";
const SERVER: &str = "NCBZ5GGBPVWMJPM2IBAI5AR4A6YGB3CWGZESM6O2DQHAE6Q2VVUHHTUE";
const NOW: u64 = 1_000;

/// Opens a token that the Go library made.
macro_rules! golden {
    ($name:literal) => {{
        let token = include_str!(concat!("../../tests/fixtures/request-", $name, ".jwt"));
        OpenedRequest::open(token.trim().as_bytes(), MADE_AT, SKEW).unwrap()
    }};
}

fn text(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::expose)
}

#[test]
fn a_password_login_of_go_is_read_whole() {
    let opened = golden!("password");
    assert_eq!(opened.subject(), ISSUER);
    assert_eq!(opened.issued_at(), Some(MADE_AT));
    assert_eq!(opened.expires_at(), Some(MADE_AT + 2));
    assert_eq!(
        opened.jti(),
        Some("MUGKVC65B5QUJQ5YZJ7RGRKGL357H5ILLS6OWPOUR7S3EIDXEVTQ")
    );
    let request = opened.request();
    assert_eq!(
        request.user_nkey.as_str(),
        "UB2X2SCUJM2GNJ4ZTW5P3WXBZZDYBMIPDYHDOBFJSKEJQBZ7MN2XKWGB"
    );
    assert_eq!(request.received_at, MADE_AT);
    assert_eq!(request.server.id.as_str(), SERVER);
    assert_eq!(request.server.name, "n1");
    assert_eq!(request.server.host, "0.0.0.0");
    assert_eq!(request.server.version.as_deref(), Some("2.15.1"));
    let client = &request.client;
    assert_eq!(client.host.as_deref(), Some("127.0.0.1"));
    assert_eq!(client.id, 7);
    assert_eq!(client.user.as_deref(), Some("alice"));
    assert_eq!(client.name.as_deref(), Some("desk <1> & \u{2028} more"));
    assert_eq!(client.kind, Some(ClientKind::Client));
    assert_eq!(client.transport, Some(Transport::Nats));
    assert_eq!(client.lang.as_deref(), Some("go"));
    assert_eq!(client.version.as_deref(), Some("1.47.0"));
    assert_eq!(client.mqtt_id, None);
    let credentials = &request.credentials;
    assert_eq!(credentials.method(), Method::Password);
    assert_eq!(credentials.username.as_deref(), Some("alice"));
    assert_eq!(text(credentials.password.as_ref()), Some("s3cr3t-\"p<&>ü"));
    assert_eq!(text(credentials.token.as_ref()), None);
}

#[test]
fn a_token_login_never_shows_the_token_as_user() {
    for opened in [golden!("token"), golden!("token-before-2-11-7")] {
        let request = opened.request();
        assert_eq!(request.credentials.method(), Method::Token);
        assert_eq!(text(request.credentials.token.as_ref()), Some("t0ken"));
        assert_eq!(request.client.user.as_deref(), Some("[REDACTED]"));
        assert!(!format!("{opened:?}").contains("t0ken"));
    }
}

#[test]
fn an_nkey_login_has_signature_and_nonce() {
    let request = golden!("nkey").into_request();
    assert_eq!(request.credentials.method(), Method::Nkey);
    let nkey = request.credentials.nkey.unwrap();
    assert_eq!(Some(nkey.as_str()), request.client.user.as_deref());
    assert!(nkey.key().is_some());
    assert_eq!(
        text(request.credentials.signature.as_ref()),
        Some("c2lnbmF0dXJl")
    );
    assert_eq!(request.client.nonce.as_deref(), Some("PXoWU7zWAMt75FY"));
}

#[test]
fn websocket_and_mqtt_logins_are_told_apart() {
    let websocket = golden!("websocket").into_request();
    assert_eq!(websocket.client.transport, Some(Transport::Websocket));
    assert_eq!(websocket.client.lang.as_deref(), Some("nats.js"));
    let mqtt = golden!("mqtt").into_request();
    assert_eq!(mqtt.client.transport, Some(Transport::Mqtt));
    assert_eq!(mqtt.client.mqtt_id.as_deref(), Some("sensor-1"));
    assert_eq!(mqtt.client.lang, None);
}

#[test]
fn server_cluster_and_tags_are_read() {
    let request = golden!("cluster").into_request();
    assert_eq!(request.server.cluster.as_deref(), Some("east"));
    assert_eq!(request.server.tags, ["region:eu", "ssd"]);
    assert_eq!(request.client.tags, ["a", "b"]);
}

#[test]
fn a_tls_connection_is_read_with_its_certificates() {
    let leaf = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let tls = golden!("tls").into_request().client.tls.unwrap();
    assert!(tls.verified && !tls.version.is_empty() && !tls.cipher.is_empty());
    assert_eq!(tls.chains.first().unwrap().first().unwrap(), leaf);
}

#[test]
fn certificates_that_the_server_did_not_verify_are_read_as_such() {
    let cases = [
        (json!({ "certs": ["a", "b"] }), vec![vec!["a", "b"]], false),
        (
            json!({ "verified_chains": [["a"], ["a", "b"]] }),
            vec![vec!["a"], vec!["a", "b"]],
            true,
        ),
        (
            json!({ "verified_chains": [[]], "certs": ["a"] }),
            vec![vec!["a"]],
            false,
        ),
        (
            json!({ "verified_chains": [], "certs": null }),
            vec![],
            false,
        ),
    ];
    for (sent, chains, verified) in cases {
        let request = open_edited("/nats/client_tls", sent.clone()).unwrap();
        let tls = request.into_request().client.tls.unwrap();
        assert_eq!(
            (tls.chains, tls.verified),
            (
                chains
                    .into_iter()
                    .map(|chain| chain.into_iter().map(str::to_owned).collect())
                    .collect(),
                verified
            ),
            "{sent}"
        );
    }
}

#[test]
fn a_request_with_nothing_in_it_is_still_a_request() {
    let request = golden!("bare").into_request();
    assert_eq!(request.credentials.method(), Method::None);
    assert_eq!(request.client, portcullis_core::Client::default());
    assert_eq!(request.server.id.as_str(), SERVER);
    assert_eq!(request.server.version, None);
}

#[test]
fn no_byte_of_a_request_can_be_changed() {
    let token = include_str!("../../tests/fixtures/request-password.jwt").trim();
    for position in (0..token.len()).step_by(11) {
        let mut bytes = token.as_bytes().to_vec();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        assert!(
            OpenedRequest::open(&bytes, MADE_AT, SKEW).is_err(),
            "changed at {position}"
        );
    }
    let cut = &token.as_bytes()[..token.len() - 1];
    assert!(OpenedRequest::open(cut, MADE_AT, SKEW).is_err());
}

fn claims(server: &KeyPair) -> Value {
    let id = server.public_key();
    json!({
        "aud": "nats-authorization-request",
        "exp": NOW + 2,
        "iat": NOW,
        "iss": id,
        "sub": ISSUER,
        "nats": {
            "server_id": { "name": "n", "host": "h", "id": id },
            "user_nkey": KeyPair::new_user().public_key(),
            "client_info": { "user": "alice" },
            "connect_opts": { "user": "alice", "pass": "hunter2", "protocol": 1 },
            "type": "authorization_request",
            "version": 2,
        },
    })
}

fn open_edited(pointer: &str, value: Value) -> Result<OpenedRequest, RequestError> {
    let server = KeyPair::new_server();
    let mut claims = claims(&server);
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    claims.pointer_mut(parent).unwrap()[key] = value;
    let token = token_of(HEADER_JSON, &claims.to_string(), &server);
    OpenedRequest::open(token.as_bytes(), NOW, SKEW)
}

#[rstest]
#[case("/aud", json!("nats-authorization-response"), RequestError::Audience)]
#[case("/aud", Value::Null, RequestError::Audience)]
#[case("/iss", json!(ISSUER), TokenError::Signature.into())]
#[case("/iss", json!("hunter2"), TokenError::Issuer.into())]
#[case("/exp", json!(NOW - 6), RequestError::Expired { expires_at: NOW - 6, now: NOW })]
#[case("/exp", json!(NOW + 61), RequestError::LongLived { lifetime: 61 })]
#[case("/exp", Value::Null, RequestError::Undated)]
#[case("/iat", json!(NOW + 6), RequestError::MadeAhead { issued_at: NOW + 6, now: NOW })]
#[case("/iat", Value::Null, RequestError::Undated)]
#[case("/nbf", json!(NOW + 6), RequestError::NotYetValid { not_before: NOW + 6, now: NOW })]
#[case("/nats/type", json!("user"), TokenError::Kind("authorization_request").into())]
#[case("/nats/version", json!(3), TokenError::Version(3).into())]
#[case("/nats/version", json!(1), TokenError::Signature.into())]
#[case("/nats/server_id/id", json!(SERVER), RequestError::Issuer)]
#[case("/nats/server_id", Value::Null, RequestError::Issuer)]
#[case("/nats/user_nkey", json!(ISSUER), RequestError::UserNkey)]
#[case("/nats/user_nkey", json!("hunter2"), RequestError::UserNkey)]
#[case("/nats/user_nkey", Value::Null, RequestError::UserNkey)]
fn a_signed_request_that_is_wrong_is_refused(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] expected: RequestError,
) {
    let error = open_edited(pointer, value).unwrap_err();
    assert_eq!(error, expected);
    assert!(!error.to_string().contains("hunter2"));
}

#[rstest]
#[case("/exp", json!(NOW - 5))]
#[case("/exp", json!(NOW + 60))]
#[case("/nbf", json!(NOW + 5))]
#[case("/iat", json!(NOW + 5))]
#[case("/new", json!({ "a": [1, 2] }))]
#[case("/nats/new", json!("x"))]
#[case("/nats/client_info", Value::Null)]
#[case("/nats/client_info/tags", Value::Null)]
#[case("/nats/client_info/tags", json!([null]))]
#[case("/nats/client_info/new", json!(1))]
#[case("/nats/connect_opts", Value::Null)]
#[case("/nats/connect_opts/pass", Value::Null)]
#[case("/nats/client_tls", Value::Null)]
#[case("/nats/client_tls", json!({ "later": ["form"] }))]
#[case("/nats/client_tls", json!({ "verified_chains": [null, ["a", null]], "certs": [null] }))]
#[case("/nats/client_info/name_tag", json!("sentinel"))]
#[case("/nats/server_id/tags", json!(["a"]))]
fn what_other_servers_may_send_is_read(#[case] pointer: &str, #[case] value: Value) {
    assert!(open_edited(pointer, value).is_ok());
}

#[rstest]
#[case("auth_token")]
#[case("pass")]
#[case("jwt")]
fn a_secret_shown_as_user_is_redacted(#[case] field: &str) {
    let options = json!({ field: "alice" });
    let request = open_edited("/nats/connect_opts", options).unwrap();
    assert_eq!(request.request().client.user.as_deref(), Some("[REDACTED]"));
}

fn method_and_secrets(transport: &str, options: Value) -> (Method, [bool; 3]) {
    let server = KeyPair::new_server();
    let mut claims = claims(&server);
    claims["nats"]["client_info"]["type"] = json!(transport);
    claims["nats"]["connect_opts"] = options;
    let token = token_of(HEADER_JSON, &claims.to_string(), &server);
    let request = OpenedRequest::open(token.as_bytes(), NOW, SKEW).unwrap();
    let credentials = request.into_request().credentials;
    (
        credentials.method(),
        [&credentials.password, &credentials.token, &credentials.jwt].map(Option::is_some),
    )
}

#[rstest]
#[case("mqtt", json!({ "user": "a", "pass": "p", "auth_token": "p", "jwt": "p" }), Method::Password, [true, false, false])]
#[case("mqtt", json!({ "user": "a", "pass": "p", "auth_token": "p" }), Method::Password, [true, false, false])]
#[case("mqtt", json!({ "pass": "p", "auth_token": "p", "jwt": "p" }), Method::Token, [true, true, false])]
#[case("mqtt", json!({ "user": "a", "pass": "eyJ.b.c", "auth_token": "eyJ.b.c", "jwt": "eyJ.b.c" }), Method::Jwt, [true, false, true])]
#[case("mqtt", json!({ "user": "a", "pass": "p", "auth_token": "t", "jwt": "eyJ.b.c" }), Method::Token, [true, true, true])]
#[case("nats", json!({ "user": "a", "pass": "p", "auth_token": "p", "jwt": "p" }), Method::Token, [true, true, true])]
fn the_one_secret_of_an_mqtt_client_is_told_once(
    #[case] transport: &str,
    #[case] options: Value,
    #[case] method: Method,
    #[case] password_token_jwt: [bool; 3],
) {
    assert_eq!(
        method_and_secrets(transport, options),
        (method, password_token_jwt)
    );
}

#[test]
fn what_the_domain_has_no_place_for_is_still_told() {
    let opened = open_edited("/nats/server_id/xkey", json!("XA")).unwrap();
    assert_eq!(opened.server_xkey(), Some("XA"));
    let opened = open_edited("/nats/client_info/name_tag", json!("sentinel")).unwrap();
    assert_eq!(
        opened.request().client.name_tag.as_deref(),
        Some("sentinel")
    );
    let opened = open_edited("/nats/request_nonce", json!("n")).unwrap();
    assert_eq!(opened.request_nonce(), Some("n"));
    let opened = open_edited("/nats/tags", json!(["a", null, "", "b"])).unwrap();
    assert_eq!(opened.tags(), ["a", "b"]);
    let bare = open_edited("/nats/tags", Value::Null).unwrap();
    assert_eq!((bare.server_xkey(), bare.request_nonce()), (None, None));
    assert!(bare.tags().is_empty());
}

#[test]
fn only_servers_make_requests() {
    let account = KeyPair::new_account();
    let token = token_of(HEADER_JSON, &claims(&account).to_string(), &account);
    let error = OpenedRequest::open(token.as_bytes(), NOW, SKEW).unwrap_err();
    let expected = TokenError::IssuerKind {
        expected: &[KeyKind::Server],
        found: KeyKind::Account,
    };
    assert_eq!(error, expected.into());
}

#[test]
fn what_is_no_token_is_named() {
    let open = |bytes: &[u8]| OpenedRequest::open(bytes, NOW, SKEW).unwrap_err();
    assert_eq!(open(b""), RequestError::Empty);
    assert_eq!(open(b"xkv1\0\0\0"), RequestError::Encrypted);
    assert_eq!(open(b"garbage"), TokenError::Chunks.into());
}

#[test]
fn a_request_that_is_too_large_is_refused_whether_it_can_be_decoded_or_not() {
    let refusal = |length: usize| {
        let options = json!({ "auth_token": "t".repeat(length) });
        let opened = open_edited("/nats/connect_opts", options);
        opened.err()
    };
    assert_eq!(refusal(700 << 10), None);
    assert_eq!(refusal(1 << 20), Some(RequestError::TooLarge));
    assert_eq!(refusal(2 << 20), Some(RequestError::TooLarge));
    let dots = vec![b'.'; (2 << 20) + 1];
    let error = OpenedRequest::open(&dots, NOW, SKEW).unwrap_err();
    assert_eq!(error, RequestError::TooLarge);
}

#[test]
fn secrets_are_in_no_debug_output() {
    let opened = open_edited("/nats/connect_opts/auth_token", json!("t0ken")).unwrap();
    assert!(opened.raw().contains("hunter2"));
    let shown = format!("{opened:?}");
    assert!(shown.contains("alice"), "{shown}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("t0ken"),
        "{shown}"
    );
}

#[test]
fn requests_of_another_implementation_open() {
    let server = nats_token::KeyPair::new_server();
    let user = nats_token::KeyPair::new_user().public_key();
    let in_two_seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + 2;
    let mut made = nats_token::AuthorizationRequestClaims::new(ISSUER).unwrap();
    made.claims.audience = AUDIENCE.to_owned();
    made.claims.expires = i64::try_from(in_two_seconds).unwrap();
    made.request.user_nkey.clone_from(&user);
    made.request.server_id.id = server.public_key();
    made.request.client_info.mqtt = "m".to_owned();
    made.request.connect_opts.token = "t".to_owned();
    made.request.client_tls = Some(nats_token::ClientTls::default());
    let token = made.encode(&server).unwrap();
    let now = u64::try_from(made.claims.issued_at).unwrap();
    let opened = OpenedRequest::open(token.as_bytes(), now, SKEW).unwrap();
    assert_eq!(opened.jti(), Some(made.claims.id.as_str()));
    assert_eq!(opened.expires_at(), Some(in_two_seconds));
    let request = opened.request();
    assert_eq!(request.user_nkey.as_str(), user);
    assert_eq!(request.server.id.as_str(), server.public_key());
    assert_eq!(request.client.mqtt_id.as_deref(), Some("m"));
    assert_eq!(request.credentials.method(), Method::Token);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_opened_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(OpenedRequest::open(&bytes, NOW, SKEW).is_err());
    }

    #[test]
    fn any_chunks_are_opened_or_refused(claims in "\\PC{0,200}", signature in "[A-Za-z0-9_-]{0,90}") {
        let payload = data_encoding::BASE64URL_NOPAD.encode(claims.as_bytes());
        let header = data_encoding::BASE64URL_NOPAD.encode(HEADER_JSON.as_bytes());
        let token = format!("{header}.{payload}.{signature}");
        prop_assert!(OpenedRequest::open(token.as_bytes(), NOW, SKEW).is_err());
    }

    #[test]
    fn a_spoilt_request_is_opened_or_refused(position in 0_usize..1200, byte in any::<u8>()) {
        let token = include_str!("../../tests/fixtures/request-cluster.jwt").trim();
        let mut bytes = token.as_bytes().to_vec();
        let position = position % bytes.len();
        let unchanged = bytes[position] == byte;
        bytes[position] = byte;
        prop_assert_eq!(OpenedRequest::open(&bytes, MADE_AT, SKEW).is_ok(), unchanged);
    }

    #[test]
    fn any_value_in_any_place_is_opened_or_refused(
        place in prop::sample::select(vec![
            "/aud", "/exp", "/nbf", "/jti", "/type", "/nats", "/nats/server_id", "/nats/client_info",
            "/nats/client_info/id", "/nats/client_info/tags", "/nats/connect_opts",
            "/nats/connect_opts/pass", "/nats/type", "/nats/version", "/nats/user_nkey",
        ]),
        value in prop_oneof![
            Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from), "\\PC{0,20}".prop_map(Value::from),
            Just(json!([])), Just(json!({})), Just(json!(["x", 1])),
        ],
    ) {
        if let Err(error) = open_edited(place, value) {
            prop_assert!(!error.to_string().contains("hunter2"));
        }
    }
}
