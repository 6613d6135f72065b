//! The memory of a host while clients log in.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use portcullis_harness::{Gauge, Host, barely_log_in};
use tokio::task::JoinSet;

use crate::host::Place;

/// The number of concurrent clients.
const AT_ONCE: usize = 64;
/// The length of the load: longer than the host remembers a login.
const LENGTH: Duration = Duration::from_secs(20);
/// The number of a client's logins between two reads of the host's memory.
const LOOK: usize = 10;

/// The memory of a host, in megabytes.
pub(crate) struct Memory {
    pub(crate) idle: f64,
    /// The maximum of all reads.
    pub(crate) loaded: f64,
}

/// Measures the memory before and during logins.
pub(crate) async fn memory(place: &Place, host: &Host) -> Result<Memory> {
    let id = host.id()?;
    let idle = megabytes(id)?;
    let (port, token) = (place.server.port(), place.token());
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..AT_ONCE {
        let token = token.clone();
        clients.spawn(async move {
            let (mut most, mut logins) = (0.0, 0);
            while began.elapsed() < LENGTH {
                ensure!(barely_log_in(port, &token).await?, "a login was refused");
                logins += 1;
                if logins % LOOK == 0 {
                    most = f64::max(most, megabytes(id)?);
                }
            }
            Ok(most)
        });
    }
    let mut loaded = idle;
    for most in clients.join_all().await {
        loaded = f64::max(loaded, most?);
    }
    Ok(Memory { idle, loaded })
}

fn megabytes(id: u32) -> Result<f64> {
    let kibibytes = u32::try_from(Gauge::of(id)?.memory)?;
    Ok(f64::from(kibibytes) * 1024.0 / 1e6)
}
