//! Tokens made by hand, so that any part can be wrong.

use anyhow::Result;
use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// The header that NATS writes.
pub(super) const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;

/// The way in which a token is signed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signing {
    /// The signature of version 2, over header and claims.
    Second,
    /// The signature of version 1, over the claims only.
    First,
    /// A signature of a different text.
    Broken,
}

/// Signs arbitrary `claims` as a token.
pub(super) fn token(
    header: &str,
    claims: &Value,
    key: &KeyPair,
    signing: Signing,
) -> Result<String> {
    token_of_text(header, &claims.to_string(), key, signing)
}

/// Signs claims as a token, given as JSON text.
pub(super) fn token_of_text(
    header: &str,
    claims: &str,
    key: &KeyPair,
    signing: Signing,
) -> Result<String> {
    let [header, claims] = [header, claims].map(|part| BASE64URL_NOPAD.encode(part.as_bytes()));
    let signed = match signing {
        Signing::Second => format!("{header}.{claims}"),
        Signing::First => claims.clone(),
        Signing::Broken => "something else".to_owned(),
    };
    let signature = BASE64URL_NOPAD.encode(&key.sign(signed.as_bytes())?);
    Ok(format!("{header}.{claims}.{signature}"))
}

/// Signs a token that a server reads at its start: that of an operator, an account or a sentinel.
pub(super) fn trusted(subject: &str, name: &str, nats: &Value, signer: &KeyPair) -> Result<String> {
    let claims = json!({
        "iat": 1_700_000_000,
        "iss": signer.public_key(),
        "sub": subject,
        "name": name,
        "nats": nats,
    });
    token(HEADER, &claims, signer, Signing::Second)
}

/// Returns the limits of an unlimited account.
pub(super) fn unlimited() -> Value {
    json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
    })
}
