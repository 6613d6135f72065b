use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::with_causes;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use url::Url;

use super::*;
use crate::oidc::KeySource;
use crate::oidc::testing::{Answer, ED25519, ISSUER, Provider, options, set};

fn document() -> String {
    set(&[ED25519.jwk("k")])
}

fn short() -> IssuerOptions {
    IssuerOptions {
        max_bytes: 4096,
        ..options()
    }
}

/// Fetches keys. Returns their number, or the error.
async fn outcome(options: IssuerOptions) -> Result<usize, String> {
    let source = Source::new(&options).map_err(str::to_owned)?;
    let keys = fetch(&NetworkClient, &source, &Arc::new(options)).await;
    keys.map(|keys| keys.len())
        .map_err(|error| with_causes(&error))
}

async fn at(provider: &Provider, path: &str) -> Result<usize, String> {
    let keys = KeySource::Jwks(provider.at(path));
    outcome(IssuerOptions { keys, ..short() }).await
}

fn raw(status: &str, headers: &str, body: &str) -> Answer {
    Answer::Raw(format!(
        "HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n{body}"
    ))
}

#[tokio::test]
async fn every_fault_of_a_provider_is_reported() {
    let provider = Provider::start();
    let elsewhere = Provider::start();
    elsewhere.document("/keys", document());
    let long = format!("content-length: {}\r\n", document().len() + 1);
    let moved = format!(
        "location: {}\r\ncontent-length: 0\r\n",
        elsewhere.at("/keys")
    );
    let chunked = "transfer-encoding: chunked\r\n";
    for (answer, expected) in [
        (Answer::Document(document()), Ok(1)),
        (raw("200 OK", "", &document()), Ok(1)),
        (
            raw("500 Internal Server Error", "", &document()),
            Err("answers with status 500"),
        ),
        (
            raw("201 Created", "", &document()),
            Err("answers with status 201"),
        ),
        (raw("302 Found", &moved, ""), Err("answers with status 302")),
        (
            raw("308 Permanent Redirect", &moved, ""),
            Err("answers with status 308"),
        ),
        (
            raw("200 OK", &long, &document()),
            Err("cannot be fetched: "),
        ),
        (
            raw("200 OK", chunked, "5\r\n{\"key"),
            Err("cannot be fetched: "),
        ),
        (Answer::Raw(String::new()), Err("cannot be fetched: ")),
        (
            Answer::Raw("SSH-2.0\r\n\r\n".to_owned()),
            Err("cannot be fetched: "),
        ),
        (Answer::Endless, Err("has more than 4096 bytes")),
        (
            Answer::Document(" ".repeat(4097)),
            Err("has more than 4096 bytes"),
        ),
        (
            Answer::Document("<html>".to_owned()),
            Err("is not a JWK set"),
        ),
        (
            Answer::Document(document().replace('}', "")),
            Err("is not a JWK set"),
        ),
        (
            Answer::Document(set(&[])),
            Err("has no key for signatures: the set is empty"),
        ),
        (
            Answer::Document(set(&[json!({ "kty": "oct" })])),
            Err("has no key for signatures: a key without `kid`: its `kty` `oct` is none"),
        ),
    ] {
        provider.answer("/keys", answer);
        let found = at(&provider, "/keys").await;
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(*found, expected),
            (Err(found), Err(expected)) => {
                assert!(found.contains(expected), "{found} / {expected}");
                assert!(found.contains(provider.at("/keys").as_str()), "{found}");
            }
            _ => panic!("{found:?} / {expected:?}"),
        }
    }
    assert_eq!(elsewhere.hits("/keys"), 0, "a redirect was followed");
    assert!(
        at(&provider, "/none")
            .await
            .unwrap_err()
            .contains("status 404")
    );
}

#[tokio::test]
async fn a_provider_that_is_silent_or_away_is_waited_for_as_long_as_allowed() {
    let provider = Provider::start();
    provider.answer("/keys", Answer::Silence);
    let options = IssuerOptions {
        keys: KeySource::Jwks(provider.at("/keys")),
        timeout: Duration::from_millis(50),
        ..short()
    };
    let error = outcome(options).await.unwrap_err();
    assert!(error.contains("took longer than the `timeout`"), "{error}");

    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let gone = Url::parse(&format!("http://127.0.0.1:{port}/keys")).unwrap();
    let keys = KeySource::Jwks(gone);
    let error = outcome(IssuerOptions { keys, ..short() })
        .await
        .unwrap_err();
    assert!(error.contains("cannot be fetched: "), "{error}");
}

