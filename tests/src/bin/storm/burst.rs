//! Clients that all log in at the same instant.

use std::sync::Arc;

use anyhow::{Result, ensure};
use futures::future::join_all;
use portcullis_tests::{Answer, Contender, Wire};
use serde_json::Value;
use tokio::task::JoinSet;

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
        let are_in = all_are_in(contender, count).await;
        recover(contender).await?;
        if are_in {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same, once. Returns when the server has closed all connections.
async fn all_are_in(contender: &Contender, count: usize) -> bool {
    let (port, credentials) = (contender.server.port(), Arc::new(contender.credentials()));
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let credentials = Arc::clone(&credentials);
        clients.spawn(async move { log_in(port, &credentials).await.ok() });
    }
    // They stay until the last one is in, as clients do.
    let wires: Vec<_> = clients
        .join_all()
        .await
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let let_in = wires.len();
    join_all(wires.into_iter().map(Wire::close)).await;
    let_in == count
}

/// A connection that was let in; nothing if it was refused.
pub(crate) async fn log_in(port: u16, credentials: &Value) -> Result<Option<Wire>> {
    let mut wire = Wire::open(port).await?;
    let answer = wire.log_in(credentials).await?;
    Ok((answer == Answer::Admitted).then_some(wire))
}

/// Waits until what is left of a storm keeps nobody out.
async fn recover(contender: &Contender) -> Result<()> {
    for _ in 0..LOGINS {
        let let_in = log_in(contender.server.port(), &contender.credentials()).await;
        if matches!(let_in, Ok(Some(_))) {
            return Ok(());
        }
    }
    ensure!(false, "{} lets nobody in after a storm", contender.peer);
    Ok(())
}
