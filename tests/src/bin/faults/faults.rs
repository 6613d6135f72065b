//! The faults.

mod messages;
mod policies;
mod processes;
mod tokens;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use portcullis_tests::{Gauge, Host};
use serde_json::Value;

use crate::leaks::{SETTLING, Watched};
use crate::load::Load;
use crate::report::Outcome;
use crate::stage::{PHASE, Stage};

/// What can go wrong.
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
    /// More logins at once than the host has places for.
    QueueOverflow,
    /// Ten thousand messages on the callout subject that are no requests.
    Garbage,
    /// Somebody else answers every request too, outside the queue group.
    SecondSubscriber,
    /// Requests of servers whose clocks are off.
    ClockSkew,
    /// A thousand tokens with key ids that nobody knows.
    UnknownKeys,
}

impl Fault {
    /// All of them, in the order in which they happen.
    pub(crate) const ALL: [Self; 9] = [
        Self::ServerKilled,
        Self::HostKilled,
        Self::HostStopped,
        Self::SlowPolicy,
        Self::QueueOverflow,
        Self::Garbage,
        Self::SecondSubscriber,
        Self::ClockSkew,
        Self::UnknownKeys,
    ];

    /// Its name, as the command line and the table have it.
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
        }
    }

    /// Lets it happen, and tells what came of it.
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
        }
    }
}

/// Logins before a fault: how they go, and what the processes hold then.
struct Before {
    load: Load,
    host: Gauge,
    server: Gauge,
    began: Instant,
}

impl Before {
    /// A phase of logins, all of which have to work; the fault begins when this returns.
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

    /// A phase of logins afterwards; the fault is over when this is called.
    async fn and_after(self, stage: &Stage, within: Duration) -> Result<Outcome> {
        let ended = Instant::now();
        self.load.admits(PHASE).await?;
        let logins = self.load.stop().await;
        let mut outcome = Outcome::of(&logins, self.began, ended, within);
        // Gone are those of the load itself; what is left are the hosts' connections.
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

/// How often the host denied for which reason.
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

/// How many requests the host has taken and not come to an end with, by its own count; waits a while for that to be none.
async fn unfinished(stage: &Stage) -> Result<u64> {
    let client = stage.observer("counter").await?;
    let late = Instant::now() + SETTLING;
    loop {
        let stats = client.request("$SRV.STATS.portcullis", "".into()).await?;
        let stats: Value = serde_json::from_slice(&stats.payload)?;
        let counts = stats
            .pointer("/endpoints/0/data")
            .and_then(Value::as_object);
        let counts = counts.context("no counts in the host's statistics")?;
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
