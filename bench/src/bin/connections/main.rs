//! Measures logins a second and login latency with one host and 1, 2, 4 and 8 service connections,
//! in one run.
//!
//! `cargo xtask bench connections` builds what the program needs. The policy compares tokens in
//! plain text, so that no password hash is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use portcullis_bench::{Row, Spread, conclude, json_file, percentile};
use portcullis_harness::{Accounts, Built, Host, Release, Site, barely_log_in, plain_hashes};
use tokio::task::JoinSet;

const TOKEN: &str = "measured";
const LOGINS: usize = 3_000;
const COUNTS: [usize; 4] = [1, 2, 4, 8];
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> Result<()> {
    let json = json_file()?;
    let site = Site::create(Release::Nats2_15)?;
    let settings = format!(
        "[settings]\ndangerous-plain-text-passwords = true\n\
         [settings.profiles.all]\npublish = {{ allow = [\">\"] }}\n\
         [settings.users.one]\ntoken = \"plain:{TOKEN}\"\naccount = \"APP\"\nprofile = \"all\"\n"
    );
    site.policies
        .put_policy("tokens", &Built::policy("static-users")?, &settings)?;
    let mut rows = Vec::new();
    for at_once in [8, 64, 256] {
        let mut results: Vec<Vec<Measured>> = COUNTS.iter().map(|_| Vec::new()).collect();
        // The settings take turns, so that a disturbance does not affect only one of them.
        for _ in 0..ROUNDS {
            for (count, results) in COUNTS.iter().zip(&mut results) {
                results.push(measure(&site, *count, at_once).await?);
            }
        }
        for (count, results) in COUNTS.iter().zip(&results) {
            let subject = format!("{count} connections, {at_once} at once");
            rows.extend(rows_of(&subject, results)?);
        }
    }
    conclude(&rows, json.as_deref())
}

/// Returns the medians of some rounds.
fn rows_of(subject: &str, rounds: &[Measured]) -> Result<[Row; 3]> {
    let refused = rounds.iter().map(|round| round.refused).sum();
    let row = |what: &str, unit, of: fn(&Measured) -> f64| {
        let spread = Spread::of(rounds.iter().map(of).collect()).context("nothing was measured")?;
        let row = Row::new(format!("{subject}: {what}"), spread, unit);
        Ok::<_, anyhow::Error>(row.with_wrong_answers(refused))
    };
    Ok([
        row("logins", "1/s", |round| round.per_second)?,
        row("p50", "ms", |round| round.p50)?,
        row("p99", "ms", |round| round.p99)?,
    ])
}

struct Measured {
    per_second: f64,
    p50: f64,
    p99: f64,
    refused: usize,
}

async fn measure(site: &Site, connections: usize, at_once: usize) -> Result<Measured> {
    let server = site.start_server(Accounts::Several).await?;
    let config = site
        .host_config(&server.url(), &plain_hashes(&["tokens"]))
        .replace(
            "[callout]",
            &format!("connections = {connections}\n\n[callout]"),
        );
    let host = Host::spawn(
        &site.write_config("measured.toml", &config)?,
        &["--log-level", "warn,portcullis=info"],
    )?;
    host.ready().await?;
    let (left, refused) = (
        Arc::new(AtomicUsize::new(LOGINS)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut clients = JoinSet::new();
    let began = Instant::now();
    for _ in 0..at_once {
        let (left, refused, port) = (Arc::clone(&left), Arc::clone(&refused), server.port());
        clients.spawn(async move {
            let mut times = Vec::new();
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok()
            {
                let began = Instant::now();
                if !barely_log_in(port, TOKEN).await.unwrap_or(false) {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                times.push(began.elapsed());
            }
            times
        });
    }
    let times: Vec<Duration> = clients.join_all().await.into_iter().flatten().collect();
    let took = began.elapsed();
    ensure!(times.len() == LOGINS, "{} logins", times.len());
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let per_second = LOGINS as f64 / took.as_secs_f64();
    Ok(Measured {
        per_second,
        p50: percentile(times.clone(), 50),
        p99: percentile(times, 99),
        refused: refused.load(Ordering::Relaxed),
    })
}
