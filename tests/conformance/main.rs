//! Suites of tests on releases of nats-server. Each suite is a matrix of rows by releases:
//!
//! - `callout`: nats-server's own tests of auth callout, with this host answering. Each row has the
//!   setup of one test, a policy that decides as the test's service does, and the checks of the
//!   test.
//! - `identity`: logins of every kind with third-party clients, and the identity that the host
//!   derives.
//! - `connect`: the features of Overmind's `connect`, in the connect crate and the token exchange.
//! - `accounts`: the features of the account server, of system events and of credentials files.
//!
//! The program supports the options of Rust test programs (`--list`, filters). A test's name is
//! `SUITE::NUMBER_NAME::RELEASE`, or `SUITE::ACT::RELEASE` for rows that share a setup. The program
//! prints the matrices at the end, and fails if a cell does.

mod accounts;
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
use suite::{Act, Outcome, Results, Row, Running, Suite};

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
static SUITES: [&Suite; 4] = [
    &callout::SUITE,
    &identity::SUITE,
    &connect::SUITE,
    &accounts::SUITE,
];

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
                trials.extend(row_trial(suite, row, release, &matrix));
            }
        }
        for act in suite.acts {
            for release in RELEASES {
                trials.extend(act_trial(suite, act, release, &matrix));
            }
        }
    }
    // The name of one suite can be a part of a row's name in another.
    let selects = |word: &String, name: &str| {
        let is_suite = word.ends_with("::");
        name.starts_with(word.as_str()) || (!is_suite && name.contains(word.as_str()))
    };
    let wanted = |trial: &Trial| {
        filters.is_empty() || filters.iter().any(|word| selects(word, trial.name()))
    };
    trials.retain(wanted);
    let conclusion = libtest_mimic::run(&arguments, trials);
    matrix.print();
    conclusion.exit_code()
}

/// Returns a cell of the matrix as a test; `None` if the cell cannot run, or an act runs it.
fn row_trial(
    suite: &'static Suite,
    row: &'static Row,
    release: Release,
    matrix: &Arc<Matrix>,
) -> Option<Trial> {
    if release.missing().is_some() || release.version() < row.first_in {
        matrix.set(suite, row.number, release, Cell::NotApplicable);
        return None;
    }
    let run = row.run?;
    let name = format!("{:02}_{}", row.number, row.name);
    let matrix = Arc::clone(matrix);
    Some(Trial::test(test_name(suite, &name, release), move || {
        let outcome = in_time(run(release));
        let cell = Cell::of(outcome.is_ok());
        matrix.set(suite, row.number, release, cell);
        outcome.map_err(|error| Failed::from(format!("{error:#}")))
    }))
}

/// Returns an act as a test; `None` if it cannot run.
fn act_trial(
    suite: &'static Suite,
    act: &'static Act,
    release: Release,
    matrix: &Arc<Matrix>,
) -> Option<Trial> {
    if release.missing().is_some() {
        return None;
    }
    let matrix = Arc::clone(matrix);
    Some(Trial::test(
        test_name(suite, act.name, release),
        move || {
            let results = Results::default();
            let outcome = in_time((act.run)(release, results.clone()));
            let mut failures = Vec::new();
            for number in act.rows {
                let cell = match results.outcome(*number) {
                    Outcome::Passed => Cell::Pass,
                    Outcome::Missing(reason) => Cell::Missing(reason),
                    Outcome::Failed(failure) => {
                        failures.push(format!("row {number}: {failure}"));
                        Cell::Fail
                    }
                };
                matrix.set(suite, *number, release, cell);
            }
            if let Err(error) = outcome {
                failures.push(format!("{error:#}"));
            }
            if failures.is_empty() {
                return Ok(());
            }
            Err(Failed::from(failures.join("\n")))
        },
    ))
}

fn test_name(suite: &Suite, name: &str, release: Release) -> String {
    let of_named = if release == Release::Named {
        "named-"
    } else {
        ""
    };
    format!("{}::{name}::{of_named}{release}", suite.name)
}

/// Runs a cell or an act to its end, with a deadline.
fn in_time(run: Running) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, run)
            .await
            .context("it did not end")?
    })
}
