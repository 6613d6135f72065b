//! Measures the cost of a decision, from the request on the wire to the answer. Our host and the
//! reference callout get requests signed as a server signs them, in plain text and encrypted, with
//! different concurrencies.
//!
//! `cargo xtask bench flood` builds what the program needs. Each contender has a server of its own.
//! All take turns, in rounds of a second, so that a disturbance does not affect only one of them.

mod asked;
mod report;

use std::time::Duration;

use anyhow::Result;
use portcullis_bench::{Arguments, Comparison, Peer, Row, print, table, write_json};

use crate::asked::Asked;
use crate::report::bars;

/// The numbers of pending requests.
const AT_ONCE: [usize; 4] = [1, 8, 64, 512];
/// The length of a round.
const ROUND: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::read(Duration::from_secs(5), ROUND)?;
    let mut rows = Vec::new();
    for encrypts in [false, true] {
        rows.extend(measure(arguments.length, encrypts).await?);
    }
    match arguments.json {
        Some(file) => write_json(&file, &rows),
        None => Ok(()),
    }
}

/// Measures every contender for `length` with each number of pending requests, and prints tables.
async fn measure(length: Duration, encrypts: bool) -> Result<Vec<Row>> {
    let mut contenders = Vec::new();
    for peer in Peer::ALL.into_iter().chain([Peer::Recording]) {
        contenders.push(Asked::start(peer, encrypts).await?);
    }
    let subject = if encrypts { "flood with xkey" } else { "flood" };
    let mut measured = Comparison::new(subject);
    for at_once in AT_ONCE {
        for asked in &mut contenders {
            asked.warm_up(at_once, ROUND).await?;
        }
        for _ in 0..length.as_secs() / ROUND.as_secs() {
            for asked in &mut contenders {
                let round = asked.round(at_once, ROUND).await?;
                measured.add(asked.peer(), at_once, round);
            }
        }
    }
    print(&measured.table()?)?;
    let (mut rows, bars) = (measured.rows()?, bars(&measured)?);
    let held: Vec<_> = bars.iter().map(Row::cells).collect();
    print(&table(&Row::HEADERS, &held))?;
    rows.extend(bars);
    Ok(rows)
}
