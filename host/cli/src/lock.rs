//! `portcullis lock`: closes logins for a time, on every host that follows the bucket of locks.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use data_encoding::BASE64;
use portcullis_authority::{Lock, LockTarget, LockedNetwork};
use portcullis_config::Config;
use portcullis_connect::{
    Authentication, Connection, ConnectionOptions, InboxPrefix, Retries, SecretSource, Subject,
    connect,
};
use portcullis_core::BucketName;
use portcullis_environment::{Clock as _, SystemClock};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::runtime::one_thread;

/// The commands for locks.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum LockVerb {
    /// Deny new logins of a user, an issuer, an account, a policy or a network, on every host at
    /// once. Connections that are open stay open: `system kick` closes them.
    Add {
        #[command(flatten)]
        target: TargetArguments,
        /// How long the lock lasts. Default: until it is removed.
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        lasting: Option<Duration>,
        /// Why, for the log of the hosts and for `lock list`.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        connection: LockConnection,
    },
    /// End a lock.
    Remove {
        #[command(flatten)]
        target: TargetArguments,
        #[command(flatten)]
        connection: LockConnection,
    },
    /// Print the locks, one a line: the key, the end and the reason. Those that have ended are left
    /// out.
    List {
        #[command(flatten)]
        connection: LockConnection,
    },
}

/// The object to lock, exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TargetArguments {
    /// The user, as `identity.principal` in the log names it.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The account that policies place logins in.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The issuer that vouches for logins, as `identity.issuer` in the log names it.
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// The policy that permits logins.
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// An address, or a network of length 8, 16, 24 or 32 (IPv4), or 32, 48, 56, 64 or 128 (IPv6).
    #[arg(long, value_name = "NETWORK")]
    cidr: Option<LockedNetwork>,
}

/// The connection to the account of the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct LockConnection {
    /// The configuration, portcullis.toml, that names the bucket (`locks` under [key-value]), the
    /// servers and TLS.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The credentials file of a user who may write to the bucket. Default: the login of the
    /// configuration, which usually may only read it.
    #[arg(long, value_name = "FILE", conflicts_with = "nkey_seed_file")]
    creds: Option<PathBuf>,
    /// The file with the user seed (SU…) of such a user.
    #[arg(long, value_name = "FILE")]
    nkey_seed_file: Option<PathBuf>,
    /// The prefix of the subjects of answers that this user's permissions allow, such as
    /// `_INBOX_KEEPER`. Default: any.
    #[arg(long, value_name = "PREFIX")]
    inbox_prefix: Option<InboxPrefix>,
}

/// The bucket of locks, over a connection.
struct Bucket {
    connection: Connection,
    name: BucketName,
    /// The prefix of the subjects of `JetStream`.
    api: String,
}

/// Runs a command.
///
/// # Errors
///
/// Fails if the configuration names no bucket of locks, if no connection is made, or if the bucket
/// does not take the lock.
pub(crate) fn run(verb: LockVerb) -> Result<Output, Failure> {
    let runtime = one_thread()?;
    runtime.block_on(async {
        match verb {
            LockVerb::Add {
                target,
                lasting,
                reason,
                connection,
            } => {
                let now = SystemClock.unix_seconds();
                let until = lasting.map(|lasting| now.saturating_add(lasting.as_secs()));
                let lock = Lock { until, reason };
                put(connection, &target.target()?.key(), &lock).await
            }
            LockVerb::Remove { target, connection } => {
                // A lock that has ended, which a user who may only put keys can write.
                let ended = Lock {
                    until: Some(0),
                    reason: "removed".to_owned(),
                };
                put(connection, &target.target()?.key(), &ended).await
            }
            LockVerb::List { connection } => list(connection).await,
        }
    })
}

impl TargetArguments {
    /// Returns the object to lock.
    fn target(self) -> Result<LockTarget, Failure> {
        let user = self.user.map(LockTarget::User);
        let account = self.account.map(LockTarget::Account);
        let issuer = self.issuer.map(LockTarget::Issuer);
        let policy = self.policy.map(LockTarget::Policy);
        let network = self.cidr.map(LockTarget::Network);
        let target = user.or(account).or(issuer).or(policy).or(network);
        target.ok_or_else(|| Failure::new(ExitCode::Usage, anyhow::anyhow!("name what to lock")))
    }
}

