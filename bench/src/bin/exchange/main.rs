//! Measures what an exchange of a token costs, compared with a login by auth callout with the same
//! token and the same policy. Also measures the memory of idle logins that wait for their renewal.
//!
//! `cargo xtask bench exchange` builds what the program needs. All works take turns, in rounds of a
//! second, so that a disturbance does not affect only one of them. As clients do, every login and
//! every exchange makes a connection of its own.

mod idle;
mod round;
mod stage;

use std::time::Duration;

use anyhow::{Context, Result};
use portcullis_bench::{Arguments, Row, Spread, conclude};

use crate::round::{Measured, round};
use crate::stage::{Stage, Work};

/// The numbers of concurrent clients.
const AT_ONCE: [usize; 2] = [1, 32];
/// The length of a round.
const ROUND: Duration = Duration::from_secs(1);

/// A metric: name, unit and getter.
type Metric = (&'static str, &'static str, fn(&Measured) -> f64);
const RATE: Metric = ("rate", "1/s", |round| round.per_second);
const P50: Metric = ("p50", "ms", |round| round.p50);
const HOST: Metric = ("processor time of the host", "µs", |round| round.host);
const SERVER: Metric = ("processor time of the server", "µs", |round| round.server);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::read(Duration::from_secs(5), ROUND)?;
    let stage = Stage::start().await?;
    let mut rows = Vec::new();
    for at_once in AT_ONCE {
        let mut rounds = Work::ALL.map(|work| (work, Vec::new()));
        for (work, _) in &rounds {
            round(&stage, *work, at_once, ROUND / 2).await?;
        }
        for _ in 0..arguments.length.as_secs() / ROUND.as_secs() {
            for (work, rounds) in &mut rounds {
                rounds.push(round(&stage, *work, at_once, ROUND).await?);
            }
        }
        for metric in [RATE, P50, HOST, SERVER] {
            rows.extend(rows_of(&rounds, at_once, metric)?);
        }
    }
    rows.extend(idle::rows().await?);
    conclude(&rows, arguments.json.as_deref())
}

/// Returns a row of each work, compared with the first.
fn rows_of(rounds: &[(Work, Vec<Measured>)], at_once: usize, metric: Metric) -> Result<Vec<Row>> {
    let (what, unit, of) = metric;
    let mut rows: Vec<Row> = Vec::new();
    for (work, rounds) in rounds {
        let name = format!("{}, {at_once} at once: {what}", work.name());
        let spread = Spread::of(rounds.iter().map(of).collect()).context("nothing was measured")?;
        let failed = rounds.iter().map(|round| round.failed).sum();
        let row = Row::new(name, spread, unit).with_wrong_answers(failed);
        let row = match rows.first() {
            Some(first) => row.compared_with(first, None),
            None => row,
        };
        rows.push(row);
    }
    Ok(rows)
}
