//! Injects faults while clients log in. Counts the failed logins, the time until logins succeed
//! again, and leaked resources.
//!
//! `cargo xtask faults` builds what the program needs and runs it; names of faults select some of
//! them. The program exits with 1 if a bound is broken.

mod faults;
mod leaks;
mod load;
mod report;
mod service;

use std::process::ExitCode;

use anyhow::Result;

use faults::Fault;
use report::Table;

#[tokio::main]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut table = Table::new();
    for fault in Fault::ALL {
        if wanted.is_empty()
            || wanted
                .iter()
                .any(|word| fault.name().contains(word.as_str()))
        {
            run(fault, &mut table).await;
        }
    }
    table.end();
    if table.all_held() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(fault: Fault, table: &mut Table) {
    let outcome: Result<_> = fault.happen().await;
    match outcome {
        Ok(outcome) => table.row(fault.name(), &outcome),
        Err(error) => table.broke_off(fault.name(), &error),
    }
}
