//! Tokens that were tampered with.

use anyhow::{Context, Result};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// A token whose header or payload is another one, with the signature that it had.
///
/// # Errors
///
/// If it is no signed token.
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

/// What a forger changes in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// The id of the key, to one that nobody has.
    KeyId,
    /// The audience, to somebody else.
    Audience,
}

impl Forgery {
    /// The `number`th such token made of `token`.
    ///
    /// # Errors
    ///
    /// If it is no signed token.
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
