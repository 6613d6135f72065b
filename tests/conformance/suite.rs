//! The parts of a suite.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Result;
use parking_lot::Mutex;
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
    /// The acts that run those rows which do not run by themselves.
    pub(crate) acts: &'static [Act],
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
    /// Runs the row on a setup of its own. `None` if an act runs it.
    pub(crate) run: Option<fn(Release) -> Running>,
}

/// Rows that share one setup, because it costs more than their checks. An act is one test.
#[derive(Debug)]
pub(crate) struct Act {
    /// The act's part of a test's name.
    pub(crate) name: &'static str,
    /// The numbers of the rows.
    pub(crate) rows: &'static [u8],
    pub(crate) run: fn(Release, Results) -> Running,
}

/// The results of an act's rows, by number. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results(Arc<Mutex<BTreeMap<u8, Outcome>>>);

/// The result of a row.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The row passed.
    Passed,
    /// The row failed, for this reason.
    Failed(String),
    /// The machine lacks what the row needs.
    Missing(&'static str),
}

impl Results {
    /// Runs the check of the row `number`.
    pub(crate) fn row<'check>(
        &'check self,
        number: u8,
        check: impl Future<Output = Result<()>> + 'check,
    ) -> Pin<Box<dyn Future<Output = ()> + 'check>> {
        // Boxed: an act awaits many checks, and some are large.
        Box::pin(async move {
            let outcome = match check.await {
                Ok(()) => Outcome::Passed,
                Err(error) => Outcome::Failed(format!("{error:#}")),
            };
            self.0.lock().insert(number, outcome);
        })
    }

    /// Records that the machine lacks what the row `number` needs.
    pub(crate) fn missing(&self, number: u8, reason: &'static str) {
        self.0.lock().insert(number, Outcome::Missing(reason));
    }

    /// Returns the result of the row `number`.
    pub(crate) fn outcome(&self, number: u8) -> Outcome {
        let outcome = self.0.lock().get(&number).cloned();
        outcome.unwrap_or_else(|| Outcome::Failed("it did not run".to_owned()))
    }
}

/// A running row or act.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Creates a row from number, name, title, first release, and the function that runs it. Without a
/// function, an act runs it.
macro_rules! row {
    ($number:literal, $name:literal, $title:literal, $first_in:expr) => {
        $crate::suite::Row {
            number: $number,
            name: $name,
            title: $title,
            first_in: $first_in,
            run: None,
        }
    };
    ($number:literal, $name:literal, $title:literal, $first_in:expr, $run:path) => {
        $crate::suite::Row {
            number: $number,
            name: $name,
            title: $title,
            first_in: $first_in,
            run: Some(|release| Box::pin($run(release))),
        }
    };
}
pub(crate) use row;
