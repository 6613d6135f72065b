//! The parts of a suite.

use std::pin::Pin;

use anyhow::Result;
use portcullis_harness::Release;

/// A list of related rows.
#[derive(Debug)]
pub(crate) struct Suite {
    /// The first part of the names of the suite's tests.
    pub(crate) name: &'static str,
    /// The head of the matrix, which says what a row is.
    pub(crate) head: &'static str,
    /// The rows, in the order of the matrix.
    pub(crate) rows: &'static [Row],
}

/// A setup with its checks, for any release.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: u8,
    /// The row's part of a test's name.
    pub(crate) name: &'static str,
    /// The row's title in the matrix.
    pub(crate) title: &'static str,
    /// The first release that has the tested feature.
    pub(crate) first_in: (u16, u16, u16),
    pub(crate) run: fn(Release) -> Running,
}

/// A running row.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Creates a row from number, name, title, first release, and the function that runs it.
macro_rules! row {
    ($number:literal, $name:literal, $title:literal, $first_in:expr, $run:path) => {
        $crate::suite::Row {
            number: $number,
            name: $name,
            title: $title,
            first_in: $first_in,
            run: |release| Box::pin($run(release)),
        }
    };
}
pub(crate) use row;
