//! Measures the time until a host decides logins, with one policy and with many, with and without
//! the code cache. Also measures the memory of a host, idle and under load.
//!
//! `cargo xtask bench start` builds what the program needs. The kinds of start take turns, so that
//! a disturbance does not affect only one of them.

mod host;
mod memory;

use std::time::Instant;

use anyhow::{Context, Result};
use portcullis_bench::{Row, Spread, json_file, print, table, write_json};

use crate::host::Place;
use crate::memory::memory;

/// The numbers of policies for starts.
const POLICIES: [u32; 2] = [1, 50];
/// The number of policies for the measurement of memory.
const HELD: u32 = 10;
/// The maximum memory of a host under load, in megabytes.
const MEMORY_BAR: f64 = 64.0;
/// The number of measurements of each kind of start, and of memory.
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> Result<()> {
    let json = json_file()?;
    let mut rows = starts().await?;
    rows.extend(held().await?);
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    print(&table(&Row::HEADERS, &cells))?;
    match json {
        Some(file) => write_json(&file, &rows),
        None => Ok(()),
    }
}

/// Measures the time until a host is ready.
async fn starts() -> Result<Vec<Row>> {
    let mut kinds = Vec::new();
    for policies in POLICIES {
        for cached in [false, true] {
            let place = Place::create(policies, cached).await?;
            // The first start fills the cache, and writes the stored versions.
            drop(place.start().await?);
            kinds.push((place, policies, cached, Vec::new()));
        }
    }
    for _ in 0..ROUNDS {
        for (place, _, _, took) in &mut kinds {
            let began = Instant::now();
            let host = place.start().await?;
            took.push(began.elapsed().as_secs_f64() * 1e3);
            drop(host);
        }
    }
    let row = |(_, policies, cached, took): (Place, u32, bool, Vec<f64>)| {
        let cache = if cached { "with" } else { "without" };
        let of = if policies == 1 { "policy" } else { "policies" };
        let name = format!("start until ready, {policies} {of}, {cache} code cache");
        let spread = Spread::of(took).context("nothing was measured")?;
        Ok(Row::new(name, spread, "ms"))
    };
    kinds.into_iter().map(row).collect()
}

/// Measures the memory of a host.
async fn held() -> Result<Vec<Row>> {
    let (mut idle, mut loaded) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let place = Place::create(HELD, false).await?;
        let host = place.start().await?;
        let memory = memory(&place, &host).await?;
        idle.push(memory.idle);
        loaded.push(memory.loaded);
    }
    let row = |what: &str, megabytes| {
        let spread = Spread::of(megabytes).context("nothing was measured")?;
        let name = format!("resident memory with {HELD} policies, {what}");
        Ok::<_, anyhow::Error>(Row::new(name, spread, "MB"))
    };
    Ok(vec![
        row("idle", idle)?,
        row("most under load", loaded)?.at_most(MEMORY_BAR),
    ])
}
