//! A response in the making.

use anyhow::Result;
use nkeys::KeyPair;
use serde_json::{Value, json};

use super::mint::{HEADER, Signing, token, token_of_text};

/// What the request says that the response has to repeat.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) user_nkey: String,
    pub(super) server_id: String,
    pub(super) client_user: Option<String>,
    /// When the request came, in seconds since the Unix epoch.
    pub(super) now: u64,
}

/// Claims of a user and of the response around it, and who signs them how.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) user: Value,
    pub(super) response: Value,
    pub(super) user_key: &'a KeyPair,
    pub(super) response_key: &'a KeyPair,
    pub(super) user_signing: Signing,
    pub(super) response_signing: Signing,
    pub(super) header: &'static str,
    /// What is sent instead.
    pub(super) instead: Option<&'static str>,
    /// Whether the response has the user JWT.
    pub(super) has_user: bool,
    /// Levels of lists in place of the text `nested` in the user JWT.
    pub(super) nested: usize,
    /// Whether it is sealed to the server.
    pub(super) sealed: bool,
}

impl<'a> Draft<'a> {
    /// A response that every server takes in config mode.
    pub(super) fn new(facts: &Facts, user_key: &'a KeyPair, response_key: &'a KeyPair) -> Self {
        let user = json!({
            "iat": facts.now,
            "iss": user_key.public_key(),
            "sub": facts.user_nkey,
            // To servers that enforce limits, a missing one is none at all.
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

    /// Has the user JWT signed by another key.
    pub(super) fn sign_user(&mut self, key: &'a KeyPair) {
        self.user_key = key;
        self.user["iss"] = json!(key.public_key());
    }

    /// Has the response signed by another key.
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

    /// The response as a token.
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