async fn put(connection: LockConnection, key: &str, lock: &Lock) -> Result<Output, Failure> {
    let bucket = Bucket::open(connection).await?;
    let value = serde_json::to_vec(lock).map_err(Failure::internal)?;
    let subject = format!("$KV.{}.{key}", bucket.name);
    bucket.ask(subject, value).await?;
    Ok(Output::success(format!("{key}\n")))
}

async fn list(connection: LockConnection) -> Result<Output, Failure> {
    let bucket = Bucket::open(connection).await?;
    let prefix = format!("$KV.{}.", bucket.name);
    let asked = json!({ "subjects_filter": format!("{prefix}>") });
    let stream = bucket.stream("STREAM.INFO", &asked).await?;
    let subjects = stream
        .pointer("/state/subjects")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let now = SystemClock.unix_seconds();
    let mut text = String::new();
    for subject in subjects.keys() {
        let asked = json!({ "last_by_subj": subject });
        let stored = bucket.stream("STREAM.MSG.GET", &asked).await?;
        let value = stored.pointer("/message/data").and_then(Value::as_str);
        let value = value.and_then(|data| BASE64.decode(data.as_bytes()).ok());
        let key = subject.strip_prefix(&prefix).unwrap_or(subject);
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            // A deleted key.
            continue;
        };
        let shown = match serde_json::from_slice::<Lock>(&value) {
            Ok(lock) if !lock.is_closed_at(now) => continue,
            Ok(lock) => format!("{}  {}", end_of(&lock), one_line(&lock.reason)),
            Err(_) => "unreadable: hosts deny what it names".to_owned(),
        };
        // Writing to a text does not fail.
        let _ = writeln!(text, "{key}  {shown}");
    }
    Ok(Output::success(text))
}

/// Returns the end of a lock, for people.
fn end_of(lock: &Lock) -> String {
    let end = |until| std::time::UNIX_EPOCH.checked_add(Duration::from_secs(until));
    lock.until.and_then(end).map_or_else(
        || "until it is removed".to_owned(),
        |end| format!("until {}", humantime::format_rfc3339_seconds(end)),
    )
}

impl Bucket {
    /// Connects to the account of the bucket.
    async fn open(arguments: LockConnection) -> Result<Self, Failure> {
        let config = Config::load(&arguments.config).map_err(|problems| {
            let lines: Vec<_> = problems.into_iter().map(|it| it.to_string()).collect();
            Failure::new(
                ExitCode::BadConfiguration,
                anyhow::anyhow!("{}", lines.join("; ")),
            )
        })?;
        let table = config.value.key_value;
        let name = table.locks.ok_or_else(|| {
            let file = arguments.config.display();
            let missing =
                anyhow::anyhow!("`{file}` names no bucket: set `locks` under [key-value]");
            Failure::new(ExitCode::BadConfiguration, missing)
        })?;
        let nats = table.nats.as_deref().unwrap_or(&config.value.nats);
        let mut options = ConnectionOptions::from(nats);
        "portcullis-lock".clone_into(&mut options.name);
        options.retries = Retries::Times(0);
        let creds = arguments.creds.map(SecretSource::File);
        let seed = arguments.nkey_seed_file.map(SecretSource::File);
        let login = creds.map(Authentication::Credentials);
        if let Some(login) = login.or_else(|| seed.map(Authentication::Nkey)) {
            options.authentication = login;
            // The prefix of the configuration is that of its own user.
            options.inbox_prefix = arguments.inbox_prefix;
        }
        let api = table.mirror.domain.map_or_else(
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
    async fn stream(&self, verb: &str, question: &Value) -> Result<Value, Failure> {
        let subject = format!("{}.{verb}.KV_{}", self.api, self.name);
        self.ask(subject, question.to_string().into_bytes()).await
    }

    /// Sends a request to the account of the bucket, and returns the answer.
    async fn ask(&self, subject: String, body: Vec<u8>) -> Result<Value, Failure> {
        let bucket = &self.name;
        let unreachable = |error: anyhow::Error| {
            let place = format!("bucket `{bucket}`");
            Failure::new(ExitCode::Unreachable, error.context(place))
        };
        let client = self.connection.client();
        let answer = client.request(Subject::from(subject), body.into()).await;
        let answer = answer.map_err(|error| unreachable(error.into()))?;
        let answer: Value =
            serde_json::from_slice(&answer.payload).map_err(|error| unreachable(error.into()))?;
        match answer.pointer("/error/description").and_then(Value::as_str) {
            Some(error) => Err(unreachable(anyhow::anyhow!("{}", one_line(error)))),
            None => Ok(answer),
        }
    }
}
