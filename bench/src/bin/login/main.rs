//! Measures the cost of a login end to end. Clients log in at a real server with our host
//! answering, with the reference callout, and with a password that the server knows itself.
//!
//! `cargo xtask bench login` builds what the program needs. All contenders take turns, in rounds of
//! a second, so that a disturbance does not affect only one of them.

mod clients;
mod report;

use std::time::Duration;

use anyhow::Result;
use portcullis_bench::{
    Arguments, Comparison, Conditions, Contender, Peer, Row, print, table, write_json,
};

use crate::clients::round;
use crate::report::bars;

/// The numbers of concurrent clients.
const AT_ONCE: [usize; 3] = [1, 32, 512];
/// The length of a round.
const ROUND: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::read(Duration::from_secs(5), ROUND)?;
    let mut contenders = Vec::new();
    for peer in [Peer::Nobody].into_iter().chain(Peer::ALL) {
        contenders.push(Contender::start(peer, &Conditions::default()).await?);
    }
    let mut measured = Comparison::new("login");
    for at_once in AT_ONCE {
        for contender in &contenders {
            round(contender, at_once, ROUND / 2).await?;
        }
        for _ in 0..arguments.length.as_secs() / ROUND.as_secs() {
            for contender in &contenders {
                let round = round(contender, at_once, ROUND).await?;
                measured.add(contender.peer, at_once, round);
            }
        }
    }
    print(&measured.table()?)?;
    let (mut rows, bars) = (measured.rows()?, bars(&measured)?);
    let held: Vec<_> = bars.iter().map(Row::cells).collect();
    print(&table(&Row::HEADERS, &held))?;
    rows.extend(bars);
    match arguments.json {
        Some(file) => write_json(&file, &rows),
        None => Ok(()),
    }
}
