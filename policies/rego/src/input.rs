//! The document `input`: the facts of a login.

use portcullis_sdk::{Certificate, Client, Request, Server, Strength};
use serde::Serialize;
use serde_json::{Map, Value};

/// The document `input`. Absent facts have no key.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Input {
    now: u64,
    method: String,
    strength: &'static str,
    #[serde(flatten)]
    optional: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    groups: Vec<String>,
    tags: Vec<String>,
    claims: Map<String, Value>,
    client: Map<String, Value>,
    server: Map<String, Value>,
    certificate: Map<String, Value>,
}

/// Facts that are texts, by key.
type Texts = Map<String, Value>;

impl Input {
    /// Asks the host for the facts of a login.
    pub(crate) fn new(request: &Request) -> Self {
        Self {
            now: request.now(),
            method: request.method().into(),
            strength: match request.strength() {
                Strength::Proved => "proved",
                _ => "claimed",
            },
            optional: object([
                ("principal", request.principal().map(Value::from)),
                ("issuer", request.issuer().map(Value::from)),
                ("username", request.username().map(Value::from)),
                ("nkey", request.nkey().map(Value::from)),
                ("role", request.role().map(Value::from)),
            ]),
            expires_at: request.expires_at(),
            groups: request.groups(),
            tags: request.tags(),
            claims: claims(request),
            client: client(request.client()),
            server: server(request.server()),
            certificate: certificate(request.certificate()),
        }
    }
}

/// Returns an object without the absent values.
fn object<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Map<String, Value> {
    let pairs = pairs.into_iter();
    pairs
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

/// Returns the claims of a verified token or user JWT.
fn claims(request: &Request) -> Map<String, Value> {
    let names = request.claim_names().into_iter();
    let claims = names.filter_map(|name| {
        let json = request.claim_json(&path(&name))?;
        Some((name, serde_json::from_str(&json).ok()?))
    });
    claims.collect()
}

/// Returns the path of the claim `name`. A name that begins with a slash needs a JSON pointer.
fn path(name: &str) -> String {
    if name.starts_with('/') {
        format!("/{}", name.replace('~', "~0").replace('/', "~1"))
    } else {
        name.to_owned()
    }
}

fn client(client: Client<'_>) -> Map<String, Value> {
    object([
        ("host", client.host().map(Value::from)),
        ("user", client.user().map(Value::from)),
        ("name", client.name().map(Value::from)),
        ("kind", client.kind().map(text)),
        ("transport", client.transport().map(text)),
        ("connection_type", client.connection_type().map(text)),
        ("mqtt_id", client.mqtt_id().map(Value::from)),
        ("lang", client.lang().map(Value::from)),
        ("version", client.version().map(Value::from)),
        ("tls_version", client.tls_version().map(Value::from)),
        ("tls_cipher", client.tls_cipher().map(Value::from)),
        ("tags", Some(client.tags().into())),
        ("name_tag", client.name_tag().map(Value::from)),
    ])
}

fn text(word: impl Into<String>) -> Value {
    Value::String(word.into())
}

fn server(server: Server<'_>) -> Map<String, Value> {
    object([
        ("id", Some(server.id().into())),
        ("name", Some(server.name().into())),
        ("host", Some(server.host().into())),
        ("version", server.version().map(Value::from)),
        ("cluster", server.cluster().map(Value::from)),
        ("tags", Some(server.tags().into())),
    ])
}

fn certificate(certificate: Certificate<'_>) -> Map<String, Value> {
    object([
        ("verified", Some(certificate.verified().into())),
        ("fingerprint", certificate.fingerprint().map(Value::from)),
        ("subject", certificate.subject().map(Value::from)),
        ("issuer", certificate.issuer().map(Value::from)),
        ("serial", certificate.serial().map(Value::from)),
        ("dns_names", Some(certificate.dns_names().into())),
        ("uri_names", Some(certificate.uri_names().into())),
        ("email_names", Some(certificate.email_names().into())),
        ("ip_names", Some(certificate.ip_names().into())),
        ("spiffe_id", certificate.spiffe_id().map(Value::from)),
        ("not_before", certificate.not_before().map(Value::from)),
        ("not_after", certificate.not_after().map(Value::from)),
    ])
}
