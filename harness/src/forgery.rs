//! Forged tokens.

use anyhow::{Context, Result};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// Returns the token with a changed header or payload, and its original signature.
///
/// # Errors
///
/// Fails if the text is not a signed token.
pub fn changed(token: &str, change: impl FnOnce(&mut Value, &mut Value)) -> Result<String> {
    let mut parts = token.split('.');
    let mut part = || parts.next().context("a token has three parts");
    let (header, payload, signature) = (part()?, part()?, part()?);
    let read = |part: &str| -> Result<Value> {
        let bytes = BASE64URL_NOPAD.decode(part.as_bytes())?;
        Ok(serde_json::from_slice(&bytes)?)
    };
    let (mut header, mut payload) = (read(header)?, read(payload)?);
    change(&mut header, &mut payload);
    let write = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    Ok(format!(
        "{}.{}.{signature}",
        write(&header),
        write(&payload)
    ))
}

/// The part of a token that a forger changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// The id of the key, changed to an unknown one.
    KeyId,
    /// The audience, changed to a different one.
    Audience,
}

impl Forgery {
    /// Returns the forged token with this number, made of `token`.
    ///
    /// # Errors
    ///
    /// Fails if the text is not a signed token.
    pub fn of(self, token: &str, number: usize) -> Result<String> {
        let invented = json!(format!("invented-{number}"));
        changed(token, |header, payload| {
            let (object, name) = match self {
                Self::KeyId => (header, "kid"),
                Self::Audience => (payload, "aud"),
            };
            if let Some(object) = object.as_object_mut() {
                object.insert(name.to_owned(), invented);
            }
        })
    }
}
