//! The results of rows on releases.

use std::collections::BTreeMap;
use std::io::{Write, stdout};

use parking_lot::Mutex;
use portcullis_harness::Release;

use crate::suite::{Row, Suite};
use crate::{RELEASES, SUITES};

/// The result of a row on a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// The row passed.
    Pass,
    /// The row failed.
    Fail,
    /// The release does not have the feature.
    NotApplicable,
    /// The machine lacks what the row needs.
    Missing(&'static str),
}

/// The results so far, of all suites.
pub(crate) struct Matrix(Mutex<BTreeMap<Place, Cell>>);

/// The suite, the number of the row, and the release.
type Place = (&'static str, u8, Release);

impl Matrix {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub(crate) fn set(&self, suite: &Suite, number: u8, release: Release, cell: Cell) {
        // A cell that panicked has set nothing and holds no lock.
        let mut cells = self.0.lock();
        cells.insert((suite.name, number, release), cell);
    }

    /// Prints every suite with at least one row that ran.
    pub(crate) fn print(&self) {
        let cells = self.0.lock();
        for suite in SUITES {
            print(suite, &cells);
        }
    }
}

fn print(suite: &Suite, cells: &BTreeMap<Place, Cell>) {
    let count = |wanted: Cell| {
        let of_suite = cells.iter().filter(|((name, ..), _)| *name == suite.name);
        of_suite.filter(|(_, cell)| **cell == wanted).count()
    };
    let (passed, failed) = (count(Cell::Pass), count(Cell::Fail));
    if passed + failed == 0 {
        return;
    }
    // A release that could not run is not a column; a line below names it once.
    let columns: Vec<_> = RELEASES
        .into_iter()
        .filter(|release| release.missing().is_none())
        .collect();
    let releases = columns
        .iter()
        .map(|release| format!("{:>8}", release.to_string()));
    say(&format!(
        "\n{:<58}{}",
        suite.head,
        releases.collect::<String>()
    ));
    for row in suite.rows {
        let row_cells = columns.iter().map(|release| {
            let cell = cells.get(&(suite.name, row.number, *release));
            format!("{:>8}", cell.map_or("–", |cell| cell.as_str()))
        });
        let row_cells: String = row_cells.collect();
        say(&format!("{:<58}{row_cells}", title(row)));
    }
    for release in [Release::Nats2_14Newest, Release::Nats2_15Newest] {
        if let Some(reason) = release.missing() {
            say(&format!("{release} n/a: {reason}"));
        }
    }
    let mut missing = BTreeMap::new();
    for ((name, number, _), cell) in cells {
        if let (true, Cell::Missing(reason)) = (*name == suite.name, cell) {
            *missing.entry((number, reason)).or_insert(0_usize) += 1;
        }
    }
    for (number, reason) in missing.keys() {
        say(&format!("row {number} n/a: {reason}"));
    }
    say(&format!(
        "\n{passed} passed, {failed} failed, {} n/a; – is not selected",
        count(Cell::NotApplicable) + missing.values().sum::<usize>()
    ));
}

impl Cell {
    /// Returns the result of a row that has run.
    pub(crate) const fn of(passed: bool) -> Self {
        if passed { Self::Pass } else { Self::Fail }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::NotApplicable | Self::Missing(_) => "n/a",
        }
    }
}

fn title(row: &Row) -> String {
    format!("{:>2} {}", row.number, row.title)
}

fn say(line: &str) {
    // If standard output is closed, the line cannot be reported.
    let _ = writeln!(stdout(), "{line}");
}
