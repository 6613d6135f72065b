//! Logins in files, and wrong ones.

use serde_json::json;

use crate::site::{PASSWORD, Site};

const PROFILE: &str = "publish = { allow = [\"app.>\"] }";
const USER: &str = "UB2X2SCUJM2GNJ4ZTW5P3WXBZZDYBMIPDYHDOBFJSKEJQBZ7MN2XKWGB";
const SERVER: &str = "NCBZ5GGBPVWMJPM2IBAI5AR4A6YGB3CWGZESM6O2DQHAE6Q2VVUHHTUE";

#[test]
fn the_decoded_claims_of_a_request_are_a_login() {
    let site = Site::with_alice("", PROFILE);
    let body = json!({
        "server_id": { "id": SERVER, "name": "n1", "version": "2.12.1" },
        "user_nkey": USER,
        "client_info": { "host": "192.0.2.7", "kind": "Client", "type": "websocket" },
        "connect_opts": { "user": "alice", "pass": PASSWORD },
        "type": "authorization_request",
        "version": 2,
    });
    for claims in [json!({ "iat": 1, "nats": body }), body] {
        site.put("request.json", claims.to_string());
        let decided = site.run(&["decide", "request.json"]);
        decided.expect(
            0,
            &[
                "  connection: WEBSOCKET, from 192.0.2.7\n",
                "server, release 2.12.1: accepts\n",
                USER,
            ],
        );
    }
    let mixed = site.run(&["decide", "request.json", "--user", "bob"]);
    assert_eq!(mixed.code, Some(64), "{mixed:?}");
}

#[test]
fn options_replace_values_of_a_described_login() {
    let site = Site::with_alice("", PROFILE);
    let login = json!({ "username": "bob", "password": PASSWORD });
    site.put("login.json", login.to_string());
    assert_eq!(site.run(&["decide", "login.json"]).code, Some(82));
    let replaced = site.run(&["decide", "login.json", "--user", "alice"]);
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
}

#[test]
fn a_login_that_an_editor_on_windows_wrote_is_read() {
    let site = Site::with_alice("", PROFILE);
    let login = format!(
        "\u{feff}{{\r\n  \"username\": \"alice\",\r\n  \"password\": \"{PASSWORD}\"\r\n}}\r\n"
    );
    site.put("login.json", login);
    let decided = site.run(&["decide", "login.json"]);
    assert_eq!(decided.code, Some(0), "{decided:?}");
}

#[test]
fn a_wrong_login_is_told_without_its_values() {
    let site = Site::with_alice("", PROFILE);
    for (content, part) in [
        (
            r#"{ "pasword": "hunter2" }"#,
            "the login is wrong: unknown field `pasword`, did you mean `password`?\n",
        ),
        (
            r#"{ "username": { "hunter2": 1 } }"#,
            "the login is wrong: username: expected a string, found a table\n",
        ),
        (r#"{ "password": "hunter2" "#, "line 1"),
        (
            r#"{ "identity": { "method": "oidc" } }"#,
            "the login is wrong: identity: the host takes a token only if it has verified it: add `proved = true`\n",
        ),
        (
            r#"{ "connect_opts": { "pass": "hunter2" } }"#,
            "`user_nkey` is not",
        ),
        (
            r#"{ "user_nkey": "U", "client_info": { "id": "hunter2, expected hunter2" } }"#,
            "not the claims of an authorization request: client_info.id: expected a whole number that is not negative, found a string",
        ),
        (
            r#"{ "user_nkey": "U", "client_info": { "tags": "hunter2" } }"#,
            "client_info.tags: expected a list, found a string",
        ),
        (
            r#"{ "nats": "hunter2" }"#,
            "not the claims of an authorization request: expected a table, found a string",
        ),
        (
            "[1]",
            "`login.json`: the login is wrong: expected an object",
        ),
        (" \r\n", "it is empty: write a login, such as"),
        (
            "username = \"hunter2\"",
            "neither JSON (expected value at line 1 column 1) nor the token of an authorization request",
        ),
        (
            "{}\r\n\r\n{ \"password\": \"hunter2\" }",
            "more follows the login, from line 3 on: keep one login",
        ),
        (
            r#"{ "username": "alice", "password": "x", "username": "hunter2" }"#,
            "the login is wrong: `username` stands there twice at line 1 column",
        ),
        (
            r#"{ "client": { "id": 18446744073709551616 } }"#,
            "client.id: expected a whole number that is not negative, found a larger number",
        ),
        ("eyJ.hunter2.x", "the request is not a valid token"),
    ] {
        site.put("login.json", content);
        let wrong = site.run(&["decide", "login.json"]);
        assert_eq!(wrong.code, Some(78), "{content}: {wrong:?}");
        assert!(wrong.stderr.contains(part), "{content}: {wrong:?}");
        assert!(!wrong.stderr.contains("hunter2"), "{content}: {wrong:?}");
        assert_eq!(wrong.stdout, "", "{content}");
    }
    let missing = site.run(&["decide", "absent.json"]);
    assert_eq!(missing.code, Some(66), "{missing:?}");
    for wrong in [
        ["--now", "soon"],
        ["--server-version", "new"],
        ["--type", "PIGEON"],
        ["--type", "MQTT_WS"],
    ] {
        let finished = site.run(&[&["decide"][..], &wrong].concat());
        assert_eq!(finished.code, Some(64), "{finished:?}");
    }
}

#[test]
fn buckets_that_the_login_does_not_describe_cannot_be_looked_into() {
    let site = Site::new(
        "[key-value]\nbuckets = [\"revoked\"]\n[policies.grants.p]\nkey-value = [\"revoked\"]\n",
    );
    let guest = portcullis_test_support::guest("looks_up").unwrap();
    site.put("policies/p.wasm", guest);
    site.put("policies/p.toml", "[settings]\nbucket = \"revoked\"\n");
    let decided = |buckets: &str| {
        let login = format!(r#"{{ "username": "alice", "password": "x" {buckets} }}"#);
        site.put("login.json", login);
        site.run(&["decide", "login.json"])
    };
    decided(r#", "key-value": { "revoked": { "bob": "x" } }"#).expect(0, &["permit: "]);
    decided(r#", "key-value": { "revoked": { "alice": "May" } }"#).expect(
        82,
        &[
            "policy-denied: revoked: May",
            "asked: ",
            "key-value.get(revoked",
        ],
    );
    decided("").expect(
        82,
        &[
            "policy-denied: cannot look up: bucket `revoked` is not described",
            r#"add `"key-value": { "revoked": { "alice": "VALUE" } }`"#,
        ],
    );
}
