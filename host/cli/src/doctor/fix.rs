//! `portcullis doctor --fix`: changes of files that end findings.
//!
//! A change is planned, shown as a difference, and applied only if the operator agrees. Files with
//! keys or other secrets change their mode and never their content.

mod apply;
mod change;
mod config;
mod diff;
mod server_conf;

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use super::evidence::Evidence;
use super::finding::{Code, Severity};
use super::report::Report;
use crate::exit::ExitCode;
use change::Change;

/// The findings of `portcullis check` about modes, each with the bits that no file of its kind has.
const MODES: [(Code, &str, u32); 3] = [
    (Code::ConfigurationExposed, "configuration-exposed", 0o002),
    (Code::SecretExposed, "secret-exposed", 0o077),
    (Code::PoliciesExposed, "policies-exposed", 0o002),
];

/// The planned changes, and what became of each.
#[derive(Debug)]
pub(crate) struct Fixes {
    fixes: Vec<Fix>,
    /// The findings, apart from facts, that no planned change ends.
    by_hand: Vec<Code>,
}

/// One planned change.
#[derive(Debug)]
struct Fix {
    /// The findings that it ends.
    codes: Vec<Code>,
    change: Change,
    state: State,
}

/// The state of a planned change.
#[derive(Debug)]
enum State {
    /// The change was shown only.
    Shown,
    /// The change was made. The backup is the earlier content, if the content changed.
    Applied { backup: Option<String> },
    /// The change was not made.
    Failed(String),
}

impl Fixes {
    /// Plans the changes for the findings of `report`. `server_conf` is the file of
    /// `--server-conf`.
    pub(crate) fn plan(evidence: &Evidence, report: &Report, server_conf: Option<&Path>) -> Self {
        let mut planned: Vec<_> = modes(evidence).collect();
        planned.extend(config::plan(evidence));
        planned.extend(server_conf.and_then(|file| server_conf::plan(evidence, file)));
        let fixes: Vec<_> = planned
            .into_iter()
            .map(|(codes, change)| Fix {
                codes,
                change,
                state: State::Shown,
            })
            .collect();
        let mut by_hand: Vec<_> = report
            .findings
            .iter()
            .map(|finding| finding.code)
            .filter(|code| code.severity() > Severity::Info)
            .filter(|code| !fixes.iter().any(|fix| fix.codes.contains(code)))
            .collect();
        by_hand.dedup();
        Self { fixes, by_hand }
    }

    /// Returns whether no change is planned.
    pub(crate) const fn is_empty(&self) -> bool {
        self.fixes.is_empty()
    }

    /// Makes every planned change. One that fails does not keep the others from being made.
    pub(crate) fn apply(&mut self, now: u64) {
        for fix in &mut self.fixes {
            fix.state = match fix.change.apply(now) {
                Ok(backup) => State::Applied { backup },
                Err(error) => State::Failed(error),
            };
        }
    }

    /// Returns the exit code: that of failed changes, else that of the findings that are left.
    pub(crate) fn code(&self, report: &Report) -> ExitCode {
        let has_failed = |fix: &Fix| matches!(fix.state, State::Failed(_));
        if self.fixes.iter().any(has_failed) {
            return ExitCode::CannotCreate;
        }
        let applied = self
            .fixes
            .iter()
            .filter(|fix| matches!(fix.state, State::Applied { .. }));
        let ended: Vec<_> = applied.flat_map(|fix| &fix.codes).collect();
        report.code_without(&ended)
    }

    /// Returns the differences, as a unified diff.
    pub(crate) fn diffs(&self) -> String {
        self.fixes.iter().map(|fix| fix.change.diff()).collect()
    }

    /// Returns what became of the changes, one a line.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for fix in &self.fixes {
            let file = fix.change.file().display().to_string();
            let file = one_line(&file);
            // Writing to a text does not fail.
            let _ = match &fix.state {
                State::Shown => writeln!(text, "not changed: `{file}`"),
                State::Applied { backup: None } => writeln!(text, "changed: `{file}`"),
                State::Applied {
                    backup: Some(backup),
                } => {
                    let backup = one_line(backup);
                    writeln!(
                        text,
                        "changed: `{file}`, and `{backup}` is as it was before"
                    )
                }
                State::Failed(error) => {
                    writeln!(text, "not changed: `{file}`: {}", one_line(error))
                }
            };
        }
        for code in &self.by_hand {
            let _ = writeln!(text, "left to you: {}", code.as_str());
        }
        text
    }

    /// Returns the changes as an array, and the codes of findings that they do not end.
    pub(crate) fn to_json(&self) -> (Value, Value) {
        let fixes = self.fixes.iter().map(|fix| {
            let (applied, backup, error) = match &fix.state {
                State::Shown => (false, None, None),
                State::Applied { backup } => (true, backup.as_ref(), None),
                State::Failed(error) => (false, None, Some(error)),
            };
            json!({
                "codes": fix.codes.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
                "file": fix.change.file(),
                "diff": fix.change.diff(),
                "applied": applied,
                "backup": backup,
                "error": error,
            })
        });
        let by_hand = self.by_hand.iter().map(|code| code.as_str());
        (
            fixes.collect::<Vec<_>>().into(),
            by_hand.collect::<Vec<_>>().into(),
        )
    }
}

/// Returns whether an operator can see the changes and answer.
pub(crate) fn is_at_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Asks whether to make the changes that were printed. `false` without an answer.
pub(crate) fn is_confirmed() -> bool {
    let mut terminal = std::io::stderr();
    let asked = terminal.write_all(b"make these changes? [y/N] ");
    let mut answer = String::new();
    asked.is_ok()
        && std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Plans the changes of modes.
fn modes(evidence: &Evidence) -> impl Iterator<Item = (Vec<Code>, Change)> {
    evidence.problems.iter().filter_map(|problem| {
        let named = problem.code()?;
        let (code, _, bits) = MODES.iter().find(|(_, name, _)| *name == named)?;
        let file = problem.subject().unwrap_or_else(|| problem.file());
        Some((vec![*code], Change::mode(file, *bits)?))
    })
}

#[cfg(test)]
mod tests;
