//! The faults that the program injects.

mod exchanged;
mod messages;
mod policies;
mod processes;
mod tokens;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use async_nats::Client;
use portcullis_harness::{Gauge, Host};
use serde_json::{Map, Value};

use crate::leaks::{SETTLING, Watched};
use crate::load::Load;
use crate::report::Outcome;
use crate::service::{PHASE, Stage};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server is killed and started again.
    ServerKilled,
    /// One of two hosts is killed.
    HostKilled,
    /// One of two hosts is asked to stop.
    HostStopped,
    /// A policy runs into its deadline at every login.
    SlowPolicy,
    /// More concurrent logins than the host has slots for.
    QueueOverflow,
    /// Ten thousand messages on the callout subject that are not requests.
    Garbage,
    /// A second subscriber that also answers every request, outside the queue group.
    SecondSubscriber,
    /// Requests of servers whose clocks are wrong.
    ClockSkew,
    /// A thousand tokens with unknown key ids.
    UnknownKeys,
    /// All hosts are killed, and the server is started again, with 500 clients that have exchanged
    /// user JWTs.
    AllHostsKilled,
}

impl Fault {
    /// All faults, in the order in which the program injects them.
    pub(crate) const ALL: [Self; 10] = [
        Self::ServerKilled,
        Self::HostKilled,
        Self::HostStopped,
        Self::SlowPolicy,
        Self::QueueOverflow,
        Self::Garbage,
        Self::SecondSubscriber,
        Self::ClockSkew,
        Self::UnknownKeys,
        Self::AllHostsKilled,
    ];

    /// Returns the name of the fault on the command line and in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ServerKilled => "server-killed",
            Self::HostKilled => "host-killed",
            Self::HostStopped => "host-stopped",
            Self::SlowPolicy => "slow-policy",
            Self::QueueOverflow => "queue-overflow",
            Self::Garbage => "garbage",
            Self::SecondSubscriber => "second-subscriber",
            Self::ClockSkew => "clock-skew",
            Self::UnknownKeys => "unknown-keys",
            Self::AllHostsKilled => "all-hosts-killed",
        }
    }

    /// Injects the fault, and returns the outcome.
    pub(crate) async fn happen(self) -> Result<Outcome> {
        match self {
            Self::ServerKilled => processes::server_killed().await,
            Self::HostKilled => processes::host_killed().await,
            Self::HostStopped => processes::host_stopped().await,
            Self::SlowPolicy => policies::slow_policy().await,
            Self::QueueOverflow => policies::queue_overflow().await,
            Self::Garbage => messages::garbage().await,
            Self::SecondSubscriber => messages::second_subscriber().await,
            Self::ClockSkew => messages::clock_skew().await,
            Self::UnknownKeys => tokens::unknown_keys().await,
            Self::AllHostsKilled => exchanged::all_hosts_killed().await,
        }
    }
}

/// The state before a fault: running logins, and the resources of the processes.
struct Before {
    load: Load,
    host: Gauge,
    server: Gauge,
    began: Instant,
}

impl Before {
    /// Runs a phase of logins, which must all succeed. The fault begins when this function returns.
    async fn fault(stage: &Stage, load: Load) -> Result<Self> {
        load.admits(PHASE).await?;
        let (host, server) = stage.gauges()?;
        Ok(Self {
            load,
            host,
            server,
            began: Instant::now(),
        })
    }

    /// Runs a phase of logins after the fault, which must have ended.
    async fn and_after(self, stage: &Stage, within: Duration) -> Result<Outcome> {
        let ended = Instant::now();
        self.load.admits(PHASE).await?;
        let logins = self.load.stop().await;
        let mut outcome = Outcome::of(&logins, self.began, ended, within);
        // The connections of the load itself are closed; the remaining ones are the hosts'
        // connections.
        if let Some(host) = stage.hosts.first() {
            for denied in denials(host) {
                outcome.note(&denied);
            }
            outcome.watch(Watched::settled("host", self.host, host.id()?).await?);
        }
        let unfinished = unfinished(stage).await?;
        outcome.require(unfinished == 0, "the host keeps requests");
        outcome.note(&format!("{unfinished} requests unfinished"));
        outcome.watch(Watched::settled("nats-server", self.server, stage.server.id()?).await?);
        Ok(outcome)
    }
}

/// Returns the number of denials of the host for each reason.
fn denials(host: &Host) -> Vec<String> {
    let mut classes = BTreeMap::new();
    for event in host.log().all() {
        let class = event.text("denial.class");
        if !class.is_empty() {
            *classes.entry(class.to_owned()).or_insert(0_usize) += 1;
        }
    }
    let classes = classes
        .iter()
        .map(|(class, count)| format!("{count} denied as {class}"));
    classes.collect()
}

/// Returns the number of requests that the host has not finished, by its own count. Waits some time
/// for zero.
async fn unfinished(stage: &Stage) -> Result<u64> {
    let client = stage.observer("counter").await?;
    let late = Instant::now() + SETTLING;
    loop {
        let counts = counts(&client).await?;
        let is_outcome = |name: &str| {
            name == "permits" || name.starts_with("denials.") || name.starts_with("refusals.")
        };
        let outcomes = counts.iter().filter(|(name, _)| is_outcome(name));
        let outcomes: u64 = outcomes.filter_map(|(_, count)| count.as_u64()).sum();
        let requests = counts.get("requests").and_then(Value::as_u64);
        let requests = requests.context("no count of requests")?;
        let unfinished = requests.saturating_sub(outcomes);
        if unfinished == 0 || Instant::now() > late {
            return Ok(unfinished);
        }
    }
}

/// Returns the host's own counts, by name.
async fn counts(client: &Client) -> Result<Map<String, Value>> {
    let stats = client.request("$SRV.STATS.portcullis", "".into()).await?;
    let mut stats: Value = serde_json::from_slice(&stats.payload)?;
    let counts = stats.pointer_mut("/endpoints/0/data").map(Value::take);
    match counts {
        Some(Value::Object(counts)) => Ok(counts),
        _ => bail!("no counts in the host's statistics"),
    }
}
