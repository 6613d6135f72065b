//! Progress of a verb: one line when a step starts, one when it ends.

use std::io::{Write, stderr};
use std::time::Instant;

use crate::failure::Result;

/// A counter of a verb's steps.
#[derive(Debug)]
pub(crate) struct Steps {
    total: usize,
    started: usize,
}

impl Steps {
    /// Creates a counter for a verb of `total` steps.
    pub(crate) const fn new(total: usize) -> Self {
        Self { total, started: 0 }
    }

    /// Announces the next step without timing it, for a step that prints output of its own.
    pub(crate) fn announce(&mut self, what: &str) {
        self.started += 1;
        say(&format!("[{}/{}] {what}", self.started, self.total));
    }

    /// Runs the next step and prints its duration.
    pub(crate) fn run<T>(&mut self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.announce(what);
        let start = Instant::now();
        let outcome = work()?;
        say(&format!(
            "      ready after {:.1} s",
            start.elapsed().as_secs_f64()
        ));
        Ok(outcome)
    }
}

/// Prints a line of progress to stderr, as Cargo does.
fn say(line: &str) {
    // A closed stderr does not stop the work.
    let _ = writeln!(stderr(), "{line}");
}
