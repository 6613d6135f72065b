//! Requests of real servers of five releases (`tests/fixtures/capture`), compared with their
//! expected content.

use std::fs;
use std::path::PathBuf;

use portcullis_core::{ClientKind, PresentedNkey, Secret, Transport};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{CurveKey, UserClaims};

/// Returns the expected content of a case, before its own differences.
fn usual() -> Value {
    json!({
        "subject": "<issuer>",
        "server": { "name": "fixture", "host": "127.0.0.1", "tags": [] },
        "client": {
            "host": "127.0.0.1", "kind": "Client", "transport": "nats", "lang": "go", "version": "1.55.0", "tags": [],
        },
        "credentials": {},
        "tags": [],
    })
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden")
}

fn json_of(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// Returns the case and the token of every request of a release.
fn captured(version: &str) -> Vec<(String, String)> {
    let mut found: Vec<_> = fs::read_dir(folder().join(version))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jwt"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap().trim().to_owned())
        })
        .collect();
    found.sort();
    found
}

/// Returns the time of issue of a token, decoded by another implementation.
fn made_at(token: &str) -> u64 {
    let claims = nats_token::decode_authorization_request_claims(token).unwrap();
    u64::try_from(claims.claims.issued_at).unwrap()
}

fn opened(token: &str) -> OpenedRequest {
    OpenedRequest::open(token.as_bytes(), made_at(token), Duration::ZERO).unwrap()
}

fn exposed(secret: Option<&Secret>) -> Value {
    json!(secret.map(Secret::expose))
}

/// Returns every field of a request.
fn view(opened: &OpenedRequest) -> Value {
    let request = opened.request();
    let (server, client) = (&request.server, &request.client);
    let credentials = &request.credentials;
    json!({
        "subject": opened.subject(),
        "request_nonce": opened.request_nonce(),
        "tags": opened.tags(),
        "user_nkey": request.user_nkey.as_str(),
        "server": {
            "id": server.id.as_str(), "name": server.name, "host": server.host, "version": server.version,
            "cluster": server.cluster, "tags": server.tags, "xkey": opened.server_xkey(),
        },
        "client": {
            "host": client.host, "id": client.id, "user": client.user, "name": client.name,
            "kind": client.kind.as_ref().map(ClientKind::as_str),
            "transport": client.transport.as_ref().map(Transport::as_str), "mqtt_id": client.mqtt_id, "lang": client.lang,
            "version": client.version, "tags": client.tags, "nonce": client.nonce, "name_tag": client.name_tag,
            "tls": client.tls.as_ref().map(|tls| json!({
                "version": tls.version, "cipher": tls.cipher, "verified": tls.verified, "chains": tls.chains,
            })),
        },
        "credentials": {
            "method": credentials.method().as_str(),
            "username": credentials.username,
            "password": exposed(credentials.password.as_ref()),
            "token": exposed(credentials.token.as_ref()),
            "jwt": exposed(credentials.jwt.as_ref()),
            "nkey": credentials.nkey.as_ref().map(PresentedNkey::as_str),
            "signature": exposed(credentials.signature.as_ref()),
        },
    })
}

/// Applies `patch` to `value` as RFC 7396 specifies.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    let fields = value.as_object_mut().unwrap();
    for (name, patch) in patch {
        if patch.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), patch);
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    let mut clean = json!({});
    merge(&mut clean, value);
    clean
}

/// Checks the values that differ between captures, and replaces them by names.
fn named(mut view: Value, version: &str) -> Value {
    let keys = json_of("keys.json");
    let mut name = |pointer: &str, label: &str, is: &dyn Fn(&str) -> bool| {
        if let Some(value) = view.pointer_mut(pointer)
            && value.as_str().is_some_and(is)
        {
            *value = json!(label);
        }
    };
    let key = |name: &'static str| keys[name].as_str().unwrap().to_owned();
    let sentinel_key = key("sentinel");
    let sentinel = |token: &str| {
        UserClaims::decode(token).is_ok_and(|user| user.subject.as_ref() == Some(&sentinel_key))
    };
    name("/subject", "<issuer>", &|text| text == key("issuer"));
    name("/subject", "<callout account>", &|text| {
        text == key("callout_account")
    });
    name("/client/version", "<server version>", &|text| {
        text == version
    });
    name("/client/user", "<sentinel nkey>", &|text| {
        text == key("sentinel")
    });
    for pointer in ["/client/user", "/credentials/nkey"] {
        name(pointer, "<client nkey>", &|text| text == key("client_nkey"));
    }
    for pointer in ["/credentials/jwt", "/credentials/password"] {
        name(pointer, "<sentinel>", &sentinel);
    }
    if let Some(chains) = view.pointer_mut("/client/tls/chains") {
        for certificate in chains
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .flat_map(|chain| chain.as_array_mut().unwrap())
        {
            assert!(
                certificate
                    .as_str()
                    .unwrap()
                    .starts_with("-----BEGIN CERTIFICATE-----\n")
            );
            *certificate = json!("<certificate>");
        }
    }
    let nonce = view["client"]["nonce"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if let Some(signature) = view["credentials"]["signature"].as_str() {
        let signature = data_encoding::BASE64URL_NOPAD
            .decode(signature.as_bytes())
            .unwrap();
        let client: PublicKey = key("client_nkey").parse().unwrap();
        assert!(client.verifies(nonce.as_bytes(), &signature));
        view["client"]["nonce"] = json!("<nonce>");
        view["credentials"]["signature"] = json!("<signature of the nonce>");
    }
    assert!(PublicKey::is_valid(
        view["user_nkey"].as_str().unwrap(),
        KeyKind::User
    ));
    assert!(view["client"]["id"].as_u64().unwrap() > 0);
    assert_eq!(view["server"]["version"], version);
    let variable = json!({ "user_nkey": null, "client": { "id": null }, "server": { "id": null, "version": null } });
    merge(&mut view, &variable);
    without_nulls(&view)
}

#[rstest]
fn requests_of_real_servers_decode_to_what_was_sent(
    #[values("2.10.26", "2.11.11", "2.12.8", "2.14.6", "2.15.1")] version: &str,
) {
    let expected = json_of("expected.json");
    let captured = captured(version);
    assert!(captured.len() >= 13, "{captured:?}");
    for (case, token) in captured {
        let opened = opened(&token);
        let mut wanted = usual();
        merge(&mut wanted, &expected[&case]);
        assert_eq!(named(view(&opened), version), wanted, "{case} of {version}");
        assert_eq!(opened.expires_at(), opened.issued_at().map(|time| time + 5));
        assert_eq!(opened.issued_at(), Some(made_at(&token)));
        let raw: Value = serde_json::from_str(opened.raw()).unwrap();
        assert_eq!(raw["jti"], json!(opened.jti()));
    }
}

#[test]
fn every_case_was_captured_from_every_release() {
    let expected = json_of("expected.json");
    let mut cases: Vec<_> = expected.as_object().unwrap().keys().cloned().collect();
    cases.retain(|case| case != "xkey");
    cases.sort();
    for version in ["2.11.11", "2.12.8", "2.14.6", "2.15.1"] {
        let found: Vec<_> = captured(version)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(found, cases, "{version}");
    }
    // Default sentinels exist from 2.11.2 on.
    cases.retain(|case| case != "operator-default-sentinel");
    let found: Vec<_> = captured("2.10.26")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, cases);
}

