//! The bucket of locks, over a connection to its account.

use std::path::Path;

use portcullis_config::Config;
use portcullis_connect::{
    Authentication, Connection, ConnectionOptions, RequestError, RequestErrorKind, Retries,
    SecretSource, Subject, connect,
};
use portcullis_core::BucketName;
use portcullis_toml::text::one_line;
use serde_json::Value;

use super::connection::LockConnection;
use crate::exit::ExitCode;
use crate::failure::Failure;

/// The code of `JetStream` for a stream that does not exist.
const STREAM_NOT_FOUND: u64 = 10059;

/// The bucket of locks, over a connection.
pub(super) struct Bucket {
    pub(super) connection: Connection,
    pub(super) name: BucketName,
    /// The prefix of the subjects of `JetStream`.
    api: String,
}

/// Reads the configuration that names the bucket.
///
/// # Errors
///
/// Fails if the configuration is invalid.
pub(super) fn load(file: &Path) -> Result<Config, Failure> {
    let config = Config::load(file).map_err(|problems| {
        let lines: Vec<_> = problems.into_iter().map(|it| it.to_string()).collect();
        Failure::new(
            ExitCode::BadConfiguration,
            anyhow::anyhow!("{}", lines.join("; ")),
        )
    })?;
    Ok(config.value)
}

impl Bucket {
    /// Connects to the account of the bucket.
    ///
    /// # Errors
    ///
    /// Fails if the configuration names no bucket of locks, or if no connection is made.
    pub(super) async fn open(config: &Config, arguments: &LockConnection) -> Result<Self, Failure> {
        let table = &config.key_value;
        let name = table.locks.clone().ok_or_else(|| {
            let file = arguments.config.display();
            let missing =
                anyhow::anyhow!("`{file}` names no bucket: set `locks` under [key-value]");
            Failure::new(ExitCode::BadConfiguration, missing)
        })?;
        let options = options(config, arguments);
        let api = table.mirror.domain.as_ref().map_or_else(
            || "$JS.API".to_owned(),
            |domain| format!("$JS.{domain}.API"),
        );
        Ok(Self {
            connection: connect(&options).await?,
            name,
            api,
        })
    }

    /// Asks `JetStream` about the stream of the bucket.
    pub(super) async fn stream(&self, verb: &str, question: &Value) -> Result<Value, Failure> {
        let subject = format!("{}.{verb}.KV_{}", self.api, self.name);
        self.ask(subject, question.to_string().into_bytes()).await
    }

    /// Sends a request to the account of the bucket, and returns the answer.
    pub(super) async fn ask(&self, subject: String, body: Vec<u8>) -> Result<Value, Failure> {
        let bucket = &self.name;
        let unreachable = |error: anyhow::Error| {
            let place = format!("bucket `{bucket}`");
            Failure::new(ExitCode::Unreachable, error.context(place))
        };
        let client = self.connection.client();
        let answer = client
            .request(Subject::from(subject.clone()), body.into())
            .await;
        let answer = answer.map_err(|error| unreachable(unanswered(&subject, error)))?;
        let answer: Value =
            serde_json::from_slice(&answer.payload).map_err(|error| unreachable(error.into()))?;
        let Some(error) = answer.pointer("/error/description").and_then(Value::as_str) else {
            return Ok(answer);
        };
        let error = one_line(error);
        let code = answer.pointer("/error/err_code").and_then(Value::as_u64);
        if code == Some(STREAM_NOT_FOUND) {
            let way_out = format!("{error}: make the bucket (`nats kv add {bucket}`)");
            return Err(unreachable(anyhow::Error::msg(way_out)));
        }
        Err(unreachable(anyhow::anyhow!("{error}")))
    }
}

/// Returns the reason why a request on `subject` has no answer, with a way out.
fn unanswered(subject: &str, error: RequestError) -> anyhow::Error {
    let reason = match error.kind() {
        RequestErrorKind::NoResponders => format!(
            "no stream answers `{subject}`: make the bucket, or look whether JetStream has a leader (`nats stream report`)"
        ),
        RequestErrorKind::TimedOut => format!(
            "no answer to `{subject}`: this user may lack a permission for it or for its inbox (`--inbox-prefix`), or \
             JetStream has no leader (`nats stream report`)"
        ),
        _ => return error.into(),
    };
    anyhow::Error::new(error).context(reason)
}

/// Returns the options of the connection to the account of the bucket.
fn options(config: &Config, arguments: &LockConnection) -> ConnectionOptions {
    let nats = config.key_value.nats.as_deref().unwrap_or(&config.nats);
    let mut options = ConnectionOptions::from(nats);
    "portcullis-lock".clone_into(&mut options.name);
    options.retries = Retries::Times(0);
    let creds = arguments.creds.clone().map(SecretSource::File);
    let seed = arguments.nkey_seed_file.clone().map(SecretSource::File);
    let login = creds.map(Authentication::Credentials);
    if let Some(login) = login.or_else(|| seed.map(Authentication::Nkey)) {
        options.authentication = login;
        // The prefix of the configuration is that of its own user.
        options.inbox_prefix.clone_from(&arguments.inbox_prefix);
    }
    options
}
