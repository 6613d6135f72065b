//! The output of the demo.

use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use portcullis_harness::Event;

/// The number of digits of a digest in the output.
const SHORT_DIGEST: usize = 8;

/// A printer of rows that records whether all results were the expected ones.
pub(crate) struct Table {
    coloured: bool,
    all_as_expected: bool,
}

/// One attempt and its result.
pub(crate) struct Row<'a> {
    /// The attempt.
    pub(crate) tried: &'a str,
    /// The expected result.
    pub(crate) expected: &'a str,
    /// The actual result.
    pub(crate) seen: &'a str,
    /// The policy that decided; empty if the login decided it.
    pub(crate) by: String,
    /// The duration in the host.
    pub(crate) host: Option<Duration>,
    /// The duration for the client.
    pub(crate) login: Option<Duration>,
}

impl Table {
    pub(crate) fn new() -> Self {
        let coloured = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            coloured,
            all_as_expected: true,
        }
    }

    pub(crate) const fn all_as_expected(&self) -> bool {
        self.all_as_expected
    }

    /// Prints a line of text.
    #[expect(
        clippy::unused_self,
        reason = "one way to print, whether or not it needs colour"
    )]
    pub(crate) fn say(&self, line: &str) {
        // If standard output is closed, the line cannot be reported.
        let _ = writeln!(stdout(), "{line}");
    }

    /// Prints the head of a part of the table.
    pub(crate) fn part(&self, title: &str) {
        self.say(&format!("\n{}", self.paint("1", title)));
        let head = columns(" ", "tried", "came to", "decided by", "in host", "login");
        self.say(&self.paint("2", &head));
    }

    /// Prints a row, and marks it if the result is not the expected one.
    pub(crate) fn row(&mut self, row: &Row<'_>) {
        let right = row.seen == row.expected;
        self.all_as_expected &= right;
        let (colour, mark) = if right { ("32", "✓") } else { ("31", "✗") };
        let line = columns(
            &self.paint(colour, mark),
            row.tried,
            row.seen,
            &row.by,
            &row.host.map(in_milliseconds).unwrap_or_default(),
            &row.login.map(in_milliseconds).unwrap_or_default(),
        );
        self.say(&line);
        if !right {
            self.say(&format!("    expected: {}", row.expected));
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Returns `static-users 3fa2c1d0`, or the reason why no policy decided.
pub(crate) fn decided_by(decision: &Event) -> String {
    let name = decision.text("policy.name");
    if name.is_empty() {
        return format!("no policy: {}", decision.text("denial.class"));
    }
    format!("{name} {}", short(decision.text("policy.digest")))
}

/// Returns the first digits of a digest.
pub(crate) fn short(digest: &str) -> &str {
    let digits = digest.trim_start_matches("sha256:");
    digits.get(..SHORT_DIGEST).unwrap_or(digits)
}

fn columns(mark: &str, tried: &str, seen: &str, by: &str, host: &str, login: &str) -> String {
    let line = format!("  {mark} {tried:<44} {seen:<12} {by:<26} {host:>9} {login:>9}");
    line.trim_end().to_owned()
}

fn in_milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
