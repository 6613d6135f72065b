//! Measures storms of logins with our host and with the reference callout. Finds the number of
//! clients that can log in at the same instant before one is refused. Also measures the
//! reconnection of thousands of clients after a restart of their server.
//!
//! `cargo xtask bench storm` builds what the program needs. The server waits two seconds for an
//! answer, which is its default. All contenders take turns, so that a disturbance does not affect
//! only one of them.

mod burst;
mod comeback;
mod report;

use anyhow::Result;
use portcullis_bench::{Conditions, Contender, Peer, Row, json_file, print, table, write_json};

use crate::burst::largest;
use crate::comeback::{Comeback, comeback};
use crate::report::Measured;

/// The number of measurements.
const ROUNDS: usize = 3;
/// The server's timeout for an answer, in seconds: its default.
const TIMEOUT: u32 = 2;
/// Settings with which our host's deadline is nearly that of the server, rather than its default of
/// a second.
const PATIENT: &str = "deadline = \"1900ms\"";
/// Settings with which our host sheds no requests: its deadline is longer than that of any server,
/// and it has slots for all.
const NO_SHEDDING: &str = "deadline = \"1m\"\nmax-in-flight = 1024";

#[tokio::main]
async fn main() -> Result<()> {
    let json = json_file()?;
    let mut measured = Measured::default();
    storms(&mut measured).await?;
    comebacks(&mut measured).await?;
    let rows = measured.rows()?;
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    print(&table(&Row::HEADERS, &cells))?;
    match json {
        Some(file) => write_json(&file, &rows),
        None => Ok(()),
    }
}

fn conditions(callout: &str) -> Conditions {
    Conditions {
        timeout: TIMEOUT,
        callout: callout.to_owned(),
        ..Conditions::default()
    }
}

async fn storms(measured: &mut Measured) -> Result<()> {
    let mut contenders = Vec::new();
    for peer in Peer::ALL {
        let contender = Contender::start(peer, &conditions("")).await?;
        contenders.push((peer.to_string(), contender));
    }
    let patient = Contender::start(Peer::Portcullis, &conditions(PATIENT)).await?;
    contenders.push(("portcullis with a deadline of 1.9 s".to_owned(), patient));
    for _ in 0..ROUNDS {
        for (name, contender) in &contenders {
            measured.largest(name, largest(contender).await?);
        }
    }
    Ok(())
}

async fn comebacks(measured: &mut Measured) -> Result<()> {
    let peers = [
        (Peer::Portcullis, ""),
        (Peer::Portcullis, NO_SHEDDING),
        (Peer::CALLOUT_GO, ""),
        (
            Peer::CalloutGo {
                workers: 0,
                endpoints: 10,
            },
            "",
        ),
    ];
    for _ in 0..ROUNDS {
        for (peer, callout) in peers {
            let contender = Contender::start(peer, &conditions(callout)).await?;
            let came_back: Comeback = comeback(contender).await?;
            let sheds = callout.is_empty();
            measured.came_back(&peer.to_string(), sheds, came_back);
        }
    }
    Ok(())
}
