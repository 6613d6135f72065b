//! Clients that log in at the same instant.

use std::sync::Arc;

use anyhow::{Result, ensure};
use futures::future::join_all;
use portcullis_bench::Contender;
use portcullis_harness::{Answer, Wire};
use serde_json::Value;
use tokio::task::JoinSet;

/// The first number of clients that the search tries.
const FEW: usize = 1024;
/// The maximum number of clients: the machine has no more file descriptors.
const MAX_CLIENTS: usize = 16_384;
/// The precision of the search: it ends when the interval is smaller than the number divided by
/// this.
const EXACTNESS: usize = 16;
/// The number of attempts for each number of clients, so that one disturbance does not decide.
const TRIES: usize = 2;
/// The maximum number of a single client's attempts until the answering process has recovered.
const LOGINS: usize = 100;

/// Finds the largest number of clients that can log in at the same instant without a refusal: by
/// doubling, then by bisection.
pub(crate) async fn largest(contender: &Contender) -> Result<usize> {
    let (mut good, mut bad) = (0, FEW);
    while bad <= MAX_CLIENTS && all_can_be_in(contender, bad).await? {
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

/// Returns whether `count` clients that log in at the same instant are all accepted in at least one
/// attempt.
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

/// Returns whether `count` clients are all accepted in one attempt, once the server has closed all
/// connections.
async fn all_are_in(contender: &Contender, count: usize) -> bool {
    let (port, credentials) = (contender.server.port(), Arc::new(contender.credentials()));
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let credentials = Arc::clone(&credentials);
        clients.spawn(async move { log_in(port, &credentials).await.ok() });
    }
    // The clients stay connected until the last one is accepted, as real clients do.
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

/// Logs in. Returns the connection, or `None` if the login was refused.
pub(crate) async fn log_in(port: u16, credentials: &Value) -> Result<Option<Wire>> {
    let mut wire = Wire::open(port).await?;
    let answer = wire.log_in(credentials).await?;
    Ok((answer == Answer::Admitted).then_some(wire))
}

/// Waits until a single client can log in again after a storm.
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
