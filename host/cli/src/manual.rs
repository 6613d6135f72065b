//! `portcullis completions` and `portcullis man`: files for shells and for `man`, made from the
//! command line itself.

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// Name of the program, as an operator types it.
const PROGRAM: &str = "portcullis";

/// Returns the script that completes commands and options in `shell`.
///
/// # Errors
///
/// Fails if the script is not UTF-8.
pub(crate) fn completions(shell: Shell) -> Result<Output, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut script);
    String::from_utf8(script)
        .map(Output::success)
        .map_err(Failure::internal)
}

/// Writes a manual page for each command to `directory`, which it makes if necessary. Pages of
/// hidden commands are left out.
///
/// # Errors
///
/// Fails if a page cannot be written.
pub(crate) fn man(directory: &Path) -> Result<Output, Failure> {
    let failed = |error| {
        let place = format!("cannot write manual pages to `{}`", directory.display());
        Failure::new(
            ExitCode::CannotCreate,
            anyhow::Error::new(error).context(place),
        )
    };
    fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(failed)?;
    Ok(Output::success(format!("{}\n", directory.display())))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_the_commands_and_their_options() {
        for shell in Shell::value_variants() {
            let script = completions(*shell).unwrap().text;
            for word in ["serve", "rollback", "log-level"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page_except_the_hidden_one() {
        let directory = tempfile::tempdir().unwrap();
        let into = directory.path().join("man1");
        man(&into).unwrap();
        let page = fs::read_to_string(into.join("portcullis-policy-rollback.1")).unwrap();
        assert!(page.contains("Put an earlier good version"), "{page}");
        assert!(into.join("portcullis.1").exists());
        assert!(!into.join("portcullis-prove.1").exists());
    }

    #[test]
    fn a_directory_that_is_a_file_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failure = man(file.path()).unwrap_err();
        assert_eq!(failure.code(), ExitCode::CannotCreate);
        let place = file.path().display().to_string();
        assert!(failure.to_string().contains(&place), "{failure}");
    }
}
