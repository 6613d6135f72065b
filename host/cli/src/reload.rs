//! Reloads of the configuration: in the host, and `portcullis reload`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::Context as _;
use portcullis::{HostHandle, ReloadError};
use portcullis_config::Survey;
use portcullis_core::with_causes;
use portcullis_toml::Problem;
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use crate::control_socket::{RELOAD, socket_in};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{NotDone, Output, render_json};

/// The outcome of a reload, as the host tells it to the command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReloadReport {
    /// Whether the new configuration is in effect.
    reloaded: bool,
    /// Keys whose change is in effect now.
    applied: BTreeSet<String>,
    /// Keys whose change takes effect at a restart.
    needs_restart: BTreeSet<String>,
    /// Reasons why nothing has changed. Empty if the new configuration is in effect.
    problems: Vec<String>,
    /// Warnings about the new configuration.
    warnings: Vec<String>,
}

impl ReloadReport {
    /// Returns the report of a reload that changed nothing.
    pub(crate) fn refused(problem: String) -> Self {
        Self {
            problems: vec![problem],
            ..Self::default()
        }
    }

    fn log(&self) {
        for warning in &self.warnings {
            warn!(problem = warning, "configuration doubtful");
        }
        for problem in &self.problems {
            error!(problem, "configuration not reloaded");
        }
        if self.reloaded {
            info!(
                reload.applied = joined(&self.applied),
                reload.needs_restart = joined(&self.needs_restart),
                "configuration reloaded"
            );
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for line in self.warnings.iter().chain(&self.problems) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{line}");
        }
        if !self.reloaded {
            text.push_str("not reloaded: nothing has changed\n");
            return text;
        }
        for (keys, what) in [
            (&self.applied, "in effect"),
            (&self.needs_restart, "needs a restart"),
        ] {
            for key in keys {
                let _ = writeln!(text, "{what}: {key}");
            }
        }
        if self.applied.is_empty() {
            text.push_str("reloaded: no key has changed that a running host applies\n");
        } else {
            text.push_str("reloaded\n");
        }
        text
    }
}

/// Reloads the configuration of the host, and logs the outcome.
pub(crate) async fn reload(handle: &HostHandle) -> ReloadReport {
    let report = match handle.reload().await {
        Ok(reloaded) => ReloadReport {
            reloaded: true,
            applied: reloaded.applied,
            needs_restart: reloaded.needs_restart,
            problems: Vec::new(),
            warnings: reloaded.warnings.iter().map(Problem::to_string).collect(),
        },
        Err(ReloadError::Configuration(problems)) => {
            let (problems, warnings): (Vec<_>, Vec<_>) =
                problems.into_iter().partition(Problem::is_error);
            ReloadReport {
                problems: problems.iter().map(Problem::to_string).collect(),
                warnings: warnings.iter().map(Problem::to_string).collect(),
                ..ReloadReport::default()
            }
        }
        Err(error) => ReloadReport::refused(with_causes(&error)),
    };
    report.log();
    report
}

/// Asks the host that serves with this configuration to read it again.
///
/// # Errors
///
/// Fails if the configuration does not say where the state directory is, or if no host answers.
pub(crate) fn ask(config: &Path, json: bool) -> Result<Output, NotDone> {
    let survey = Survey::read(config);
    let Some(policies) = survey.policies else {
        return Err(NotDone::Configuration(survey.problems));
    };
    let socket = socket_in(&policies.state_directory);
    let report = exchange(&socket).map_err(|error| {
        let context = format!(
            "no host answers at `{}`: start it, or run this as its user or as root",
            socket.display()
        );
        Failure::new(ExitCode::Unreachable, error.context(context))
    })?;
    let text = if json {
        render_json(&report)?
    } else {
        report.text()
    };
    let code = if report.reloaded {
        ExitCode::Success
    } else {
        ExitCode::BadConfiguration
    };
    Ok(Output { text, code })
}

fn exchange(socket: &Path) -> anyhow::Result<ReloadReport> {
    let mut stream = UnixStream::connect(socket)?;
    writeln!(stream, "{RELOAD}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    serde_json::from_str(&line).context("the host ended before its answer")
}

fn joined(keys: &BTreeSet<String>) -> String {
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    keys.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_text_names_each_key_with_its_effect() {
        let report = ReloadReport {
            reloaded: true,
            applied: keys(&["callout.deadline"]),
            needs_restart: keys(&["nats.servers"]),
            ..ReloadReport::default()
        };
        assert_eq!(
            report.text(),
            "in effect: callout.deadline\nneeds a restart: nats.servers\nreloaded\n"
        );
        let report = ReloadReport::refused("portcullis.toml:3: x: unknown key".to_owned());
        assert_eq!(
            report.text(),
            "portcullis.toml:3: x: unknown key\nnot reloaded: nothing has changed\n"
        );
    }
}
