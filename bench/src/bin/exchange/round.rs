//! Clients that do one work after the other.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::join_all;
use portcullis_bench::percentile;
use portcullis_harness::processor_time;

use crate::stage::{Stage, Work};

/// The results of one round. Processor times are of one work, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    /// The median latency, in milliseconds.
    pub(crate) p50: f64,
    pub(crate) host: f64,
    pub(crate) server: f64,
    pub(crate) failed: usize,
}

/// Runs `at_once` clients that do `work` without a pause, for `length`.
pub(crate) async fn round(
    stage: &Stage,
    work: Work,
    at_once: usize,
    length: Duration,
) -> Result<Measured> {
    let used = || {
        let (host, server) = (stage.host.id()?, stage.server.id()?);
        anyhow::Ok((processor_time(host)?, processor_time(server)?))
    };
    let before = used()?;
    let began = Instant::now();
    let client = async || {
        let (mut took, mut failed) = (Vec::new(), 0);
        while began.elapsed() < length {
            let begins = Instant::now();
            match stage.run(work).await {
                Ok(()) => took.push(begins.elapsed()),
                Err(_) => failed += 1,
            }
        }
        (took, failed)
    };
    let clients = join_all((0..at_once).map(|_| client())).await;
    let seconds = began.elapsed().as_secs_f64();
    let after = used()?;
    let (took, failed): (Vec<_>, Vec<usize>) = clients.into_iter().unzip();
    let took: Vec<_> = took.into_iter().flatten().collect();
    let done = f64::from(u32::try_from(took.len())?);
    let each = |after: Duration, before: Duration| {
        after.saturating_sub(before).as_secs_f64() * 1e6 / done.max(1.0)
    };
    Ok(Measured {
        per_second: done / seconds,
        p50: percentile(took, 50),
        host: each(after.0, before.0),
        server: each(after.1, before.1),
        failed: failed.iter().sum(),
    })
}
