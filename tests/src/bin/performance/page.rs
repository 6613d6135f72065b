//! The page.

use anyhow::Result;
use portcullis_bench::{Row, table};
use portcullis_tests::Release;

use crate::{Measured, machine};

/// What is written by hand, with places for the rest.
const TEMPLATE: &str = include_str!("template.md");

/// The page, with everything that was measured.
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

/// All rows of one benchmark that are not held to a bar; what they are beside, if any of them is.
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