fn discovered(provider: &Provider, path: &str) -> IssuerOptions {
    IssuerOptions {
        keys: KeySource::Discovery(Some(provider.at(path))),
        ..short()
    }
}

#[tokio::test]
async fn the_configuration_has_to_be_the_issuers_own() {
    let provider = Provider::start();
    provider.document("/keys", document());
    let keys = provider.at("/keys").to_string();
    for (configuration, expected) in [
        (
            json!({ "issuer": ISSUER, "jwks_uri": keys, "more": {} }),
            Ok(1),
        ),
        (
            json!({ "issuer": format!("{ISSUER}/"), "jwks_uri": keys }),
            Err("is the configuration of `https://idp.example/realm/`"),
        ),
        (
            json!({ "issuer": "`\n", "jwks_uri": keys }),
            Err(r"is the configuration of `'\n`"),
        ),
        (
            json!({ "jwks_uri": keys }),
            Err("expected `issuer` and `jwks_uri`"),
        ),
        (
            json!({ "issuer": ISSUER }),
            Err("expected `issuer` and `jwks_uri`"),
        ),
        (json!([]), Err("expected `issuer` and `jwks_uri`")),
        (
            json!({ "issuer": ISSUER, "jwks_uri": "/keys" }),
            Err("it is not a URL"),
        ),
        (
            json!({ "issuer": ISSUER, "jwks_uri": "file:///etc/passwd" }),
            Err("it is not `https`"),
        ),
        (
            json!({ "issuer": ISSUER, "jwks_uri": "http://idp.example/keys" }),
            Err("it is not `https`; set `allow-http`"),
        ),
        (
            json!({ "issuer": ISSUER, "jwks_uri": "https://a:b@idp.example/keys" }),
            Err("user name or a password"),
        ),
    ] {
        provider.document("/configuration", configuration.to_string());
        let found = outcome(discovered(&provider, "/configuration")).await;
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(*found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            _ => panic!("{found:?} / {expected:?}"),
        }
    }
    assert_eq!(provider.hits("/keys"), 1);
}

#[tokio::test]
async fn the_configuration_is_where_the_issuer_says() {
    let provider = Provider::start();
    for issuer in ["", "/", "/realms/a", "/realms/a/"] {
        let issuer = provider.url.as_str().trim_end_matches('/').to_owned() + issuer;
        let options = IssuerOptions { issuer, ..short() };
        let error = outcome(options.clone()).await.unwrap_err();
        assert!(error.contains("status 404"), "{error}");
    }
    assert_eq!(provider.hits("/.well-known/openid-configuration"), 2);
    assert_eq!(
        provider.hits("/realms/a/.well-known/openid-configuration"),
        2
    );
}

#[test]
fn keys_come_over_tls_or_from_this_machine() {
    for (url, allow_http, expected) in [
        ("https://idp.example/keys", false, true),
        ("http://127.0.0.1:1/keys", false, true),
        ("http://127.9.9.9/keys", false, true),
        ("http://[::1]/keys", false, true),
        ("http://localhost/keys", false, true),
        ("http://idp.example/keys", true, true),
        ("http://idp.example/keys", false, false),
        ("http://10.0.0.1/keys", false, false),
        ("http://localhost.example/keys", false, false),
        ("http://127.0.0.1.example/keys", false, false),
        ("https://user@idp.example/keys", true, false),
        ("https://:pass@idp.example/keys", true, false),
        ("ftp://127.0.0.1/keys", true, false),
        ("file:///keys", true, false),
    ] {
        let url: Url = url.parse().unwrap();
        for keys in [
            KeySource::Jwks(url.clone()),
            KeySource::Discovery(Some(url.clone())),
        ] {
            let options = IssuerOptions {
                keys,
                allow_http,
                ..options()
            };
            assert_eq!(Source::new(&options).is_ok(), expected, "{url}");
        }
    }
    for (issuer, expected) in [
        ("https://idp.example", true),
        ("http://idp.example", false),
        ("https://idp.example?a=b", false),
        ("https://idp.example#a", false),
        ("kubernetes/serviceaccount", false),
        ("spiffe://example.org", false),
        ("", false),
    ] {
        let options = IssuerOptions {
            issuer: issuer.to_owned(),
            ..options()
        };
        assert_eq!(Source::new(&options).is_ok(), expected, "{issuer}");
    }
}

