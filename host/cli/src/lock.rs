//! `portcullis lock`: closes logins for a time, on every host that follows the bucket of locks.

mod bucket;
mod connection;
mod kick;
mod matching;
mod report;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use data_encoding::BASE64;
use portcullis_authority::{Lock, LockTarget, LockedNetwork};
use portcullis_environment::{Clock as _, SystemClock};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Output, render_json};
use crate::runtime::one_thread;
use crate::span::span;
use bucket::{Bucket, load};
use connection::LockConnection;
use kick::{KickArguments, kick};
use report::Added;

/// The commands for locks.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum LockVerb {
    /// Deny new logins of a user, an issuer, an account, a policy or a network, on every host at
    /// once. Closes open connections of the same, if a user of the system account is named.
    Add {
        #[command(flatten)]
        target: TargetArguments,
        /// How long the lock lasts, a second or more. Default: until it is removed.
        #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
        lasting: Option<Duration>,
        /// Why, for the log of the hosts and for `lock list`.
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        reason: String,
        #[command(flatten)]
        connection: LockConnection,
        #[command(flatten)]
        kick: KickArguments,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a lock.
    Remove {
        #[command(flatten)]
        target: TargetArguments,
        #[command(flatten)]
        connection: LockConnection,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the locks, one a line: the key, the end and the reason. Those that have ended are left
    /// out.
    List {
        #[command(flatten)]
        connection: LockConnection,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The object to lock, exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TargetArguments {
    /// The user, as `identity.principal` in the log or the client itself names it.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,
    /// The account that policies place logins in.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    account: Option<String>,
    /// The issuer that vouches for logins, as `identity.issuer` in the log names it.
    #[arg(long, value_name = "ISSUER", value_parser = NonEmptyStringValueParser::new())]
    issuer: Option<String>,
    /// The policy that permits logins.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    policy: Option<String>,
    /// An address, or a network of length 8, 16, 24 or 32 (IPv4), or 32, 48, 56, 64 or 128 (IPv6).
    #[arg(long, value_name = "NETWORK")]
    cidr: Option<LockedNetwork>,
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
                kick,
                json,
            } => {
                let until = lasting.map(|lasting| end_after(SystemClock.wall(), lasting));
                let lock = Lock { until, reason };
                let added = add(target.target()?, lock, &connection, kick).await?;
                added.output(json)
            }
            LockVerb::Remove {
                target,
                connection,
                json,
            } => {
                // A lock that has ended, which a user who may only put keys can write.
                let ended = Lock {
                    until: Some(0),
                    reason: "removed".to_owned(),
                };
                let key = target.target()?.key();
                let config = load(&connection.config)?;
                let bucket = Bucket::open(&config, &connection).await?;
                put(&bucket, &key, &ended).await?;
                let text = if json {
                    render_json(&json!({ "key": key }))?
                } else {
                    format!("{key}\n")
                };
                Ok(Output::success(text))
            }
            LockVerb::List { connection, json } => {
                let locks = list(&connection).await?;
                let text = if json {
                    let locks: Vec<_> = locks.iter().map(ListedLock::json).collect();
                    render_json(&json!({ "locks": locks }))?
                } else {
                    locks.iter().map(ListedLock::line).collect()
                };
                Ok(Output::success(text))
            }
        }
    })
}

/// Parses the time for which a lock lasts.
fn lasting(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    if time < Duration::from_secs(1) {
        return Err("a lock lasts a second or more".to_owned());
    }
    Ok(time)
}

/// Returns the end of a lock that begins at `now`, in seconds since the Unix epoch. The lock lasts
/// up to a second longer, because its end is a whole second.
fn end_after(now: SystemTime, lasting: Duration) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let end = since.saturating_add(lasting);
    end.as_secs()
        .saturating_add(u64::from(end.subsec_nanos() > 0))
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

/// Stores a lock, and then closes the connections that it concerns. The lock comes first: a client
/// that is closed before tries to log in again at once.
async fn add(
    target: LockTarget,
    lock: Lock,
    connection: &LockConnection,
    arguments: KickArguments,
) -> Result<Added, Failure> {
    let config = load(&connection.config)?;
    let bucket = Bucket::open(&config, connection).await?;
    put(&bucket, &target.key(), &lock).await?;
    let kicked = kick(&config, &bucket, &target, arguments).await;
    Ok(Added {
        target,
        lock,
        kicked,
    })
}

/// Stores a lock.
async fn put(bucket: &Bucket, key: &str, lock: &Lock) -> Result<(), Failure> {
    let value = serde_json::to_vec(lock).map_err(Failure::internal)?;
    let subject = format!("$KV.{}.{key}", bucket.name);
    bucket.ask(subject, value).await.map(|_| ())
}

