//! The program: reads the command line, does what it says, ends with a code that says how it went.

use portcullis::{Cli, ExitCode};

fn main() -> ExitCode {
    match Cli::read() {
        Ok(cli) => portcullis::run(cli),
        Err(code) => code,
    }
}
