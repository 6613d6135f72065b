//! What a foreign client presents, and how it gets to its server.

use std::path::Path;

use anyhow::Result;
use nkeys::KeyPair;
use serde_json::{Map, Value, json};

use crate::{Certificate, Credentials, leaks};

/// What a client presents, and how it gets to its server. WebSocket and cookies are for nats.js alone; MQTT has a user name and
/// a password, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Login(Map<String, Value>);

impl Login {
    /// The user name `user` and a password.
    pub fn password(user: &str, password: &str) -> Self {
        Self::default()
            .with("user", json!(user))
            .with("password", json!(password))
    }

    /// A token.
    pub fn token(token: &str) -> Self {
        Self::default().and_token(token)
    }

    /// An nkey, with the signature that proves it.
    ///
    /// # Errors
    ///
    /// If the key has no seed.
    pub fn nkey(key: &KeyPair) -> Result<Self> {
        Ok(Self::default().with("seed", json!(key.seed()?)))
    }

    /// The nkey `claimed`, with a signature by another one. nats.js only.
    ///
    /// # Errors
    ///
    /// If the key has no seed.
    pub fn forged_nkey(claimed: &str, signer: &KeyPair) -> Result<Self> {
        Ok(Self::nkey(signer)?.with("nkey", json!(claimed)))
    }

    /// The content of a credentials file.
    pub fn credentials(text: &str) -> Self {
        Self::default().with("credentials", json!(text))
    }

    /// And a token.
    #[must_use]
    pub fn and_token(self, token: &str) -> Self {
        self.with("token", json!(token))
    }

    /// Over TLS, with a server that `authority` vouches for, and a certificate of the client's own if it has one.
    #[must_use]
    pub fn over_tls(self, authority: &Path, certificate: Option<&Certificate>) -> Self {
        let mut files = json!({ "authority": authority });
        if let (Some(certificate), Some(files)) = (certificate, files.as_object_mut()) {
            files.insert("certificate".to_owned(), json!(certificate.file));
            files.insert("key".to_owned(), json!(certificate.key_file));
        }
        self.with("tls", files)
    }

    /// With these cookies.
    #[must_use]
    pub fn cookies(self, cookies: &[(&str, &str)]) -> Self {
        let cookies = cookies
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)));
        self.with("cookies", Value::Object(cookies.collect()))
    }

    /// What the client programs read. Every host is looked at for the secrets in it.
    pub(super) fn to_json(&self, url: &str, name: &str, steps: Vec<Value>) -> Value {
        let secrets = ["password", "token"].into_iter();
        for secret in secrets.filter_map(|key| self.0.get(key)?.as_str()) {
            leaks::note(secret);
        }
        let login = self.clone().with("url", json!(url));
        let login = login.with("name", json!(name));
        Value::Object(login.with("steps", Value::Array(steps)).0)
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }
}

impl From<Credentials<'_>> for Login {
    fn from(credentials: Credentials<'_>) -> Self {
        match credentials {
            Credentials::None => Self::default(),
            Credentials::Password(user, password) => Self::password(user, password),
            Credentials::Token(token) => Self::token(token),
        }
    }
}
