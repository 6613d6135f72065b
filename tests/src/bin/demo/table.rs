//! What the demo prints.

use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use portcullis_tests::Event;

/// How many digits of a digest are shown.
const SHORT_DIGEST: usize = 8;

/// Prints rows, and remembers whether all were as expected.
pub(crate) struct Table {
    coloured: bool,
    all_as_expected: bool,
}

/// One thing that was tried.
pub(crate) struct Row<'a> {
    /// What was tried.
    pub(crate) tried: &'a str,
    /// What should come of it.
    pub(crate) expected: &'a str,
    /// What came of it.
    pub(crate) seen: &'a str,
    /// Who decided it; empty if that was decided at login.
    pub(crate) by: String,
    /// How long the host took.
    pub(crate) host: Option<Duration>,
    /// How long the client took.
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

    /// A line of text.
    #[expect(
        clippy::unused_self,
        reason = "one way to print, whether or not it needs colour"
    )]
    pub(crate) fn say(&self, line: &str) {
        // Nobody to tell when standard output is closed.
        let _ = writeln!(stdout(), "{line}");
    }

    /// The head of a part of the table.
    pub(crate) fn part(&self, title: &str) {
        self.say(&format!("\n{}", self.paint("1", title)));
        let head = columns(" ", "tried", "came to", "decided by", "in host", "login");
        self.say(&self.paint("2", &head));
    }

    /// A row; marked if it is not as expected.
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

/// `static-users 3fa2c1d0`, or why no policy decided.
pub(crate) fn decided_by(decision: &Event) -> String {
    let name = decision.text("policy.name");
    if name.is_empty() {
        return format!("no policy: {}", decision.text("denial.class"));
    }
    format!("{name} {}", short(decision.text("policy.digest")))
}

/// The first digits of a digest.
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
