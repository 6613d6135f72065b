//! The repository's own verbs: `cargo xtask demo`, `test`, `conformance`, `faults`, `guide`,
//! `bench`, `check`,
//! `dist`.
//!
//! Uses the standard library only, so that a newcomer's first command compiles in seconds.
//!
//! # Layout
//!
//! - [`arguments`], [`benches`]: the command line.
//! - [`verbs`]: the steps of each verb.
//! - [`steps`]: progress, with one line at the start of a step and one at its end.
//! - [`dist`]: the packages of a release.
//! - [`prose`]: checks of documents and comments.
//! - [`guide`]: execution of the pages in `docs/guide`.
//! - [`api`]: the public items of the SDK, compared with a list.
//! - [`msrv`]: a build with the oldest supported Rust.
//! - [`package`]: the packages of crates that read files from other folders.
//! - [`setup`]: installation of the tools that the verbs need; each function is idempotent.
//! - [`workspace`], [`process`], [`version`], [`failure`]: code that the other modules share.

mod api;
mod arguments;
#[cfg(test)]
mod arrows;
mod benches;
mod dist;
mod failure;
mod guide;
#[cfg(test)]
mod manifests;
mod msrv;
mod package;
mod process;
mod prose;
mod setup;
mod steps;
mod verbs;
mod version;
mod workspace;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use arguments::Verb;
use failure::Result;
use workspace::Workspace;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If stderr is closed, the failure cannot be reported.
            let _ = writeln!(stderr(), "error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let verb = arguments::parse(std::env::args().skip(1))?;
    match verb {
        Verb::Help => {
            let _ = stdout().write_all(arguments::HELP.as_bytes());
            Ok(())
        }
        Verb::Demo { keep } => verbs::demo(&Workspace::open()?, keep),
        Verb::Test { filters } => verbs::test(&Workspace::open()?, &filters),
        Verb::Conformance { suite, server } => {
            verbs::conformance(&Workspace::open()?, suite, server.as_deref())
        }
        Verb::Faults { filters } => verbs::faults(&Workspace::open()?, &filters),
        Verb::Guide { filters } => verbs::guide::run(&Workspace::open()?, &filters),
        Verb::Bench { program, options } => {
            verbs::bench::run(&Workspace::open()?, program, &options)
        }
        Verb::BenchAll { options } => verbs::bench::all(&Workspace::open()?, &options),
        Verb::BenchReport => verbs::bench::report(&Workspace::open()?),
        Verb::Check => verbs::check(&Workspace::open()?),
        Verb::Dist(options) => dist::run(&Workspace::open()?, &options),
    }
}
