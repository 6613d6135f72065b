//! Clients that log in, disconnect, and log in again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use portcullis_bench::{Contender, Metric, percentile};
use portcullis_harness::{Answer, Wire, processor_time};
use serde_json::Value;
use tokio::task::JoinSet;

/// The results of one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    per_second: f64,
    /// The median latency, in milliseconds.
    p50: f64,
    p99: f64,
    /// The share of the answering process in the processor time of clients, server and answering
    /// process, in percent.
    share: f64,
    /// The processor time of a login for clients, server and answering process together, in
    /// microseconds.
    processor: f64,
    refused: usize,
}

/// The rate of logins.
pub(crate) const RATE: Metric<Round> = Metric {
    name: "logins",
    unit: "1/s",
    of: |round| round.per_second,
};
/// The share of the answering process.
pub(crate) const SHARE: Metric<Round> = Metric {
    name: "share of all processor time",
    unit: "%",
    of: |round| round.share,
};

impl portcullis_bench::Round for Round {
    const METRICS: &'static [Metric<Self>] = &[
        RATE,
        Metric {
            name: "p50",
            unit: "ms",
            of: |round| round.p50,
        },
        Metric {
            name: "p99",
            unit: "ms",
            of: |round| round.p99,
        },
        Metric {
            name: "processor time of a login",
            unit: "µs",
            of: |round| round.processor,
        },
        SHARE,
    ];

    fn wrong(&self) -> usize {
        self.refused
    }
}

/// The processor time of the server, the answering process, and this process.
#[derive(Clone, Copy)]
struct Used {
    answering: Duration,
    all: Duration,
}

impl Used {
    fn so_far(contender: &Contender) -> Result<Self> {
        let answering = contender.id().map_or(Ok(Duration::ZERO), processor_time)?;
        let others = processor_time(contender.server.id()?)? + processor_time(std::process::id())?;
        Ok(Self {
            answering,
            all: answering + others,
        })
    }

    const fn since(self, before: Self) -> Self {
        Self {
            answering: self.answering.saturating_sub(before.answering),
            all: self.all.saturating_sub(before.all),
        }
    }
}

/// Runs `at_once` clients that log in without a pause, for `length`.
pub(crate) async fn round(
    contender: &Contender,
    at_once: usize,
    length: Duration,
) -> Result<Round> {
    let (port, credentials) = (contender.server.port(), Arc::new(contender.credentials()));
    let before = Used::so_far(contender)?;
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..at_once {
        let credentials = Arc::clone(&credentials);
        clients.spawn(async move {
            let (mut took, mut refused) = (Vec::new(), 0);
            while began.elapsed() < length {
                let begins = Instant::now();
                match logs_in(port, &credentials).await {
                    Ok(true) => took.push(begins.elapsed()),
                    Ok(false) | Err(_) => refused += 1,
                }
            }
            (took, refused)
        });
    }
    let (took, refused): (Vec<_>, Vec<usize>) = clients.join_all().await.into_iter().unzip();
    let took: Vec<_> = took.into_iter().flatten().collect();
    let seconds = began.elapsed().as_secs_f64();
    let used = Used::so_far(contender)?.since(before);
    let logins = f64::from(u32::try_from(took.len())?);
    Ok(Round {
        per_second: logins / seconds,
        p50: percentile(took.clone(), 50),
        p99: percentile(took, 99),
        share: used.answering.as_secs_f64() * 100.0 / used.all.as_secs_f64(),
        processor: used.all.as_secs_f64() * 1e6 / logins.max(1.0),
        refused: refused.iter().sum(),
    })
}

async fn logs_in(port: u16, credentials: &Value) -> Result<bool> {
    let mut wire = Wire::open(port).await?;
    Ok(wire.log_in(credentials).await? == Answer::Admitted)
}
