//! Measures logins a second and login latency with one host and 1, 2, 4 and 8 service connections,
//! in one run.
//!
//! `cargo xtask bench connections` builds what the program needs. The policy compares tokens in
//! plain text, so that no password hash is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use portcullis_harness::{Accounts, Built, Host, Release, Site, barely_log_in, plain_hashes};
use tokio::task::JoinSet;

const TOKEN: &str = "measured";
const LOGINS: usize = 3_000;
const COUNTS: [usize; 4] = [1, 2, 4, 8];
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let settings = format!(
        "[settings]\ndangerous-plain-text-passwords = true\n\
         [settings.profiles.all]\npublish = {{ allow = [\">\"] }}\n\
         [settings.users.one]\ntoken = \"plain:{TOKEN}\"\naccount = \"APP\"\nprofile = \"all\"\n"
    );
    site.policies
        .put_policy("tokens", &Built::policy("static-users")?, &settings)?;
    println(&"at once | connections | logins/s (median of rounds) | p50 ms | p99 ms | refused");
    for at_once in [8, 64, 256] {
        let mut results: Vec<Vec<Measured>> = COUNTS.iter().map(|_| Vec::new()).collect();
        // The settings take turns, so that a disturbance does not affect only one of them.
        for _ in 0..ROUNDS {
            for (count, results) in COUNTS.iter().zip(&mut results) {
                results.push(measure(&site, *count, at_once).await?);
            }
        }
        for (count, mut results) in COUNTS.iter().zip(results) {
            results.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
            let Some(median) = results.get(ROUNDS / 2) else {
                continue;
            };
            println(&format!(
                "{at_once} | {count} | {:.0} | {:.1} | {:.1} | {}",
                median.per_second, median.p50, median.p99, median.refused
            ));
        }
    }
    Ok(())
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
    let mut times: Vec<Duration> = clients.join_all().await.into_iter().flatten().collect();
    let took = began.elapsed();
    ensure!(times.len() == LOGINS, "{} logins", times.len());
    times.sort();
    let at = |share: usize| {
        let time = times.get(times.len() * share / 100).copied();
        time.unwrap_or_default().as_secs_f64() * 1e3
    };
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let per_second = LOGINS as f64 / took.as_secs_f64();
    Ok(Measured {
        per_second,
        p50: at(50),
        p99: at(99),
        refused: refused.load(Ordering::Relaxed),
    })
}

#[expect(clippy::print_stdout, reason = "a program with a table for people")]
fn println(line: &dyn std::fmt::Display) {
    println!("{line}");
}
