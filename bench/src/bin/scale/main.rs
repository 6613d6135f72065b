//! Measures the cost of a decision with growing numbers of service connections, worker threads,
//! hosts, policies in the directory, and users and roles in a policy.
//!
//! `cargo xtask bench scale` builds what the program needs. A series varies one number, and has a
//! server for each value. They take turns, in rounds of a second, so that a disturbance does not
//! affect only one of them.

mod hosts;
mod series;
mod shape;

use std::time::Duration;

use anyhow::{Context, Result};
use portcullis_bench::{Arguments, Flooded, Round, Row, Spread, print, table, write_json};

use crate::hosts::Place;
use crate::series::Series;

/// The number of pending requests.
const AT_ONCE: usize = 64;
/// The length of a round.
const ROUND: Duration = Duration::from_secs(1);

/// The results of one shape.
struct Measured {
    name: String,
    place: Place,
    rounds: Vec<Flooded>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::read(Duration::from_secs(5), ROUND)?;
    let mut rows = Vec::new();
    for series in Series::all() {
        let of_series = measure(&series, arguments.length).await?;
        let cells: Vec<_> = of_series.iter().map(Row::cells).collect();
        print(&table(&Row::HEADERS, &cells))?;
        rows.extend(of_series);
    }
    match arguments.json {
        Some(file) => write_json(&file, &rows),
        None => Ok(()),
    }
}

/// Measures every shape of a series for `length`.
async fn measure(series: &Series, length: Duration) -> Result<Vec<Row>> {
    let mut shapes = Vec::new();
    for (number, shape) in &series.shapes {
        let name = format!("scale by {}, {number}", series.of);
        let place = Place::start(shape).await.with_context(|| name.clone())?;
        shapes.push(Measured {
            name,
            place,
            rounds: Vec::new(),
        });
    }
    for shape in &mut shapes {
        shape.place.flood().warm_up(AT_ONCE, ROUND).await?;
    }
    for _ in 0..length.as_secs() / ROUND.as_secs() {
        for shape in &mut shapes {
            let round = shape.place.flood().round(AT_ONCE, ROUND).await?;
            shape.rounds.push(round);
        }
    }
    rows(series, &shapes)
}

/// Returns every metric of every shape. All but the first shape are compared with the first.
fn rows(series: &Series, shapes: &[Measured]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for metric in Flooded::METRICS {
        let mut first: Option<Row> = None;
        for shape in shapes {
            let values = shape.rounds.iter().map(metric.of).collect();
            let spread = Spread::of(values).context("nothing was measured")?;
            let name = format!("{}: {}", shape.name, metric.name);
            let wrong = shape.rounds.iter().map(Round::wrong).sum();
            let row = Row::new(name, spread, metric.unit).with_wrong_answers(wrong);
            let row = match &first {
                Some(first) => series.bar.hold(row, first, metric),
                None => row,
            };
            first.get_or_insert_with(|| row.clone());
            rows.push(row);
        }
    }
    Ok(rows)
}
