//! Logins as JSON, in the vocabulary of policy tests.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_core::{
    AuthorizationRequest, BucketName, Certificate, ClientKind, FixedKeyValues, Identity, KeyValues,
    LookUpError, PresentedNkey, Strength, Transport,
};
use serde_json::{Map, Value, json};

use super::format::{self, complaint};
use super::login;
use super::problem::TestProblem;

/// A login that a description in the vocabulary of `[tests.login]` amounts to.
#[derive(Clone, Debug)]
pub struct DescribedLogin {
    /// The request.
    pub request: AuthorizationRequest,
    /// Whether the description says what the host found out about the client (`identity` or
    /// `certificate`). If not, the identity is what the credentials claim.
    pub is_identified: bool,
    /// The values of the described buckets. Any other bucket is not synchronised.
    pub key_values: Arc<dyn KeyValues>,
}

/// A problem of a description. No message shows a value, which may be a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionProblem {
    /// The JSON is not a login in the format of policy tests.
    #[error("{0}")]
    Format(String),
    /// No login has these values.
    #[error(transparent)]
    Login(TestProblem),
}

impl DescribedLogin {
    /// Reads the description of a login that the host receives at `now`, in seconds since the Unix
    /// epoch.
    ///
    /// # Errors
    ///
    /// Fails if `description` is not in the format of policy tests, or if no login has its values.
    pub fn read(mut description: Value, now: u64) -> Result<Self, DescriptionProblem> {
        if let Some(claims) = description.pointer_mut("/identity/claims") {
            drop_nulls(claims);
        }
        let login: format::Login = serde_json::from_value(description)
            .map_err(|error| DescriptionProblem::Format(complaint(&error.to_string())))?;
        Self::new(login, now).map_err(DescriptionProblem::Login)
    }

    fn new(mut login: format::Login, now: u64) -> Result<Self, TestProblem> {
        let is_identified = login.identity.is_some() || login.certificate.is_some();
        let buckets = login.key_value.keys().chain(&login.key_value_unavailable);
        let buckets = buckets.map(|name| name.parse::<BucketName>());
        let named = buckets.collect::<Result<_, _>>();
        let key_values = DescribedBuckets {
            named: named.map_err(TestProblem::Bucket)?,
            content: login::key_values(&mut login)?,
        };
        Ok(Self {
            request: login::request(login, now)?,
            is_identified,
            key_values: Arc::new(key_values),
        })
    }
}

/// The buckets of a description.
#[derive(Debug)]
struct DescribedBuckets {
    named: BTreeSet<BucketName>,
    content: FixedKeyValues,
}

impl KeyValues for DescribedBuckets {
    fn serves(&self, bucket: &BucketName) -> bool {
        self.content.serves(bucket)
    }

    fn get(&self, bucket: &BucketName, key: &str) -> Result<Option<Arc<str>>, LookUpError> {
        if self.named.contains(bucket) {
            self.content.get(bucket, key)
        } else {
            Err(LookUpError::NotSynchronised(bucket.clone()))
        }
    }
}

/// Returns the facts about a login in the vocabulary of policy tests, without its secrets:
/// password, token, user JWT and signature.
pub fn describe(request: &AuthorizationRequest) -> Value {
    let (credentials, identity) = (&request.credentials, &request.identity);
    let nkey = match &credentials.nkey {
        Some(PresentedNkey::Key(key)) => Some(key.to_string()),
        // A text that is no nkey may be a secret in the wrong place.
        _ => None,
    };
    let mut login = Map::new();
    let mut add = |key: &str, value: Value| {
        if !value.is_null() {
            login.insert(key.to_owned(), value);
        }
    };
    add("username", json!(credentials.username));
    add("nkey", json!(nkey));
    add("identity", described_identity(identity));
    let certificate = identity.certificate.as_ref();
    add("certificate", json!(certificate.map(described_certificate)));
    add("client", described_client(request));
    add("server", described_server(request));
    Value::Object(login)
}

fn described_identity(identity: &Identity) -> Value {
    let names = identity.claims.names();
    let claims: Map<_, _> = names
        .filter_map(|name| Some((name.to_owned(), identity.claims.get(name)?.clone())))
        .collect();
    json!({
        "method": identity.method.as_str(),
        "principal": identity.principal,
        "proved": identity.strength == Strength::Proved,
        "issuer": identity.issuer,
        "expires-at": identity.expires_at,
        "claims": claims,
        "groups": identity.groups,
        "tags": identity.tags,
        "role": identity.role,
        "nkey": identity.nkey.as_ref().map(ToString::to_string),
    })
}

fn described_certificate(certificate: &Certificate) -> Value {
    json!({
        "verified": certificate.verified,
        "fingerprint": certificate.fingerprint,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "dns-names": certificate.dns_names,
        "uri-names": certificate.uri_names,
        "email-names": certificate.email_names,
        "ip-names": certificate.ip_names,
        "spiffe-id": certificate.spiffe_id,
        "not-before": certificate.not_before,
        "not-after": certificate.not_after,
    })
}

fn described_client(request: &AuthorizationRequest) -> Value {
    let client = &request.client;
    let mut described = Map::new();
    // Without these keys, the login would have the values of an ordinary connection.
    described.insert("host".to_owned(), json!(client.host));
    let kind = client.kind.as_ref().map(ClientKind::as_str);
    described.insert("kind".to_owned(), json!(kind));
    let transport = client.transport.as_ref();
    let transport = transport.map(Transport::as_str);
    described.insert("transport".to_owned(), json!(transport));
    let rest = json!({
        "id": client.id,
        "user": client.user,
        "name": client.name,
        "mqtt-id": client.mqtt_id,
        "lang": client.lang,
        "version": client.version,
        "tags": client.tags,
        "name-tag": client.name_tag,
        "tls-version": client.tls.as_ref().map(|tls| &tls.version),
        "tls-cipher": client.tls.as_ref().map(|tls| &tls.cipher),
    });
    if let Value::Object(rest) = rest {
        described.extend(rest);
    }
    Value::Object(described)
}

fn described_server(request: &AuthorizationRequest) -> Value {
    let server = &request.server;
    json!({
        "id": server.id.as_str(),
        "name": server.name,
        "host": server.host,
        "version": server.version,
        "cluster": server.cluster,
        "tags": server.tags,
    })
}

/// Removes the members and items that are `null`, which the format of policy tests cannot have. A
/// policy finds no value in a claim that is `null`.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(drop_nulls);
        }
        _ => {}
    }
}
