//! The command line of a benchmark program.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};

/// Returns the file for the results from this process's command line: `[--json FILE]`.
///
/// # Errors
///
/// Fails if the command line has other arguments; the message names the program.
pub fn json_file(program: &str) -> Result<Option<PathBuf>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    of(&arguments, program)
}

fn of(arguments: &[OsString], program: &str) -> Result<Option<PathBuf>> {
    match arguments {
        [] => Ok(None),
        [flag, file] if flag == "--json" => Ok(Some(PathBuf::from(file))),
        _ => bail!("usage: {program} [--json FILE]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_for_the_results_is_all_there_may_be() {
        let read = |line: &str| {
            let arguments: Vec<_> = line.split_whitespace().map(OsString::from).collect();
            of(&arguments, "bench-it")
        };
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("--json rows").unwrap(), Some(PathBuf::from("rows")));
        for line in ["--json", "rows", "--csv rows", "--json rows --json rows"] {
            let error = read(line).unwrap_err().to_string();
            assert_eq!(error, "usage: bench-it [--json FILE]", "{line}");
        }
    }
}
