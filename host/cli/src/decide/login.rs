//! The login to decide: from a file, from options, or from both.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use portcullis_catalog::{DescribedLogin, DescriptionProblem};
use portcullis_claims::{KnownSigners, OpenedRequest, UserCredentials, UserKey, decoded_request};
use portcullis_config::KeyValue;
use portcullis_connect::SecretSource;
use portcullis_core::{
    AuthorizationRequest, ClientTls, ConnectionType, Identity, KeyValues, Secret, with_causes,
};
use portcullis_toml::Complaint;
use serde_json::{Deserializer, Map, Value, json};

use super::arguments::{ClientArguments, LoginArguments, seconds};
use super::distinct::Distinct;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::key_value::Unconnected;

/// Maximum size of a login in a file, in bytes.
const MAX_SIZE: u64 = 4 << 20;
/// A login in the format of policy tests, for messages.
const EXAMPLE: &str = r#"{ "username": "alice" }"#;
/// The nonce that a client's key signs. A server makes one for each connection.
const NONCE: &str = "portcullis-decide";

/// The login to decide.
pub(super) struct Login {
    pub(super) request: AuthorizationRequest,
    /// Whether the identity is what the login says, and not what the credentials prove.
    pub(super) is_identified: bool,
    pub(super) key_values: Arc<dyn KeyValues>,
    /// The login of a recorded decision, as the record has it. `None` for any other login.
    pub(super) record: Option<Map<String, Value>>,
}

/// The content of a file with a login.
enum Content {
    /// An authorization request, as servers send it.
    Request(Box<OpenedRequest>),
    /// The decoded claims of an authorization request: the object under `nats`, and the time of
    /// issue.
    Decoded(Value, Option<u64>),
    /// A login in the format of policy tests.
    Described(Map<String, Value>),
    /// A recorded decision: its login in the format of policy tests, and its time.
    Recorded(Map<String, Value>, Option<u64>),
}

impl Login {
    /// Reads the login of `arguments`. Buckets that it does not describe are those of `table`,
    /// without content.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read, or if no login has these values. The failure names the file.
    pub(super) fn read(
        arguments: &LoginArguments,
        table: Option<&KeyValue>,
    ) -> Result<Self, Failure> {
        Self::read_content(arguments, table).map_err(|failure| match &arguments.file {
            Some(file) if failure.code() == ExitCode::BadConfiguration => {
                failure.context(format!("`{}`", name_of(file)))
            }
            _ => failure,
        })
    }

    fn read_content(arguments: &LoginArguments, table: Option<&KeyValue>) -> Result<Self, Failure> {
        let content = match &arguments.file {
            Some(file) => Content::read(file)?,
            None => Content::Described(Map::new()),
        };
        let client = &arguments.client;
        let is_request = matches!(content, Content::Request(_) | Content::Decoded(..));
        if is_request && client.is_given() {
            let error = anyhow::anyhow!(
                "an authorization request has all facts about its client: leave the options about the client out, or describe a login as in policy tests"
            );
            return Err(Failure::new(ExitCode::Usage, error));
        }
        let now = arguments.now.unwrap_or_else(|| content.time());
        let unconnected = || Arc::new(Unconnected::new(table)) as Arc<dyn KeyValues>;
        let claimed = |mut request: AuthorizationRequest| {
            request.identity = Identity::claimed(&request.credentials);
            request.received_at = now;
            Self {
                request,
                is_identified: false,
                key_values: unconnected(),
                record: None,
            }
        };
        let mut login = match content {
            Content::Request(opened) => claimed(opened.into_request()),
            Content::Decoded(body, _) => {
                let word = |path: &str, message: &str| Complaint::new(path, message).to_string();
                claimed(decoded_request(body, now, word).map_err(wrong)?)
            }
            Content::Described(login) => Self::described(login, client, |login| {
                DescribedLogin::read(login.into(), now)
            })?,
            Content::Recorded(login, _) => Self {
                record: Some(login.clone()),
                ..Self::described(login, client, |login| {
                    DescribedLogin::read_record(login, now)
                })?
            },
        };
        if let Some(release) = &arguments.server_version {
            login.request.server.version = Some(release.clone());
        }
        Ok(login)
    }

