//! Progress: one line when a step starts, one when it ends.

use std::io::{Write, stderr};
use std::time::Instant;

use crate::failure::Result;

/// Counts the steps of a verb.
#[derive(Debug)]
pub(crate) struct Steps {
    total: usize,
    started: usize,
}

impl Steps {
    /// A verb of `total` steps.
    pub(crate) const fn new(total: usize) -> Self {
        Self { total, started: 0 }
    }

    /// Announces the next step without timing it: what follows speaks for itself.
    pub(crate) fn announce(&mut self, what: &str) {
        self.started += 1;
        say(&format!("[{}/{}] {what}", self.started, self.total));
    }

    /// Runs the next step and says how long it took.
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

/// One line of progress. Progress goes to stderr, beside Cargo's own.
fn say(line: &str) {
    // A closed stderr is no reason to stop working.
    let _ = writeln!(stderr(), "{line}");
}
