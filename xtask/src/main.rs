//! The repository's own verbs: `cargo xtask demo`, `test`, `conformance`, `faults`, `check`.
//!
//! Only the standard library, so that the first command a newcomer types compiles in seconds.
//!
//! # Layout
//!
//! - [`arguments`]: the command line.
//! - [`verbs`]: what each verb does, as a list of steps.
//! - [`steps`]: progress, one line when a step starts and one when it ends.
//! - [`prose`]: checks of documents and comments.
//! - [`setup`]: what the verbs need and a bare machine lacks; each step is idempotent.
//! - [`workspace`], [`process`], [`version`], [`failure`]: what these share.

mod arguments;
#[cfg(test)]
mod arrows;
mod failure;
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
            // Nothing is left to tell when stderr is closed.
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
        Verb::BenchConnections => verbs::bench_connections(&Workspace::open()?),
        Verb::BenchContract => verbs::bench_contract(&Workspace::open()?),
        Verb::BenchInProcess { program, json } => {
            verbs::bench_in_process(&Workspace::open()?, program, json.as_deref())
        }
        Verb::BenchAll { options } => verbs::bench_all(&Workspace::open()?, &options),
        Verb::BenchReport => verbs::bench_report(&Workspace::open()?),
        Verb::BenchServers { program, options } => {
            verbs::bench_servers(&Workspace::open()?, program, &options)
        }
        Verb::Check => verbs::check(&Workspace::open()?),
    }
}