#[rstest]
fn requests_of_real_servers_decode_as_another_implementation_decodes_them(
    #[values("2.10.26", "2.11.11", "2.12.8", "2.14.6", "2.15.1")] version: &str,
) {
    for (case, token) in captured(version) {
        let opened = opened(&token);
        let theirs = nats_token::decode_authorization_request_claims(&token).unwrap();
        let mut ours = view(&opened);
        merge(&mut ours, &json!({ "credentials": { "method": null } }));
        assert_eq!(
            without_nulls(&ours),
            without_nulls(&view_of_other(&theirs)),
            "{case} of {version}"
        );
        assert_eq!(opened.jti(), Some(theirs.claims.id.as_str()));
    }
}

/// Returns the view of the other implementation's claims, with two corrections: no token is shown
/// as a user, and MQTT's one password appears once.
fn view_of_other(claims: &nats_token::AuthorizationRequestClaims) -> Value {
    let request = &claims.request;
    let (server, client) = (&request.server_id, &request.client_info);
    let options = &request.connect_opts;
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let is_token = !options.token.is_empty() && client.user == options.token;
    let mqtt = client.client_type == "mqtt";
    let name = if client.name.is_empty() {
        &options.name
    } else {
        &client.name
    };
    json!({
        "subject": claims.claims.subject,
        "request_nonce": text(&request.request_nonce),
        "tags": [],
        "user_nkey": request.user_nkey,
        "server": {
            "id": server.id, "name": server.name, "host": server.host, "version": text(&server.version),
            "cluster": text(&server.cluster), "tags": server.tags, "xkey": text(&server.xkey),
        },
        "client": {
            "host": text(&client.host), "id": client.id,
            "user": text(if is_token { "[REDACTED]" } else { &client.user }),
            "name": text(name), "kind": text(&client.kind), "transport": text(&client.client_type),
            "mqtt_id": text(&client.mqtt), "lang": text(&options.lang), "version": text(&options.version),
            "tags": client.tags, "nonce": text(&client.nonce), "name_tag": text(&client.name_tag),
            "tls": request.client_tls.as_ref().map(|tls| json!({
                "version": tls.version, "cipher": tls.cipher, "verified": !tls.verified_chains.is_empty(),
                "chains": tls.verified_chains,
            })),
        },
        "credentials": {
            "username": text(&options.username),
            "password": text(&options.password),
            "token": text(&options.token).filter(|_| !mqtt),
            "jwt": text(&options.jwt).filter(|jwt| !mqtt || jwt.contains('.')),
            "nkey": text(&options.nkey),
            "signature": text(&options.signed_nonce),
        },
    })
}

#[rstest]
fn sealed_requests_of_real_servers_open_with_the_configured_xkey(
    #[values("2.10.26", "2.11.11", "2.12.8", "2.14.6", "2.15.1")] version: &str,
) {
    let file = fs::read_to_string(folder().join(version).join("xkey.sealed")).unwrap();
    let (header, sealed) = file.trim().split_once('\n').unwrap();
    let sealed = data_encoding::BASE64.decode(sealed.as_bytes()).unwrap();
    let refused = OpenedRequest::open(&sealed, 0, Duration::ZERO).unwrap_err();
    assert_eq!(refused, RequestError::Encrypted);

    let keys = json_of("keys.json");
    let key = CurveKey::from_seed(keys["xkey_seed"].as_str().unwrap()).unwrap();
    assert_eq!(keys["xkey"], key.public_key());
    let server: PublicKey = header.parse().unwrap();
    let token = key.open(&sealed, &server).unwrap();
    let opened = opened(std::str::from_utf8(&token).unwrap());

    assert_eq!(opened.server_xkey(), Some(header));
    let mut wanted = usual();
    merge(&mut wanted, &json_of("expected.json")["xkey"]);
    merge(&mut wanted, &json!({ "server": { "xkey": header } }));
    assert_eq!(named(view(&opened), version), wanted);
}
