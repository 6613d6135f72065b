//! Execution of other programs.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};

/// Runs `command` with its output passed through. Fails if the command fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .map_err(|cause| cannot_start(command, &cause))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("`{}`: {status}", line_of(command))))
    }
}

/// Runs `command` without showing its output, and returns the output. A failure contains the errors
/// that the command printed.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| cannot_start(command, &cause))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!(
        "`{}`: {}\n{}",
        line_of(command),
        output.status,
        said.trim_end()
    )))
}

/// Returns the output of `command`; `None` if the command is absent or fails.
pub(crate) fn probe(command: &mut Command) -> Option<String> {
    run_quietly(command).ok()
}

fn cannot_start(command: &Command, cause: &std::io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    if cause.kind() == ErrorKind::NotFound {
        Failure::new(format!("`{program}` is not on PATH"))
    } else {
        Failure::new(format!("cannot start `{program}`: {cause}"))
    }
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        let failure = run(&mut Command::new("no-such-program-anywhere")).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "`no-such-program-anywhere` is not on PATH"
        );
        assert_eq!(probe(&mut Command::new("no-such-program-anywhere")), None);
    }

    #[test]
    fn a_failing_program_is_quoted_with_what_it_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out of cheese >&2; exit 3"]);
        let failure = run_quietly(&mut command).unwrap_err().to_string();
        assert!(failure.contains("exit 3"), "{failure}");
        assert!(failure.contains("out of cheese"), "{failure}");
    }
}