/// A key of the bucket, with the lock that it has. `None` if the value is no lock.
struct ListedLock {
    key: String,
    lock: Option<Lock>,
}

impl ListedLock {
    fn line(&self) -> String {
        let key = one_line(&self.key);
        match &self.lock {
            Some(lock) => format!("{key}  {}  {}\n", end_of(lock), one_line(&lock.reason)),
            None => format!("{key}  unreadable: hosts deny what it names\n"),
        }
    }

    fn json(&self) -> Value {
        let lock = self.lock.as_ref();
        json!({
            "key": self.key,
            "until": lock.and_then(|lock| lock.until),
            "reason": lock.map(|lock| &lock.reason),
            "readable": lock.is_some(),
        })
    }
}

/// Returns the locks in force, and the keys whose values are no locks: hosts deny what these name.
async fn list(connection: &LockConnection) -> Result<Vec<ListedLock>, Failure> {
    let config = load(&connection.config)?;
    let bucket = Bucket::open(&config, connection).await?;
    let prefix = format!("$KV.{}.", bucket.name);
    let asked = json!({ "subjects_filter": format!("{prefix}>") });
    let stream = bucket.stream("STREAM.INFO", &asked).await?;
    let subjects = stream
        .pointer("/state/subjects")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let now = SystemClock.unix_seconds();
    let mut locks = Vec::new();
    for subject in subjects.keys() {
        let asked = json!({ "last_by_subj": subject });
        let stored = bucket.stream("STREAM.MSG.GET", &asked).await?;
        let key = subject.strip_prefix(&prefix).unwrap_or(subject);
        if is_deleted(&stored) {
            continue;
        }
        // Hosts deny what an empty value locks, as they do with any other that is no lock.
        let value = part(&stored, "/message/data").unwrap_or_default();
        let lock = serde_json::from_slice::<Lock>(&value).ok();
        if lock.as_ref().is_some_and(|lock| !lock.is_closed_at(now)) {
            continue;
        }
        let key = key.to_owned();
        locks.push(ListedLock { key, lock });
    }
    Ok(locks)
}

/// Returns a part of a stored message, which servers write in base64.
fn part(stored: &Value, path: &str) -> Option<Vec<u8>> {
    let text = stored.pointer(path).and_then(Value::as_str)?;
    BASE64.decode(text.as_bytes()).ok()
}

/// Returns whether a stored message marks a deleted key (ADR-8), as hosts read it.
fn is_deleted(stored: &Value) -> bool {
    let headers = part(stored, "/message/hdrs").unwrap_or_default();
    let headers = String::from_utf8_lossy(&headers);
    let header = |name: &str| {
        let mut fields = headers.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(found, _)| *found == name)
    };
    match header("KV-Operation") {
        Some((_, operation)) => matches!(operation.trim(), "DEL" | "PURGE"),
        // Servers themselves mark expired keys, if the bucket's limit markers are on.
        None => header("Nats-Marker-Reason").is_some(),
    }
}

/// Returns the end of a lock, for people.
fn end_of(lock: &Lock) -> String {
    let end = |until| UNIX_EPOCH.checked_add(Duration::from_secs(until));
    lock.until.and_then(end).map_or_else(
        || "until it is removed".to_owned(),
        |end| format!("until {}", humantime::format_rfc3339_seconds(end)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_marker_is_a_deleted_key() {
        for (headers, is_gone) in [
            ("", false),
            ("NATS/1.0\r\nKV-Operation: DEL\r\n\r\n", true),
            (
                "NATS/1.0\r\nKV-Operation: PURGE\r\nNats-Rollup: sub\r\n\r\n",
                true,
            ),
            ("NATS/1.0\r\nKV-Operation: PUT\r\n\r\n", false),
            ("NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\n\r\n", true),
            ("NATS/1.0\r\nNats-TTL: 60s\r\n\r\n", false),
        ] {
            let message = json!({ "data": "", "hdrs": BASE64.encode(headers.as_bytes()) });
            let stored = json!({ "message": message });
            assert_eq!(is_deleted(&stored), is_gone, "{headers}");
        }
        assert!(!is_deleted(&json!({ "message": { "seq": 1 } })));
    }

    #[test]
    fn a_lock_lasts_at_least_as_long_as_it_is_given() {
        let begin = UNIX_EPOCH + Duration::from_millis(10_900);
        for (text, until) in [("1s", 12), ("1500ms", 13), ("1100ms", 12), ("1h", 3611)] {
            let lasting = lasting(text).unwrap();
            assert_eq!(end_after(begin, lasting), until, "{text}");
        }
        for text in ["999ms", "0s"] {
            let problem = lasting(text).unwrap_err();
            assert_eq!(problem, "a lock lasts a second or more", "{text}");
        }
        assert!(lasting("soon").unwrap_err().contains("such as `90s`"));
    }
}
