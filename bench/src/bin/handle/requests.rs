//! Authorization requests, signed as a server signs them.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// The JWT header that servers write.
const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;

/// The user in every request with a password, and the correct password.
pub(crate) const USER: [&str; 2] = ["alice", "alice's"];

/// Returns the CONNECT options of a client that logs in with the password.
pub(crate) fn password() -> Value {
    let [user, password] = USER;
    json!({
        "user": user, "pass": password, "name": "measured", "lang": "rust", "version": "0.51.0", "protocol": 1,
    })
}

/// Returns the CONNECT options of a client that logs in with a token of an identity provider.
pub(crate) fn token(token: &str) -> Value {
    json!({
        "auth_token": token, "name": "measured", "lang": "rust", "version": "0.51.0", "protocol": 1,
    })
}

/// Returns `number` requests of one server for the account key `issuer`, about clients with the
/// options `connect`. Each is for a different user key, and is valid for an hour.
pub(crate) fn signed(issuer: &str, connect: &Value, number: usize) -> Result<Vec<Bytes>> {
    let server = KeyPair::new_server();
    let id = server.public_key();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.context("the clock stands before 1970")?.as_secs();
    // Servers redact a token in this field.
    let user = connect.get("user").cloned();
    let user = user.unwrap_or_else(|| json!("[REDACTED]"));
    let request = |_| {
        let claims = json!({
            "aud": "nats-authorization-request", "exp": now + 60, "iat": now, "iss": id,
            "jti": "4OOFTSYDVLRBOUFBQ4CYB4QYNAYV5HIIHO6XQSSDYYFRNPFPDGNQ", "sub": issuer,
            "nats": {
                "server_id": { "name": "nats-1", "host": "0.0.0.0", "id": id, "version": "2.15.1", "cluster": "east" },
                "user_nkey": KeyPair::new_user().public_key(),
                "client_info": {
                    "host": "127.0.0.1", "id": 4711, "user": user, "name": "measured",
                    "kind": "Client", "type": "nats",
                },
                "connect_opts": connect,
                "type": "authorization_request", "version": 2,
            },
        });
        let signed = format!(
            "{}.{}",
            BASE64URL_NOPAD.encode(HEADER.as_bytes()),
            BASE64URL_NOPAD.encode(claims.to_string().as_bytes())
        );
        let signature = server.sign(signed.as_bytes())?;
        let signature = BASE64URL_NOPAD.encode(&signature);
        Ok(Bytes::from(format!("{signed}.{signature}")))
    };
    (0..number).map(request).collect()
}
