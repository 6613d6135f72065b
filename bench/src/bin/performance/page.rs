//! The performance page.

use anyhow::Result;
use portcullis_bench::{Row, table};
use portcullis_harness::Release;

use crate::{Measured, machine};

/// The text written by hand, with places for the results.
const TEMPLATE: &str = include_str!("template.md");

/// Returns the page with all results.
pub(crate) fn page(measured: &[Measured]) -> Result<String> {
    let held = measured.iter().flat_map(|measured| &measured.rows);
    let held: Vec<_> = held
        .filter(|row| row.bar.is_some())
        .map(Row::cells)
        .collect();
    let places = [
        ("{machine}", machine::machine()?),
        ("{nats-server}", Release::Nats2_15.to_string()),
        ("{callout.go}", machine::callout_go()?.to_owned()),
        ("{bars}", table(&Row::HEADERS, &held)),
        ("{everything}", measured.iter().map(section).collect()),
    ];
    let mut page = TEMPLATE.to_owned();
    for (place, text) in places {
        page = page.replace(place, text.trim_end());
    }
    Ok(page)
}

/// Returns the rows of one benchmark without a bar, with their peers if at least one row has a
/// peer.
fn section(measured: &Measured) -> String {
    let Measured { bench, date, rows } = measured;
    let free: Vec<_> = rows.iter().filter(|row| row.bar.is_none()).collect();
    let is_compared = free.iter().any(|row| row.peer.is_some());
    let columns = if is_compared { 5 } else { 3 };
    let cells: Vec<_> = free
        .iter()
        .map(|row| row.cells().into_iter().take(columns).collect())
        .collect();
    let headers: Vec<_> = Row::HEADERS.into_iter().take(columns).collect();
    format!(
        "### `cargo xtask bench {bench}`, {date}\n\n{}\n",
        table(&headers, &cells)
    )
}
