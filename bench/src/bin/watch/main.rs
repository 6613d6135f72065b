//! Measures the time from a save of a policy's source to a host that serves the new version, with
//! `portcullis policy watch`.
//!
//! `cargo xtask bench watch` builds what the program needs. The policy is that of the template
//! `empty`. Each save changes one log line, so cargo compiles the policy again and nothing else.

mod author;

use std::time::Instant;

use anyhow::{Context, Result};
use portcullis_bench::{Row, Spread, json_file, print, table, write_json};
use portcullis_harness::{Accounts, Host, Release, Site};

use crate::author::{Author, POLICY};

/// The maximum time from a save to a served version, in seconds.
const BAR: f64 = 2.0;
/// The number of measured saves.
const SAVES: u32 = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let json = json_file()?;
    let rows = measure().await?;
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    print(&table(&Row::HEADERS, &cells))?;
    match json {
        Some(file) => write_json(&file, &rows),
        None => Ok(()),
    }
}

async fn measure() -> Result<Vec<Row>> {
    let site = Site::create(Release::Nats2_15)?;
    let server = site.start_server(Accounts::Several).await?;
    // The debounce of hosts that configure none.
    let config = site.host_config(&server.url(), "");
    let config = config.replace("debounce = \"50ms\"\n", "");
    let config = site.write_config("measured.toml", &config)?;
    let host = Host::spawn(&config, &["--log-level", "info"])?;
    host.ready().await?;
    let author = Author::begin(&site.path().join("author"), site.policies.path()).await?;
    host.published_from(0, POLICY).await?;
    let (mut shipping, mut serving) = (Vec::new(), Vec::new());
    for number in 0..SAVES {
        let (lines, mark) = (author.reports.len(), host.log().len());
        let saved = Instant::now();
        author.save(number)?;
        author.shipped_from(lines).await?;
        shipping.push(saved.elapsed().as_secs_f64());
        host.published_from(mark, POLICY).await?;
        serving.push(saved.elapsed().as_secs_f64());
    }
    let row = |name: &str, seconds| {
        let spread = Spread::of(seconds).context("nothing was measured")?;
        Ok::<_, anyhow::Error>(Row::new(name, spread, "s"))
    };
    Ok(vec![
        row("save until built, tested and in the directory", shipping)?,
        row("save until the host serves the version", serving)?.at_most(BAR),
    ])
}
