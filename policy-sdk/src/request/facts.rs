//! The facts of a login in a test.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::hash::{HashError, check_hash};
use crate::key_value::LookUpError;
use crate::names::{ClientKind, ConnectionType, Method, Transport};

/// The facts of one login, with a field for each query of the contract.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) request: Request,
    pub(crate) identity: Identity,
    pub(crate) certificate: Certificate,
    pub(crate) secrets: Secrets,
    pub(crate) key_values: KeyValues,
    questions: RefCell<Vec<&'static str>>,
}

#[derive(Clone, Default)]
pub(crate) struct Client {
    pub(crate) host: Option<String>,
    pub(crate) id: u64,
    pub(crate) user: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<ClientKind>,
    pub(crate) transport: Option<Transport>,
    pub(crate) mqtt_id: Option<String>,
    pub(crate) lang: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) name_tag: Option<String>,
    pub(crate) connection_type: Option<ConnectionType>,
    pub(crate) tls_version: Option<String>,
    pub(crate) tls_cipher: Option<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) version: Option<String>,
    pub(crate) cluster: Option<String>,
    pub(crate) tags: Vec<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Request {
    pub(crate) now: u64,
    pub(crate) user_nkey: String,
}

#[derive(Clone, Default)]
pub(crate) struct Identity {
    /// The method that the test sets; else it follows from the credentials.
    pub(crate) method: Option<Method>,
    pub(crate) username: Option<String>,
    pub(crate) nkey: Option<String>,
    /// The principal that the test sets; else it follows from the credentials.
    pub(crate) principal: Option<String>,
    pub(crate) proved: bool,
    pub(crate) issuer: Option<String>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) claims: Value,
    pub(crate) claim_names: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) role: Option<String>,
    /// Hashes that the password matches.
    pub(crate) password_hashes: Vec<String>,
    /// Hashes that the token matches.
    pub(crate) token_hashes: Vec<String>,
    /// The error of every hash comparison, if comparisons fail.
    pub(crate) failure: Option<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Certificate {
    pub(crate) verified: bool,
    pub(crate) fingerprint: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) dns_names: Vec<String>,
    pub(crate) uri_names: Vec<String>,
    pub(crate) email_names: Vec<String>,
    pub(crate) ip_names: Vec<String>,
    pub(crate) spiffe_id: Option<String>,
    pub(crate) not_before: Option<u64>,
    pub(crate) not_after: Option<u64>,
}

#[derive(Clone, Default)]
pub(crate) struct Secrets {
    pub(crate) password: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) jwt: Option<String>,
}

#[derive(Clone, Default)]
pub(crate) struct KeyValues {
    /// Values by bucket and key.
    pub(crate) entries: BTreeMap<(String, String), String>,
    /// The error of every look-up, if look-ups fail.
    pub(crate) failure: Option<String>,
}

impl Facts {
    pub(crate) fn asked(&self, question: &'static str) {
        self.questions.borrow_mut().push(question);
    }

    pub(crate) fn questions(&self) -> Vec<String> {
        let questions = self.questions.borrow();
        questions
            .iter()
            .map(|question| question.replace('_', "-"))
            .collect()
    }

    /// Returns the method by the host's rule: the strongest of the credentials. A token, or a
    /// password that is not the JWT itself, takes precedence over a JWT.
    pub(crate) fn method(&self) -> Method {
        self.asked("identity.method");
        if let Some(method) = &self.identity.method {
            method.clone()
        } else if self.secrets.token.is_some() {
            Method::Token
        } else if self.secrets.jwt.is_some() {
            match &self.secrets.password {
                Some(_) if self.secrets.password != self.secrets.jwt => Method::Password,
                _ => Method::Jwt,
            }
        } else if self.identity.nkey.is_some() {
            Method::Nkey
        } else if self.identity.username.is_some() || self.secrets.password.is_some() {
            Method::Password
        } else {
            Method::None
        }
    }

    pub(crate) fn strength(&self) -> String {
        self.asked("identity.strength");
        let proved = self.identity.proved;
        if proved { "proved" } else { "claimed" }.to_owned()
    }

    pub(crate) fn claim_values(&self, path: &str) -> Vec<String> {
        self.asked("identity.claim");
        match self.at(path) {
            Some(Value::Array(values)) => values.iter().filter_map(text).collect(),
            Some(value) => text(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    pub(crate) fn claim_json(&self, path: &str) -> Option<String> {
        self.asked("identity.claim_json");
        self.at(path).map(ToString::to_string)
    }

    pub(crate) fn claim_members(&self, path: &str) -> Vec<String> {
        self.asked("identity.claim_members");
        let members = self.at(path).and_then(Value::as_object);
        members
            .into_iter()
            .flat_map(|members| members.keys())
            .cloned()
            .collect()
    }

    /// Returns the claim at `path` by the host's rule: a pointer, else a name, else names with dots
    /// between them.
    fn at(&self, path: &str) -> Option<&Value> {
        let claims = &self.identity.claims;
        if path.starts_with('/') {
            return claims.pointer(path);
        }
        claims.get(path).or_else(|| {
            let mut names = path.split('.');
            names.try_fold(claims, |value, name| value.as_object()?.get(name))
        })
    }

    pub(crate) fn key_value(&self, bucket: &str, key: &str) -> Result<Option<String>, LookUpError> {
        self.asked("key-value.get");
        if let Some(failure) = &self.key_values.failure {
            return Err(LookUpError::new(failure));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_=.".contains(&byte);
        let ends_in_a_dot = key.starts_with('.') || key.ends_with('.');
        if key.is_empty() || ends_in_a_dot || !key.bytes().all(allowed) {
            return Err(LookUpError::new(format!(
                "`{}` can be no key of a bucket",
                key.escape_debug()
            )));
        }
        let question = (bucket.to_owned(), key.to_owned());
        Ok(self.key_values.entries.get(&question).cloned())
    }

    pub(crate) fn password_matches(&self, hash: &str) -> Result<bool, HashError> {
        self.asked("identity.password-matches");
        let registered = &self.identity.password_hashes;
        self.matches(self.secrets.password.as_deref(), registered, hash)
    }

    pub(crate) fn token_matches(&self, hash: &str) -> Result<bool, HashError> {
        self.asked("identity.token-matches");
        let registered = &self.identity.token_hashes;
        self.matches(self.secrets.token.as_deref(), registered, hash)
    }

    fn matches(
        &self,
        secret: Option<&str>,
        registered: &[String],
        hash: &str,
    ) -> Result<bool, HashError> {
        if let Some(failure) = &self.identity.failure {
            return Err(HashError::new(failure));
        }
        check_hash(hash)?;
        let Some(secret) = secret else {
            return Ok(false);
        };
        Ok(hash.strip_prefix("plain:") == Some(secret)
            || registered.iter().any(|known| known == hash))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Facts").finish_non_exhaustive()
    }
}
