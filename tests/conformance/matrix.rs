//! Row by release: what came of it.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::sync::{Mutex, PoisonError};

use portcullis_tests::Release;

use crate::RELEASES;
use crate::callout::{ROWS, Row};

/// What came of a row on a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// As nats-server's test has it.
    Pass,
    /// Otherwise.
    Fail,
    /// The release does not have the feature.
    NotApplicable,
    /// Not reproduced yet.
    Later,
}

/// The cells so far.
pub(crate) struct Matrix(Mutex<BTreeMap<(u8, Release), Cell>>);

impl Matrix {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub(crate) fn set(&self, row: u8, release: Release, cell: Cell) {
        // A cell that panicked has set nothing, and holds nothing.
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.insert((row, release), cell);
    }

    /// Prints every row, if any of them ran.
    pub(crate) fn print(&self) {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |wanted: Cell| cells.values().filter(|cell| **cell == wanted).count();
        let (passed, failed) = (count(Cell::Pass), count(Cell::Fail));
        if passed + failed == 0 {
            return;
        }
        let releases = RELEASES.map(|release| format!("{:>8}", release.to_string()));
        say(&format!(
            "\n{:<58}{}",
            "nats-server's test",
            releases.concat()
        ));
        for row in &ROWS {
            let row_cells = RELEASES.map(|release| {
                let cell = cells.get(&(row.number, release));
                format!("{:>8}", cell.map_or("–", |cell| cell.as_str()))
            });
            say(&format!("{:<58}{}", title(row), row_cells.concat()));
        }
        say(&format!(
            "\n{passed} passed, {failed} failed, {} n/a, {} later; – is not selected",
            count(Cell::NotApplicable),
            count(Cell::Later)
        ));
    }
}

impl Cell {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::NotApplicable => "n/a",
            Self::Later => "later",
        }
    }
}

fn title(row: &Row) -> String {
    format!("{:>2} {}", row.number, row.title)
}

fn say(line: &str) {
    // Nobody to tell when standard output is closed.
    let _ = writeln!(stdout(), "{line}");
}
