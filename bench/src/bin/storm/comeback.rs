//! Clients that reconnect after a restart of their server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use portcullis_bench::{Contender, Peer};
use portcullis_harness::{Credentials, Site, Wire};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::burst::log_in;

/// The number of clients.
const CLIENTS: u32 = 5_000;
/// The number of concurrent logins before the server stops.
const AT_ONCE: usize = 64;
/// The delay of clients before a reconnect, and the maximum jitter in milliseconds: the defaults of
/// the official clients.
const WAIT: Duration = Duration::from_secs(2);
const JITTER: u32 = 100;
/// The maximum time of a reconnect: longer than any client needs.
const PATIENCE: Duration = Duration::from_mins(3);

/// The results of a restart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comeback {
    /// The time from when the server was ready until the last client was connected, in seconds.
    pub(crate) seconds: f64,
    /// The time until half of the clients were connected, in seconds.
    pub(crate) half: f64,
    /// The number of refused logins.
    pub(crate) refused: u32,
    /// The number of requests that our host has shed, by its own count: before decoding, or when
    /// their deadline passed.
    pub(crate) shed: u32,
    /// The number of requests that our host has decided too late for the server, by its own count.
    pub(crate) late: u32,
}

/// The state that all clients share.
#[derive(Default)]
struct Fleet {
    is_back: AtomicBool,
    refused: AtomicU32,
}

/// Connects the clients, restarts their server, and waits until all of them are connected again.
pub(crate) async fn comeback(contender: Contender) -> Result<Comeback> {
    let (port, credentials) = (contender.server.port(), Arc::new(contender.credentials()));
    let (fleet, doors) = (
        Arc::new(Fleet::default()),
        Arc::new(Semaphore::new(AT_ONCE)),
    );
    let mut inside = JoinSet::new();
    for _ in 0..CLIENTS {
        let (credentials, doors) = (Arc::clone(&credentials), Arc::clone(&doors));
        inside.spawn(async move {
            let _door = doors.acquire().await;
            log_in(port, &credentials).await
        });
    }
    let mut wires = Vec::new();
    while let Some(wire) = inside.join_next().await {
        wires.push(wire??.context("a client was refused before there was a storm")?);
    }
    let mut clients = JoinSet::new();
    for (number, wire) in (0..CLIENTS).zip(wires) {
        let (fleet, credentials) = (Arc::clone(&fleet), Arc::clone(&credentials));
        clients.spawn(async move { fleet.client(number, wire, port, &credentials).await });
    }
    let contender = contender.stop_server().await?.await?;
    let ready = Instant::now();
    fleet.is_back.store(true, Ordering::Relaxed);
    let all = timeout(PATIENCE, clients.join_all()).await;
    let back = all.context("some clients were kept out for minutes")?;
    let mut after: Vec<_> = back
        .iter()
        .map(|(back, _)| back.saturating_duration_since(ready).as_secs_f64())
        .collect();
    after.sort_by(f64::total_cmp);
    let last = after.last().copied().context("there are no clients")?;
    let half = after.get(after.len() / 2).copied().unwrap_or(last);
    let (shed, late) = shed_and_late(&contender).await?;
    Ok(Comeback {
        seconds: last,
        half,
        refused: fleet.refused.load(Ordering::Relaxed),
        shed,
        late,
    })
}

impl Fleet {
    /// Waits until the connection ends, and reconnects as client libraries do. Returns the time at
    /// which the client was connected.
    async fn client(
        &self,
        number: u32,
        mut wire: Wire,
        port: u16,
        credentials: &Value,
    ) -> (Instant, Wire) {
        wire.ended().await;
        let jitter = Duration::from_millis(u64::from(number % JITTER));
        loop {
            match log_in(port, credentials).await {
                Ok(Some(wire)) => return (Instant::now(), wire),
                Ok(None) if self.is_back.load(Ordering::Relaxed) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                // The server is not running yet.
                Ok(None) | Err(_) => {}
            }
            sleep(WAIT + jitter).await;
        }
    }
}

/// Returns the numbers of requests that our host has shed and decided too late, by its own count;
/// zero for other contenders.
async fn shed_and_late(contender: &Contender) -> Result<(u32, u32)> {
    if contender.peer != Peer::Portcullis {
        return Ok((0, 0));
    }
    let (user, password) = Site::OBSERVER;
    let observer = Credentials::Password(user, password);
    let client = portcullis_harness::log_in(&contender.server.url(), observer, "observer").await?;
    let stats = client.request("$SRV.STATS.portcullis", "".into()).await?;
    let stats: Value = serde_json::from_slice(&stats.payload)?;
    let count = |name: &str| {
        let count = stats.pointer(&format!("/endpoints/0/data/{name}"));
        u32::try_from(count.and_then(Value::as_u64).unwrap_or(0))
    };
    let shed = count("refusals.overloaded")? + count("denials.overloaded")?;
    Ok((shed, count("replies_late")?))
}
