//! Clients that all log in at the same instant.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use portcullis_tests::{Answer, Contender, Wire};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::interval;

/// Where the search begins.
const FEW: usize = 1024;
/// More than this the machine has no file descriptors for.
const MOST: usize = 16_384;
/// The search ends when what is known is this much more exact than the number itself.
const EXACTNESS: usize = 16;
/// How often a number is tried: one noisy moment does not decide.
const TRIES: usize = 2;
/// How often a single client may try until whoever answers has recovered.
const LOGINS: usize = 100;
/// How often the server's connections are counted until it has closed those of a storm.
const COUNTED: Duration = Duration::from_millis(10);
/// How often they are counted at most.
const COUNTS: usize = 3_000;

/// The largest number of clients that can log in at the same instant and are all let in: by doubling, then by halving what is in
/// between.
pub(crate) async fn largest(contender: &Contender) -> Result<usize> {
    let (mut good, mut bad) = (0, FEW);
    while bad <= MOST && all_can_be_in(contender, bad).await? {
        good = bad;
        bad *= 2;
    }
    while bad - good > (good / EXACTNESS).max(1) {
        let middle = good.midpoint(bad);
        if all_can_be_in(contender, middle).await? {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Ok(good)
}

/// Whether so many clients that log in at the same instant are all let in, one time or another.
async fn all_can_be_in(contender: &Contender, count: usize) -> Result<bool> {
    for _ in 0..TRIES {
        let before = connections(contender.server.port())?;
        let are_in = all_are_in(contender, count).await?;
        recover(contender, before).await?;
        if are_in {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn all_are_in(contender: &Contender, count: usize) -> Result<bool> {
    let (port, credentials) = (contender.server.port(), Arc::new(contender.credentials()));
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let credentials = Arc::clone(&credentials);
        clients.spawn(async move { log_in(port, &credentials).await.ok() });
    }
    // They stay until the last one is in, as clients do.
    let wires = clients.join_all().await;
    Ok(wires.iter().flatten().flatten().count() == count)
}

/// A connection that was let in; nothing if it was refused.
pub(crate) async fn log_in(port: u16, credentials: &Value) -> Result<Option<Wire>> {
    let mut wire = Wire::open(port).await?;
    let answer = wire.log_in(credentials).await?;
    Ok((answer == Answer::Admitted).then_some(wire))
}

/// Waits until what is left of a storm keeps nobody out, and the server has closed its connections.
async fn recover(contender: &Contender, before: usize) -> Result<()> {
    let mut logins = 0;
    while !matches!(
        log_in(contender.server.port(), &contender.credentials()).await,
        Ok(Some(_))
    ) {
        logins += 1;
        ensure!(
            logins < LOGINS,
            "{} lets nobody in after a storm",
            contender.peer
        );
    }
    let mut ticks = interval(COUNTED);
    for _ in 0..COUNTS {
        ticks.tick().await;
        if connections(contender.server.port())? <= before {
            return Ok(());
        }
    }
    ensure!(false, "the server keeps the connections of a storm");
    Ok(())
}

/// How many connections the system says a server has at its port.
fn connections(port: u16) -> Result<usize> {
    let mut count = 0;
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let sockets =
            fs::read_to_string(table).with_context(|| format!("cannot read `{table}`"))?;
        count += sockets.lines().filter(|line| is_at(line, port)).count();
    }
    Ok(count)
}

/// Whether a line of the system's table is about a connection at this local port that has not been closed.
fn is_at(line: &str, port: u16) -> bool {
    /// Of sockets that listen, and of those that only keep their port.
    const OTHERS: [&str; 2] = ["0A", "06"];
    let mut fields = line.split_whitespace().skip(1);
    let local = fields.next().and_then(|address| address.split_once(':'));
    let state = fields.nth(1);
    local.is_some_and(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port))
        && state.is_some_and(|state| !OTHERS.contains(&state))
}