    /// Returns a login in the format of policy tests, with the values that options replace.
    fn described(
        mut login: Map<String, Value>,
        client: &ClientArguments,
        read: impl FnOnce(Map<String, Value>) -> Result<DescribedLogin, DescriptionProblem>,
    ) -> Result<Self, Failure> {
        add_credentials(&mut login, client);
        add_connection(&mut login, client)?;
        let credentials = client.creds.as_deref().map(read_credentials).transpose()?;
        let seed = client
            .nkey_seed_file
            .as_deref()
            .map(read_seed)
            .transpose()?;
        if let Some(credentials) = &credentials {
            login.insert("jwt".to_owned(), credentials.jwt().into());
        }
        if let Some(key) = &seed {
            login.insert("nkey".to_owned(), key.public_key().into());
        }
        let described = read(login).map_err(wrong)?;
        let mut request = described.request;
        let key = credentials.as_ref().map(UserCredentials::key);
        if let Some(key) = key.or(seed.as_ref()) {
            let signature = key.sign(NONCE.as_bytes()).map_err(Failure::internal)?;
            let signature = BASE64URL_NOPAD.encode(&signature);
            request.client.nonce = Some(NONCE.to_owned());
            request.credentials.signature = Some(Secret::new(signature));
        }
        if let Some(file) = &client.certificate {
            request.client.tls = Some(ClientTls {
                version: "1.3".to_owned(),
                verified: true,
                chains: vec![read_chain(file)?],
                ..ClientTls::default()
            });
        }
        Ok(Self {
            request,
            is_identified: described.is_identified,
            key_values: described.key_values,
            record: None,
        })
    }
}

impl Content {
    fn read(file: &Path) -> Result<Self, Failure> {
        let text = if file == Path::new("-") {
            limited(&mut io::stdin(), "standard input")?
        } else {
            let opened = File::open(file).map_err(|error| not_read(file, error))?;
            limited(&mut &opened, &file.display().to_string())?
        };
        // Editors on Windows write a byte order mark.
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        if trimmed.is_empty() {
            return Err(wrong(anyhow::anyhow!(
                "it is empty: write a login, such as `{EXAMPLE}`"
            )));
        }
        if trimmed.starts_with("eyJ") {
            // The time of the request becomes that of the login, so it has not expired.
            let opened = OpenedRequest::read_by(trimmed.as_bytes(), 0, &KnownSigners::new());
            let opened = opened.map_err(wrong)?;
            let issued_at = opened.issued_at().unwrap_or_default();
            opened.check(issued_at, Duration::ZERO).map_err(wrong)?;
            return Ok(Self::Request(Box::new(opened)));
        }
        match only_value(trimmed)? {
            Value::Object(mut members) => {
                let issued_at = members.get("iat").and_then(Value::as_u64);
                Ok(match members.remove("nats") {
                    Some(body) => Self::Decoded(body, issued_at),
                    None if is_request_body(&members) => {
                        Self::Decoded(Value::Object(members), None)
                    }
                    None => Self::recorded(members),
                })
            }
            _ => Err(wrong(anyhow::anyhow!(
                "expected an object, such as `{EXAMPLE}`"
            ))),
        }
    }

    /// Returns the login of a recorded decision (`login`, `received-at`), or the login that the
    /// object is itself.
    fn recorded(mut members: Map<String, Value>) -> Self {
        let received_at = members.get("received-at").and_then(Value::as_u64);
        match members.remove("login") {
            Some(Value::Object(login)) => Self::Recorded(login, received_at),
            Some(other) => {
                members.insert("login".to_owned(), other);
                Self::Described(members)
            }
            None => Self::Described(members),
        }
    }

    /// Returns the time of the request or of its recorded decision, in seconds since the Unix
    /// epoch, or else the present time.
    fn time(&self) -> u64 {
        let issued_at = match self {
            Self::Request(opened) => opened.issued_at(),
            Self::Decoded(_, time) | Self::Recorded(_, time) => *time,
            Self::Described(_) => None,
        };
        issued_at.unwrap_or_else(|| seconds(SystemTime::now()))
    }
}

/// Reads the only JSON value of a text.
fn only_value(text: &str) -> Result<Value, Failure> {
    let mut values = Deserializer::from_str(text).into_iter::<Distinct>();
    let value = values.next().unwrap_or(Ok(Distinct(Value::Null)));
    let Distinct(value) = value.map_err(|error| {
        if error.is_data() {
            return wrong(anyhow::anyhow!("{error}; keep one"));
        }
        // A message about the form of JSON has no text of the file in it.
        wrong(anyhow::anyhow!(
            "neither JSON ({error}) nor the token of an authorization request: write a login as JSON, such as `{EXAMPLE}`"
        ))
    })?;
    let end = values.byte_offset();
    let rest = text.get(end..).unwrap_or_default();
    if rest.trim().is_empty() {
        return Ok(value);
    }
    let next = text.len().saturating_sub(rest.trim_start().len());
    let before = text.get(..next).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    Err(wrong(anyhow::anyhow!(
        "more follows the login, from line {line} on: keep one login; `portcullis policy diff --decisions` takes many"
    )))
}

/// Returns the name of a file for messages.
fn name_of(file: &Path) -> String {
    if file == Path::new("-") {
        return "standard input".to_owned();
    }
    file.display().to_string()
}

