//! A response before it is signed.

use anyhow::Result;
use nkeys::KeyPair;
use serde_json::{Value, json};

use super::mint::{HEADER, Signing, token, token_of_text};

/// The parts of a request that the response must repeat.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) user_nkey: String,
    pub(super) server_id: String,
    pub(super) client_user: Option<String>,
    /// The time of the request, in seconds since the Unix epoch.
    pub(super) now: u64,
}

/// The claims of a user and of the response around it, and the way in which they are signed.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) user: Value,
    pub(super) response: Value,
    pub(super) user_key: &'a KeyPair,
    pub(super) response_key: &'a KeyPair,
    pub(super) user_signing: Signing,
    pub(super) response_signing: Signing,
    pub(super) header: &'static str,
    /// The text that is sent instead of the response.
    pub(super) instead: Option<&'static str>,
    /// Whether the response contains the user JWT.
    pub(super) has_user: bool,
    /// The number of nested lists in place of the text `nested` in the user JWT.
    pub(super) nested: usize,
    /// Whether the response is encrypted for the server.
    pub(super) sealed: bool,
}

impl<'a> Draft<'a> {
    /// Creates a response that every server accepts in config mode.
    pub(super) fn new(facts: &Facts, user_key: &'a KeyPair, response_key: &'a KeyPair) -> Self {
        let user = json!({
            "iat": facts.now,
            "iss": user_key.public_key(),
            "sub": facts.user_nkey,
            // Servers that enforce limits read a missing limit as zero.
            "nats": { "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 },
        });
        let response = json!({
            "aud": facts.server_id,
            "iat": facts.now,
            "iss": response_key.public_key(),
            "sub": facts.user_nkey,
            "nats": { "type": "authorization_response", "version": 2 },
        });
        Self {
            user,
            response,
            user_key,
            response_key,
            user_signing: Signing::Second,
            response_signing: Signing::Second,
            header: HEADER,
            instead: None,
            has_user: true,
            nested: 0,
            sealed: false,
        }
    }

    /// Makes a different key sign the user JWT.
    pub(super) fn sign_user(&mut self, key: &'a KeyPair) {
        self.user_key = key;
        self.user["iss"] = json!(key.public_key());
    }

    /// Makes a different key sign the response.
    pub(super) fn sign_response(&mut self, key: &'a KeyPair) {
        self.response_key = key;
        self.response["iss"] = json!(key.public_key());
    }

    /// Sets a field under `nats` of the user JWT.
    pub(super) fn user_nats(&mut self, field: &str, value: Value) {
        self.user["nats"][field] = value;
    }

    /// Sets a field under `nats` of the response.
    pub(super) fn response_nats(&mut self, field: &str, value: Value) {
        self.response["nats"][field] = value;
    }

    /// Answers with an error instead of a user.
    pub(super) fn deny(&mut self, reason: &str) {
        self.has_user = false;
        self.response_nats("error", json!(reason));
    }

    /// Returns the response as a token.
    pub(super) fn finish(&self) -> Result<String> {
        if let Some(instead) = self.instead {
            return Ok(instead.to_owned());
        }
        let mut response = self.response.clone();
        if self.has_user {
            let lists = format!("{}{}", "[".repeat(self.nested), "]".repeat(self.nested));
            let claims = self.user.to_string().replacen(r#""nested""#, &lists, 1);
            let user = token_of_text(self.header, &claims, self.user_key, self.user_signing)?;
            response["nats"]["jwt"] = json!(user);
        }
        token(
            self.header,
            &response,
            self.response_key,
            self.response_signing,
        )
    }
}
