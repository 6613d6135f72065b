//! Measures the cost of a reload: logins on a schedule with and without a replacement of the policy
//! every second. Also measures the time until a new version serves.
//!
//! `cargo xtask bench reload` builds what the program needs. The policy compares tokens in plain
//! text, so that no password hash is measured.

mod logins;
mod report;
mod versions;

use std::time::Duration;

use anyhow::Result;
use portcullis_bench::Arguments;
use portcullis_harness::{Accounts, Host, Release, Site, plain_hashes};

use crate::logins::{most_a_second, on_schedule};
use crate::report::{DEBOUNCE, Measured};
use crate::versions::{Code, POLICY, Replacements, Versions};

/// The number of clients that saturates the machine.
const AT_ONCE: usize = 64;
/// The number of turns of each kind of load, so that a disturbance does not affect only one of
/// them.
const ROUNDS: u32 = 3;
/// The number of replacements without load.
const REPLACEMENTS: u32 = 40;
/// The log level of the host. Decisions are not logged: this program would have to read a line for
/// each, on processors that the host needs.
const LOG_LEVEL: &str = "warn,portcullis=info,portcullis_authority=warn,portcullis_callout=warn,portcullis_connect=warn";

#[tokio::main]
async fn main() -> Result<()> {
    // A shorter length would not have a replacement in every round.
    let arguments = Arguments::read(Duration::from_mins(1), Duration::from_secs(6))?;
    let measured = measure(arguments.length).await?;
    measured.print()?;
    match arguments.json {
        Some(file) => portcullis_bench::write_json(&file, &measured.rows()?),
        None => Ok(()),
    }
}

async fn measure(length: Duration) -> Result<Measured> {
    let site = Site::create(Release::Nats2_15)?;
    let mut versions = Versions::create(&site)?;
    let server = site.start_server(Accounts::Several).await?;
    let debounce = format!("debounce = \"{}ms\"", DEBOUNCE.as_millis());
    let config = site.host_config(&server.url(), &plain_hashes(&[POLICY]));
    let config = config.replace("debounce = \"50ms\"", &debounce);
    let config = site.write_config("measured.toml", &config)?;
    let host = Host::spawn(&config, &["--log-level", LOG_LEVEL])?;
    host.ready().await?;
    let port = server.port();

    most_a_second(port, AT_ONCE, length / 30).await;
    let most_a_second = most_a_second(port, AT_ONCE, length / 6).await;
    let (mut alone, mut with_reloads, mut with_known_code) = (Vec::new(), Vec::new(), Vec::new());
    let (mut under_load, mut of_known_code) = (Replacements::default(), Replacements::default());
    for _ in 0..ROUNDS {
        let length = length / ROUNDS;
        alone.push(on_schedule(port, most_a_second / 2.0, length).await);
        for (code, loads, replacements) in [
            (Code::New, &mut with_reloads, &mut under_load),
            (Code::Known, &mut with_known_code, &mut of_known_code),
        ] {
            versions.code = code;
            let (logins, replaced) = tokio::join!(
                on_schedule(port, most_a_second / 2.0, length),
                versions.replace_every_second(&host, port, length)
            );
            loads.push(logins);
            replacements.extend(replaced?);
        }
    }
    versions.code = Code::New;
    let without_load = versions
        .replace_one_by_one(&host, port, REPLACEMENTS)
        .await?;
    Ok(Measured {
        module_size: versions.module_size(),
        most_a_second,
        alone,
        with_reloads,
        under_load,
        with_known_code,
        of_known_code,
        without_load,
    })
}