/// Returns whether the object is the one under `nats` of a request.
fn is_request_body(members: &Map<String, Value>) -> bool {
    ["connect_opts", "client_info", "user_nkey"]
        .iter()
        .any(|name| members.contains_key(*name))
}

fn add_credentials(login: &mut Map<String, Value>, client: &ClientArguments) {
    let secret = |secret: &Option<Secret>| secret.as_ref().map(|text| text.expose().to_owned());
    let texts = [
        ("username", client.user.clone()),
        ("password", secret(&client.password)),
        ("token", secret(&client.token)),
        ("jwt", secret(&client.jwt)),
        ("nkey", client.nkey.clone()),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            login.insert(key.to_owned(), text.into());
        }
    }
}

fn add_connection(login: &mut Map<String, Value>, client: &ClientArguments) -> Result<(), Failure> {
    let mut values = Vec::new();
    if let Some(kind) = client.connection_type {
        let (kind, transport) = match kind {
            ConnectionType::Leafnode => ("Leafnode", Value::Null),
            ConnectionType::Websocket => ("Client", "websocket".into()),
            ConnectionType::Mqtt => ("Client", "mqtt".into()),
            ConnectionType::Standard => ("Client", "nats".into()),
            ConnectionType::InProcess => {
                // The missing address is what distinguishes such a client.
                values.push(("host", Value::Null));
                ("Client", "nats".into())
            }
            other => {
                let error = anyhow::anyhow!(
                    "no request names the connection type `{}`: give that of the protocol, MQTT or LEAFNODE",
                    other.as_str()
                );
                return Err(Failure::new(ExitCode::Usage, error));
            }
        };
        values.push(("kind", kind.into()));
        values.push(("transport", transport));
    }
    let texts = [
        ("host", &client.address),
        ("name", &client.name),
        ("mqtt-id", &client.mqtt_id),
    ];
    values.extend(
        texts
            .map(|(key, text)| (key, json!(text)))
            .into_iter()
            .filter(|(_, value)| !value.is_null()),
    );
    if values.is_empty() {
        return Ok(());
    }
    let described = login.entry("client").or_insert_with(|| json!({}));
    let Value::Object(described) = described else {
        return Err(wrong(anyhow::anyhow!("client: expected an object")));
    };
    described.extend(
        values
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value)),
    );
    Ok(())
}

fn read_credentials(file: &Path) -> Result<UserCredentials, Failure> {
    let text = read_secret(file)?;
    UserCredentials::parse(text.expose()).map_err(|error| unusable(file, &error))
}

fn read_seed(file: &Path) -> Result<UserKey, Failure> {
    let text = read_secret(file)?;
    UserKey::from_seed(text.expose()).map_err(|error| unusable(file, &error))
}

fn read_secret(file: &Path) -> Result<Secret, Failure> {
    SecretSource::File(file.to_owned())
        .read()
        .map_err(|error| Failure::new(ExitCode::NotFound, error))
}

/// Returns the certificates of a PEM file, each with its lines of begin and end.
fn read_chain(file: &Path) -> Result<Vec<String>, Failure> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let text = fs::read_to_string(file).map_err(|error| not_read(file, error))?;
    let blocks = text.split(BEGIN).skip(1);
    let chain: Vec<_> = blocks.map(|block| format!("{BEGIN}{block}")).collect();
    if chain.is_empty() {
        let error = anyhow::anyhow!("it has no certificate (`{BEGIN}`)");
        let context = format!("`{}` is not usable", file.display());
        return Err(wrong(error.context(context)));
    }
    Ok(chain)
}

/// Reads a text of at most [`MAX_SIZE`].
fn limited(source: &mut impl Read, name: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = source
        .take(MAX_SIZE.saturating_add(1))
        .read_to_string(&mut text);
    match read {
        Ok(_) if u64::try_from(text.len()).is_ok_and(|size| size > MAX_SIZE) => Err(wrong(
            anyhow::anyhow!("`{name}` is larger than {MAX_SIZE} bytes"),
        )),
        Ok(_) => Ok(text),
        Err(error) => Err(not_read(Path::new(name), error)),
    }
}

fn not_read(file: &Path, error: io::Error) -> Failure {
    let code = match error.kind() {
        ErrorKind::InvalidData => ExitCode::BadConfiguration,
        _ => ExitCode::NotFound,
    };
    let context = format!("cannot read `{}`", file.display());
    Failure::new(code, anyhow::Error::new(error).context(context))
}

fn unusable(file: &Path, error: &dyn std::error::Error) -> Failure {
    wrong(anyhow::anyhow!(
        "`{}` is not usable: {}",
        file.display(),
        with_causes(error)
    ))
}

/// Returns the failure of a login that no client can make.
fn wrong(error: impl Into<anyhow::Error>) -> Failure {
    let error: anyhow::Error = error.into();
    Failure::new(
        ExitCode::BadConfiguration,
        error.context("the login is wrong"),
    )
}
