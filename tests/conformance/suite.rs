//! What a suite is made of.

use std::pin::Pin;

use anyhow::Result;
use portcullis_tests::Release;

/// A list of rows that are about one thing.
#[derive(Debug)]
pub(crate) struct Suite {
    /// The first part of the names of its tests.
    pub(crate) name: &'static str,
    /// What a row is, as the head of the matrix.
    pub(crate) head: &'static str,
    /// In the order of the matrix.
    pub(crate) rows: &'static [Row],
}

/// One arrangement and what is looked at in it, on any release.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: u8,
    /// As part of a test's name.
    pub(crate) name: &'static str,
    /// As in the matrix.
    pub(crate) title: &'static str,
    /// The first release that has what is tested.
    pub(crate) first_in: (u16, u16, u16),
    pub(crate) run: fn(Release) -> Running,
}

/// A row on its way.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<()>>>>;

/// A row: number, name, title, first release, and the function that runs it.
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
