//! Suites of tests on releases of nats-server. Each suite is a matrix of rows by releases:
//!
//! - `callout`: nats-server's own tests of auth callout, with this host answering. Each row has the
//!   setup of one test, a policy that decides as the test's service does, and the checks of the
//!   test.
//! - `identity`: logins of every kind with third-party clients, and the identity that the host
//!   derives.
//! - `connect`: the features of Overmind's `connect`, in the connect crate and the token exchange.
//!
//! The program supports the options of Rust test programs (`--list`, filters). A test's name is
//! `SUITE::NUMBER_NAME::RELEASE`. The program prints the matrices at the end, and fails if a cell
//! does.

mod callout;
mod certified;
mod connect;
mod identity;
mod matrix;
mod rules;
mod stage;
mod suite;
mod wrong_answers;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use portcullis_harness::Release;

use matrix::{Cell, Matrix};
use suite::{Row, Suite};

/// The time after which a cell counts as hung: longer than any cell takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The releases: the five that `cargo xtask` fetches, the newest of two series if Go is installed,
/// and the program that the command line names.
const RELEASES: [Release; 8] = [
    Release::Nats2_10,
    Release::Nats2_11,
    Release::Nats2_12,
    Release::Nats2_14,
    Release::Nats2_15,
    Release::Nats2_14Newest,
    Release::Nats2_15Newest,
    Release::Named,
];

/// All suites.
static SUITES: [&Suite; 3] = [&callout::SUITE, &identity::SUITE, &connect::SUITE];

fn main() -> ExitCode {
    // The library supports one filter, Cargo's test programs any number.
    let (flags, filters): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|word| word.starts_with('-'));
    let arguments = Arguments::from_iter(std::iter::once("conformance".to_owned()).chain(flags));
    let matrix = Arc::new(Matrix::new());
    let mut trials = Vec::new();
    for suite in SUITES {
        for row in suite.rows {
            for release in RELEASES {
                trials.extend(trial(suite, row, release, &matrix));
            }
        }
    }
    let wanted = |trial: &Trial| {
        filters.is_empty() || filters.iter().any(|word| trial.name().contains(word))
    };
    trials.retain(wanted);
    let conclusion = libtest_mimic::run(&arguments, trials);
    matrix.print();
    conclusion.exit_code()
}

/// Returns a cell of the matrix as a test; `None` if the cell cannot run.
fn trial(
    suite: &'static Suite,
    row: &'static Row,
    release: Release,
    matrix: &Arc<Matrix>,
) -> Option<Trial> {
    if release.missing().is_some() || release.version() < row.first_in {
        matrix.set(suite, row, release, Cell::NotApplicable);
        return None;
    }
    let of_named = if release == Release::Named {
        "named-"
    } else {
        ""
    };
    let name = format!(
        "{}::{:02}_{}::{of_named}{release}",
        suite.name, row.number, row.name
    );
    let matrix = Arc::clone(matrix);
    Some(Trial::test(name, move || {
        let outcome = in_time((row.run)(release));
        let cell = if outcome.is_ok() {
            Cell::Pass
        } else {
            Cell::Fail
        };
        matrix.set(suite, row, release, cell);
        outcome.map_err(|error| Failed::from(format!("{error:#}")))
    }))
}

/// Runs one cell to its end, with a deadline.
fn in_time(run: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, run)
            .await
            .context("it did not end")?
    })
}
