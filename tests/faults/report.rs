//! The outcome of a fault, and its printed form.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::time::{Duration, Instant};

use crate::leaks::Watched;
use crate::load::{Login, Tally};

/// The outcome of a fault.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) before: Tally,
    pub(crate) during: Tally,
    pub(crate) after: Tally,
    /// The time from the end of the fault to the end of the first successful login that began after
    /// it.
    pub(crate) first_good: Duration,
    /// The maximum of that time.
    pub(crate) within: Duration,
    pub(crate) watched: Vec<Watched>,
    /// The broken bounds.
    pub(crate) broken: Vec<String>,
    /// Further counts.
    pub(crate) notes: String,
}

impl Outcome {
    /// Sorts logins by the fault, which lasted from `began` to `ended`. Logins are before it, after
    /// the first successful login that follows it, or between the two.
    pub(crate) fn of(logins: &[Login], began: Instant, ended: Instant, within: Duration) -> Self {
        let good = logins
            .iter()
            .filter(|login| login.admitted && login.began >= ended)
            .map(|login| login.ended)
            .min();
        let recovered = good.unwrap_or_else(Instant::now).max(ended);
        let before = Tally::of(logins.iter().filter(|login| login.ended < began));
        let during = |login: &&Login| login.ended >= began && login.began < recovered;
        let mut outcome = Self {
            before,
            during: Tally::of(logins.iter().filter(during)),
            after: Tally::of(logins.iter().filter(|login| login.began >= recovered)),
            first_good: recovered - ended,
            within,
            watched: Vec::new(),
            broken: Vec::new(),
            notes: String::new(),
        };
        outcome.require(good.is_some(), "no login works afterwards");
        outcome.require(outcome.first_good <= within, "logins work again too late");
        outcome.require(outcome.before.failed == 0, "logins failed before");
        outcome.require(outcome.after.failed == 0, "logins failed afterwards");
        outcome
    }

    /// Records `complaint` unless `well`.
    pub(crate) fn require(&mut self, well: bool, complaint: &str) {
        if !well {
            self.broken.push(complaint.to_owned());
        }
    }

    /// Adds a further count.
    pub(crate) fn note(&mut self, note: &str) {
        if !self.notes.is_empty() {
            self.notes.push_str("; ");
        }
        self.notes.push_str(note);
    }

    /// Adds a process. A leak is a broken bound.
    pub(crate) fn watch(&mut self, watched: Watched) {
        self.broken.extend(watched.leaks());
        self.watched.push(watched);
    }
}

/// A printer of rows that records whether all bounds were met.
pub(crate) struct Table {
    rows: usize,
    broken: usize,
}

impl Table {
    pub(crate) fn new() -> Self {
        say(
            "fault                   before    during ok/failed    after ok/failed    first good (bound)",
        );
        Self { rows: 0, broken: 0 }
    }

    /// Returns whether all bounds were met, and at least one row was printed.
    pub(crate) const fn all_held(&self) -> bool {
        self.broken == 0 && self.rows > 0
    }

    pub(crate) fn row(&mut self, name: &str, outcome: &Outcome) {
        self.rows += 1;
        let Outcome {
            before,
            during,
            after,
            ..
        } = outcome;
        say(&format!(
            "{name:<22} {:>7} {:>18} {:>18} {:>9.0} ms ({} s)",
            before.admitted,
            format!("{}/{}", during.admitted, during.failed),
            format!("{}/{}", after.admitted, after.failed),
            outcome.first_good.as_secs_f64() * 1000.0,
            outcome.within.as_secs(),
        ));
        for watched in &outcome.watched {
            say(&in_words(watched));
        }
        if !outcome.notes.is_empty() {
            say(&format!("    {}", outcome.notes));
        }
        for complaint in &outcome.broken {
            say(&format!("    ✗ {complaint}"));
        }
        self.broken += usize::from(!outcome.broken.is_empty());
    }

    pub(crate) fn broke_off(&mut self, name: &str, error: &anyhow::Error) {
        self.rows += 1;
        self.broken += 1;
        say(&format!("{name:<22} ✗ {error:#}"));
    }

    pub(crate) fn end(&self) {
        say(&match (self.rows, self.broken) {
            (0, _) => "\nno fault has such a name".to_owned(),
            (rows, 0) => format!("\n{rows} faults, every bound held"),
            (rows, broken) => format!("\n{rows} faults, bounds broken in {broken}"),
        });
    }
}

fn in_words(watched: &Watched) -> String {
    let (before, after) = (watched.before, watched.after);
    let mut line = format!("    {:<18}", watched.process);
    let _ = write!(
        line,
        " memory {:.1} → {:.1} MiB, threads {} → {}, sockets {} → {}",
        in_mib(before.memory),
        in_mib(after.memory),
        before.threads,
        after.threads,
        before.sockets,
        after.sockets
    );
    line
}

fn in_mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

fn say(line: &str) {
    // If standard output is closed, the line cannot be reported.
    let _ = writeln!(stdout(), "{line}");
}
