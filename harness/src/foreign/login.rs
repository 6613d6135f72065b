//! The credentials of a third-party client, and how it connects to its server.

use std::path::Path;

use anyhow::Result;
use nkeys::KeyPair;
use serde_json::{Map, Value, json};

use crate::{Certificate, Credentials, leaks};

/// The credentials of a client, and how it connects to its server. Only nats.js supports WebSocket
/// and cookies; MQTT supports only a user name and a password.
#[derive(Clone, Debug, Default)]
pub struct Login(Map<String, Value>);

impl Login {
    /// Logs in with a user name and a password.
    pub fn password(user: &str, password: &str) -> Self {
        Self::default()
            .with("user", json!(user))
            .with("password", json!(password))
    }

    /// Logs in with a token.
    pub fn token(token: &str) -> Self {
        Self::default().and_token(token)
    }

    /// Logs in with an nkey, and the signature that proves it.
    ///
    /// # Errors
    ///
    /// Fails if the key has no seed.
    pub fn nkey(key: &KeyPair) -> Result<Self> {
        Ok(Self::default().with("seed", json!(key.seed()?)))
    }

    /// Logs in with the nkey `claimed`, and a signature by a different key. nats.js only.
    ///
    /// # Errors
    ///
    /// Fails if the key has no seed.
    pub fn forged_nkey(claimed: &str, signer: &KeyPair) -> Result<Self> {
        Ok(Self::nkey(signer)?.with("nkey", json!(claimed)))
    }

    /// Logs in with the content of a credentials file.
    pub fn credentials(text: &str) -> Self {
        Self::default().with("credentials", json!(text))
    }

    /// Logs in with a credentials file, which the client library reads itself. nats.go only.
    pub fn credentials_file(file: &Path) -> Self {
        Self::default().with("credentials-file", json!(file))
    }

    /// Adds a token.
    #[must_use]
    pub fn and_token(self, token: &str) -> Self {
        self.with("token", json!(token))
    }

    /// Receives answers below this prefix instead of the client's default inbox.
    #[must_use]
    pub fn inbox_prefix(self, prefix: &str) -> Self {
        self.with("inbox-prefix", json!(prefix))
    }

    /// Connects over TLS to a server whose certificate is from `authority`. Presents a client
    /// certificate if one is given.
    #[must_use]
    pub fn over_tls(self, authority: &Path, certificate: Option<&Certificate>) -> Self {
        let mut files = json!({ "authority": authority });
        if let (Some(certificate), Some(files)) = (certificate, files.as_object_mut()) {
            files.insert("certificate".to_owned(), json!(certificate.file));
            files.insert("key".to_owned(), json!(certificate.key_file));
        }
        self.with("tls", files)
    }

    /// Adds these cookies.
    #[must_use]
    pub fn cookies(self, cookies: &[(&str, &str)]) -> Self {
        let cookies = cookies
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)));
        self.with("cookies", Value::Object(cookies.collect()))
    }

    /// Returns the input of the client programs. Registers the secrets, so that every host's output
    /// is searched for them.
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