#[tokio::test]
async fn the_bearer_token_goes_to_the_origin_that_is_configured_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "first\n").unwrap();
    let (provider, other) = (Provider::start(), Provider::start());
    other.document("/keys", document());
    let configuration = json!({ "issuer": ISSUER, "jwks_uri": other.at("/keys").as_str() });
    provider.document("/configuration", configuration.to_string());
    let options = IssuerOptions {
        bearer_token_file: Some(path.clone()),
        ..discovered(&provider, "/configuration")
    };
    assert_eq!(outcome(options.clone()).await, Ok(1));
    fs::write(&path, "second").unwrap();
    assert_eq!(outcome(options.clone()).await, Ok(1));
    let sent: Vec<bool> = provider
        .requests()
        .iter()
        .map(|head| head.contains("authorization: Bearer first\r\n"))
        .collect();
    assert_eq!(sent, [true, false]);
    assert!(provider.requests()[1].contains("authorization: Bearer second\r\n"));
    for head in other.requests() {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
    }
    for broken in ["", " \n", "a\nb", "\u{1}"] {
        fs::write(&path, broken).unwrap();
        let error = outcome(options.clone()).await.unwrap_err();
        assert!(error.contains("has no token that can be sent"), "{error}");
    }
}

#[tokio::test]
async fn keys_elsewhere_that_want_the_token_are_named_with_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "secret-token").unwrap();
    let (provider, other) = (Provider::start(), Provider::start());
    let configuration = json!({ "issuer": ISSUER, "jwks_uri": other.at("/keys").as_str() });
    provider.document("/configuration", configuration.to_string());
    for (status, is_for_want_of_it) in [
        ("401 Unauthorized", true),
        ("403 Forbidden", true),
        ("500 Oh", false),
    ] {
        other.answer("/keys", raw(status, "", ""));
        let options = IssuerOptions {
            bearer_token_file: Some(path.clone()),
            ..discovered(&provider, "/configuration")
        };
        let error = outcome(options).await.unwrap_err();
        let origin = provider.url.as_str().trim_end_matches('/');
        let goes = format!("the token in `bearer-token-file` goes to `{origin}` only");
        let set = format!("set `jwks-url = \"{}\"`", other.at("/keys"));
        assert_eq!(error.contains(&goes), is_for_want_of_it, "{error}");
        assert_eq!(error.contains(&set), is_for_want_of_it, "{error}");
        assert!(!error.contains("secret-token"), "{error}");
        let error = outcome(discovered(&provider, "/configuration"))
            .await
            .unwrap_err();
        assert!(!error.contains(&set), "there is no token to send: {error}");
    }
}

fn over_tls(names: &[&str]) -> (Provider, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let provider = Provider::start_with("https", move |stream| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        Box::new(StreamOwned::new(session, stream))
    });
    (provider, cert.pem())
}

#[tokio::test]
async fn over_tls_the_certificate_has_to_be_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (provider, pem) = over_tls(&["127.0.0.1"]);
    let (stranger, _) = over_tls(&["127.0.0.1"]);
    let (misnamed, wrong_name) = over_tls(&["idp.example"]);
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        Some(path)
    };
    let trusted = file("ca.pem", &pem);
    for (server, ca_file, expected) in [
        (&provider, trusted.clone(), Ok(1)),
        (
            &provider,
            file("two.pem", &format!("{wrong_name}{pem}")),
            Ok(1),
        ),
        (&provider, None, Err("cannot be fetched: ")),
        (&stranger, trusted.clone(), Err("cannot be fetched: ")),
        (
            &misnamed,
            file("name.pem", &wrong_name),
            Err("cannot be fetched: "),
        ),
        (
            &provider,
            file("empty.pem", ""),
            Err("has no PEM certificate"),
        ),
        (
            &provider,
            Some(folder.path().join("none")),
            Err("cannot be read"),
        ),
    ] {
        server.document("/keys", document());
        let options = IssuerOptions {
            keys: KeySource::Jwks(server.at("/keys")),
            ca_file,
            ..short()
        };
        let found = outcome(options).await;
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(*found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            _ => panic!("{found:?} / {expected:?}"),
        }
    }
}

async fn from_file(path: &Path) -> Result<usize, String> {
    let keys = KeySource::File(path.to_owned());
    outcome(IssuerOptions { keys, ..short() }).await
}

#[tokio::test]
async fn keys_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let error = from_file(&path).await.unwrap_err();
    assert!(error.contains("keys.json` cannot be read: "), "{error}");
    for (content, expected) in [
        (document(), Ok(1)),
        (
            format!("{}{}", document(), " ".repeat(4096)),
            Err("has more than 4096 bytes"),
        ),
        (set(&[]), Err("has no key for signatures")),
        ("{".to_owned(), Err("is not a JWK set")),
    ] {
        fs::write(&path, content).unwrap();
        let found = from_file(&path).await;
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(*found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            _ => panic!("{found:?} / {expected:?}"),
        }
    }
}
