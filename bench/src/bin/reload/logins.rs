//! Clients that log in without a pause, or on a schedule.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use portcullis_harness::barely_log_in;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// The token that every client presents.
pub(crate) const TOKEN: &str = "measured";

/// The results of logins.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    /// The latency of each permitted login.
    pub(crate) took: Vec<Duration>,
    /// The number of failed logins.
    pub(crate) failed: u32,
}

impl Logins {
    /// Returns the number of logins.
    pub(crate) const fn count(&self) -> usize {
        self.took.len() + self.failed as usize
    }
}

/// Returns the logins a second of `at_once` clients that log in without a pause, for `length`.
pub(crate) async fn most_a_second(port: u16, at_once: usize, length: Duration) -> f64 {
    let admitted = Arc::new(AtomicU32::new(0));
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..at_once {
        let admitted = Arc::clone(&admitted);
        clients.spawn(async move {
            while began.elapsed() < length {
                if logs_in(port).await {
                    admitted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    clients.join_all().await;
    f64::from(admitted.load(Ordering::Relaxed)) / began.elapsed().as_secs_f64()
}

/// Starts `per_second` logins a second for `length`, also if earlier ones have not ended. The
/// latency counts from the scheduled start, so that it includes a delay by slow earlier logins.
pub(crate) async fn on_schedule(port: u16, per_second: f64, length: Duration) -> Logins {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    let mut number = 0.0;
    loop {
        let due = began + Duration::from_secs_f64(number / per_second);
        if due >= began + length {
            break;
        }
        sleep_until(due.into()).await;
        clients.spawn(async move { logs_in(port).await.then(|| due.elapsed()) });
        number += 1.0;
    }
    let mut logins = Logins::default();
    while let Some(ended) = clients.join_next().await {
        match ended {
            Ok(Some(took)) => logins.took.push(took),
            Ok(None) | Err(_) => logins.failed += 1,
        }
    }
    logins
}

async fn logs_in(port: u16) -> bool {
    barely_log_in(port, TOKEN).await.unwrap_or(false)
}
