//! Measures what 10,000 accounts cost: the start of a server, lookups, the first login of an
//! account, and memory. Compares `portcullis resolver` with nats-server's own full resolver, which
//! has the same accounts.
//!
//! `cargo xtask bench accounts` builds what the program needs. Starts and logins of both take
//! turns, so that a disturbance does not affect only one of them.

mod lookups;
mod population;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use portcullis_bench::{Row, Spread, conclude, json_file, percentile};
use portcullis_harness::{Gauge, Host, NatsServer};

use crate::lookups::{first_login, over_http, over_nats, rate_over_http};
use crate::population::Population;

/// The number of starts of each kind.
const STARTS: usize = 7;
/// The number of accounts whose first login is measured.
const LOGINS: usize = 500;
/// The number of concurrent connections for the rate.
const CONNECTIONS: usize = 16;

#[tokio::main]
async fn main() -> Result<()> {
    let json = json_file()?;
    let population = Population::create().await?;
    let mut rows = starts(&population).await?;
    rows.extend(loaded(&population).await?);
    conclude(&rows, json.as_deref())
}

/// Measures the time until servers and the resolver are ready.
async fn starts(population: &Population) -> Result<Vec<Row>> {
    let (mut resolvers, mut with_url, mut with_full) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let began = Instant::now();
        let (resolver, address) = population.start_resolver().await?;
        resolvers.push(began.elapsed());
        let began = Instant::now();
        drop(population.start_with_url(&address).await?);
        with_url.push(began.elapsed());
        drop(resolver);
        let began = Instant::now();
        drop(population.start_with_full().await?);
        with_full.push(began.elapsed());
    }
    let full = millis("start of a server, full resolver", &with_full)?;
    Ok(vec![
        millis("start of the resolver", &resolvers)?,
        millis("start of a server, portcullis resolver", &with_url)?.compared_with(&full, None),
        full,
    ])
}

/// Measures lookups, first logins and memory.
async fn loaded(population: &Population) -> Result<Vec<Row>> {
    let keys = population.keys();
    let (resolver, address) = population.start_resolver().await?;
    let with_url = population.start_with_url(&address).await?;
    let with_full = population.start_with_full().await?;
    let idle = memory(resolver.id()?)?;
    let full_idle = memory(with_full.id()?)?;

    let http = over_http(&address, &keys).await?;
    let rate = rate_over_http(&address, &keys, CONNECTIONS).await?;
    let resolver_memory = memory(resolver.id()?)?;
    let ours = nats_lookups(population, &with_url, &keys, true).await?;
    let theirs = nats_lookups(population, &with_full, &keys, false).await?;
    let full_memory = memory(with_full.id()?)?;
    let (mut url_logins, mut full_logins) = (Vec::new(), Vec::new());
    for account in population.accounts.iter().take(LOGINS) {
        url_logins.push(first_login(&with_url, account).await?);
        full_logins.push(first_login(&with_full, account).await?);
    }

    let full_nats = micros("lookup over NATS, full resolver", &theirs)?;
    let full_p99 = p99("lookup over NATS, full resolver", &theirs)?;
    let full_login = micros("first login of an account, full resolver", &full_logins)?;
    let full_idle = megabytes("memory of the server with a full resolver, idle", full_idle)?;
    let full_memory = megabytes(
        "memory of the server with a full resolver, after all lookups",
        full_memory,
    )?;
    let per_second = Spread::of(vec![rate]).context("nothing was measured")?;
    let name = format!("lookups over HTTP, {CONNECTIONS} connections");
    Ok(vec![
        micros("lookup over HTTP, portcullis resolver", &http)?,
        p99("lookup over HTTP, portcullis resolver", &http)?,
        Row::new(name, per_second, "1/s"),
        micros("lookup over NATS, portcullis resolver", &ours)?.compared_with(&full_nats, None),
        full_nats,
        p99("lookup over NATS, portcullis resolver", &ours)?.compared_with(&full_p99, None),
        full_p99,
        micros(
            "first login of an account, portcullis resolver",
            &url_logins,
        )?
        .compared_with(&full_login, None),
        full_login,
        megabytes("memory of the resolver, idle", idle)?.compared_with(&full_idle, None),
        full_idle,
        megabytes("memory of the resolver, after all lookups", resolver_memory)?
            .compared_with(&full_memory, None),
        full_memory,
        megabytes("memory of the server with a URL", memory(with_url.id()?)?)?,
    ])
}

/// Looks up all accounts at `server`. If it has no resolver that answers over NATS, starts one of
/// ours that does.
async fn nats_lookups(
    population: &Population,
    server: &NatsServer,
    keys: &[String],
    with_ours: bool,
) -> Result<Vec<Duration>> {
    let _resolver: Option<Host> = if with_ours {
        let started = population.made.start_connected_resolver(server, &[]);
        Some(started.await?.0)
    } else {
        None
    };
    let system = population.made.system(server).await?;
    over_nats(&system, keys).await
}

/// Returns the resident memory of a process, in megabytes.
fn memory(id: u32) -> Result<f64> {
    let kibibytes = u32::try_from(Gauge::of(id)?.memory)?;
    Ok(f64::from(kibibytes) * 1024.0 / 1e6)
}

fn millis(name: &str, times: &[Duration]) -> Result<Row> {
    let times = times.iter().map(|time| time.as_secs_f64() * 1e3);
    let spread = Spread::of(times.collect()).context("nothing was measured")?;
    Ok(Row::new(name, spread, "ms"))
}

fn micros(name: &str, times: &[Duration]) -> Result<Row> {
    let times = times.iter().map(|time| time.as_secs_f64() * 1e6);
    let spread = Spread::of(times.collect()).context("nothing was measured")?;
    Ok(Row::time(name, spread))
}

fn p99(name: &str, times: &[Duration]) -> Result<Row> {
    let millis = percentile(times.to_vec(), 99);
    let spread = Spread::of(vec![millis * 1e3]).context("nothing was measured")?;
    Ok(Row::time(format!("{name}, 99 %"), spread))
}

fn megabytes(name: &str, memory: f64) -> Result<Row> {
    let spread = Spread::of(vec![memory]).context("nothing was measured")?;
    Ok(Row::new(name, spread, "MB"))
}
