//! The child as a process: its start, its end, and the reason for its end.

use std::io::{self, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use super::choice::ChildProver;
use super::failure::ChildFailure;
use crate::options::CatalogOptions;

/// A running child. Dropping it kills and reaps the child.
pub(super) struct Process {
    child: Child,
    memory: u64,
}

/// The ends of a child's pipes.
pub(super) struct Pipes {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
}

impl ChildProver {
    /// Starts a child for one version.
    pub(super) fn start(&self, options: &CatalogOptions) -> io::Result<Process> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let processors = u64::try_from(processors).unwrap_or(u64::MAX);
        let seconds = options.load_timeout.as_secs().saturating_add(1);
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(format!("--memory={}", options.load_memory))
            .arg(format!(
                "--processor-time={}",
                seconds.saturating_mul(processors)
            ))
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Process {
            child,
            memory: options.load_memory,
        })
    }
}

impl Process {
    /// Returns the ends of the child's pipes. `None` after the first call.
    pub(super) fn pipes(&mut self) -> Option<Pipes> {
        Some(Pipes {
            stdin: self.child.stdin.take()?,
            stdout: self.child.stdout.take()?,
        })
    }

    /// Returns the reason why a child closed its output too soon. Kills a child that still runs; if
    /// it is already ending, the signal does not change its exit status.
    pub(super) fn failure(&mut self) -> ChildFailure {
        let _ = self.child.kill();
        let status = self.child.wait();
        let said = self.child.stderr.take().map(said).unwrap_or_default();
        match status {
            Ok(status) => failure(status, &said, self.memory),
            Err(error) => ChildFailure::Ended(format!(": {error}")),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The child may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the beginning of what a child wrote to standard error before it ended.
fn said(stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    // The child cannot start programs, so its end closes the pipe.
    let _ = stderr.take(16 << 10).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn failure(status: ExitStatus, said: &str, memory: u64) -> ChildFailure {
    const SIGXCPU: i32 = 24;
    // The standard library writes this before it aborts. The signal is the same for all aborts.
    if said.contains("has overflowed its stack") {
        return ChildFailure::Stack;
    }
    if said.contains("memory allocation of") {
        return ChildFailure::Memory { limit: memory };
    }
    match status.signal() {
        Some(SIGXCPU) => ChildFailure::ProcessorTime,
        Some(signal) => ChildFailure::Signal(signal),
        None => {
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            let last = last.map(|line| {
                let line: String = line.chars().take(200).collect();
                format!(": {}", line.escape_debug())
            });
            ChildFailure::Ended(last.unwrap_or_default())
        }
    }
}
