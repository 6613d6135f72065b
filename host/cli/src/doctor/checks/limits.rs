//! Limits of servers against the sizes and times that a callout needs.

use std::time::Duration;

use crate::doctor::evidence::{Evidence, Greeting};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Default of servers for `max_control_line`, in bytes.
const CONTROL_LINE: u64 = 4096;

/// Bytes of a CONNECT line apart from the token.
const CONNECT_OVERHEAD: u64 = 256;

/// Room that requests and user JWTs of usual sizes need, in bytes. A request repeats what the
/// client presented, certificates included, and base64 makes it a third longer.
const MIN_PAYLOAD: u64 = 64 << 10;

/// Longest time between writes to the disk that loses no revocation unnoticed.
const MAX_SYNC_INTERVAL: Duration = Duration::from_secs(10);

/// Says how long tokens may be.
pub(super) fn control_line(evidence: &Evidence) -> Checked {
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    let mut checked = Checked::default();
    if !settings.features.tokens {
        checked.examine(None);
        return checked;
    }
    let mut limits = Vec::new();
    if let Some(Ok(system)) = &evidence.system {
        let known = system.servers.iter();
        limits.extend(known.filter_map(|it| Some((it.name.clone(), it.max_control_line?))));
    } else if let Some(Ok(conf)) = &evidence.server_conf {
        let limit = conf.max_control_line.unwrap_or(CONTROL_LINE);
        limits.push(("of `--server-conf`".to_owned(), limit));
    }
    if limits.is_empty() {
        return Checked::impossible(
            "the servers' limits are known with `--creds` or `--server-conf`",
        );
    }
    for (server, limit) in limits {
        checked.examine((limit <= CONTROL_LINE).then(|| {
            Finding::new(
                Code::ControlLineSmall,
                format!(
                    "server {server} refuses tokens of more than about {} bytes before the callout",
                    limit.saturating_sub(CONNECT_OVERHEAD)
                ),
                "raise `max_control_line` of the servers if tokens of your provider are longer; those with many groups \
                 are",
            )
            .because(format!("`max_control_line` is {limit} bytes"))
        }));
    }
    checked
}

/// Finds servers whose messages are too small for requests and user JWTs.
pub(super) fn payload(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    if evidence.settings.is_none() {
        checked.skip("the configuration is invalid");
    }
    for server in &evidence.servers {
        let Greeting::Info(info) = &server.greeting else {
            checked.skip(format!(
                "server `{}` does not say its limits before the login",
                server.address
            ));
            continue;
        };
        checked.examine((info.max_payload < MIN_PAYLOAD).then(|| {
            Finding::new(
                Code::PayloadSmall,
                format!("server `{}` takes small messages only", server.address),
                "raise `max_payload` of the server to at least 64 KiB",
            )
            .because(format!("`max_payload` is {} bytes", info.max_payload))
        }));
    }
    checked
}

/// Finds servers that write to the disk rarely, where policies look into buckets.
pub(super) fn sync_interval(evidence: &Evidence) -> Checked {
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    let mut checked = Checked::default();
    if !settings.features.buckets {
        checked.examine(None);
        return checked;
    }
    let Some(Ok(system)) = &evidence.system else {
        return Checked::impossible("`sync_interval` is known with `--creds`");
    };
    for server in &system.servers {
        let slow = server.sync_interval.filter(|it| *it > MAX_SYNC_INTERVAL);
        checked.examine(slow.map(|interval| {
            Finding::new(
                Code::SyncIntervalLong,
                format!("server `{}` can lose the last changes of a bucket with its machine", server.name),
                "set `sync_interval` in the server's `jetstream` to `always` or to a few seconds, or replicate the bucket",
            )
            .because(format!("it writes to the disk every {interval:?}"))
        }));
    }
    checked
}
