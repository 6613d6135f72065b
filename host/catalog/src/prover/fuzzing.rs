//! The two ends of the pipes without processes, for fuzz targets only.

use std::io;

use portcullis_core::PolicyName;
use portcullis_engine::CodeName;

use super::child::read_task;
use super::hearing::{Answer, Listener, hear};
use super::message::{self, Confinement, Kind, Line};
use super::parent::{log, nonsense};
use crate::paths::Paths;
use crate::policy_tests::{PermittedLogin, TestOutcome};

/// The messages that a host has read from a child.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Every message that the host has read, encoded again.
    pub repeated: Vec<u8>,
    /// Number of bytes after the answer.
    pub left: usize,
    /// Number of log lines.
    pub lines: usize,
    /// The refusal as an error of the host, or the outcomes of tests.
    pub verdict: Option<Result<Vec<TestOutcome>, String>>,
    /// The sealed policy.
    pub code: Option<Vec<u8>>,
}

/// A listener that encodes the messages that it receives again.
struct Echo {
    heard: Heard,
    name: PolicyName,
}

impl Echo {
    fn repeat(&mut self, kind: Kind, message: &impl serde::Serialize) -> io::Result<()> {
        message::say(&mut self.heard.repeated, kind, message)
    }
}

impl Listener for Echo {
    fn begin(&mut self, confinement: &Confinement) -> io::Result<()> {
        self.repeat(Kind::Confinement, confinement)
    }

    fn log(&mut self, line: &Line) {
        log(&self.name, line);
        self.heard.lines = self.heard.lines.saturating_add(1);
        // Fails for a line that is longer once escaped. The comparison then shows that.
        let _ = self.repeat(Kind::Log, line);
    }

    fn lend(&mut self, name: &[u8]) -> io::Result<()> {
        let known = CodeName::from_bytes(name).map(|(name, _)| name.to_bytes());
        let bytes = known.as_ref().map_or(name, |known| known.as_slice());
        message::write(&mut self.heard.repeated, Kind::Wanted, bytes)
    }

    fn take_back(&mut self, named: &[u8]) {
        let bytes = match CodeName::from_bytes(named) {
            Some((name, code)) => [&name.to_bytes(), code].concat(),
            None => named.to_vec(),
        };
        let _ = message::write(&mut self.heard.repeated, Kind::Compiled, &bytes);
    }
}

/// Reads the messages of a child that writes `bytes`.
///
/// # Errors
///
/// Fails with the host's error about such a child.
pub fn hear_child(bytes: &[u8]) -> Result<Heard, String> {
    let mut from = bytes;
    let name = "fuzzed".parse::<PolicyName>();
    let name = name.map_err(|error| error.to_string())?;
    let mut echo = Echo {
        heard: Heard::default(),
        name,
    };
    let told = |error: &dyn std::error::Error| nonsense(&error.to_string()).to_string();
    let answer = hear(&mut from, &mut echo).map_err(|error| told(&error))?;
    let Answer { report, code } = answer;
    echo.repeat(Kind::Report, &report)
        .map_err(|error| told(&error))?;
    if let Some(code) = &code {
        message::write(&mut echo.heard.repeated, Kind::Code, code).map_err(|error| told(&error))?;
    }
    let paths = Paths::from_module("policies/fuzzed.wasm".into());
    let mut heard = echo.heard;
    heard.left = from.len();
    heard.verdict = Some(
        report
            .verdict
            .map_err(|refusal| refusal.error(&paths).to_string()),
    );
    heard.code = code;
    Ok(heard)
}

/// Returns the logins that tests permit.
pub fn permitted(heard: &Heard) -> impl Iterator<Item = &PermittedLogin> {
    let outcomes = heard.verdict.iter().flatten().flatten();
    outcomes.filter_map(|outcome| outcome.permitted.as_ref())
}

/// Reads the task that a host sends as `bytes`, and returns its messages, encoded again.
///
/// # Errors
///
/// Fails with the child's error, which its standard error shows.
pub fn read_host(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut from = bytes;
    let (job, task) = read_task(&mut from).map_err(|error| error.to_string())?;
    let mut repeated = Vec::new();
    let told = |error: io::Error| error.to_string();
    message::say(&mut repeated, Kind::Job, &job).map_err(told)?;
    message::write_files(&mut repeated, &task.content).map_err(told)?;
    Ok(repeated)
}
