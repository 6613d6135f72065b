//! The commands on a store, as a user types them.

mod account;
mod creds;
mod jwt;
mod keys;
mod operator;
mod role;
mod shares;
mod user;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Cli, Command};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// A directory with a store.
struct Site {
    directory: TempDir,
}

impl Site {
    /// Makes a store with the operator `op` and the account `APP`.
    fn new() -> Self {
        let site = Self::empty();
        site.text("operator add op");
        site.text("account add APP");
        site
    }

    fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command, whose words are separated by spaces. `@NAME` is a file of the directory.
    fn run(&self, line: &str) -> Result<Output, Failure> {
        let file = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => word.to_owned(),
        };
        let words = line.split(' ').map(file);
        let mut words: Vec<_> = ["portcullis".to_owned()].into_iter().chain(words).collect();
        let has_store = ["keys", "jwt decode", "creds inspect"];
        if !has_store.iter().any(|verb| line.starts_with(verb)) {
            words.extend([
                "--store".to_owned(),
                self.path("store").display().to_string(),
            ]);
        }
        match Cli::try_parse_from(&words).unwrap().command {
            Command::Operator { verb } => verb.run(),
            Command::Account { verb } => verb.run(),
            Command::User { verb } => verb.run(),
            Command::Keys { verb } => verb.run(),
            Command::Creds { verb } => verb.run(),
            Command::Jwt { verb } => verb.run(),
            other => panic!("{other:?}"),
        }
    }

    fn text(&self, line: &str) -> String {
        let output = self
            .run(line)
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(output.code, ExitCode::Success, "{line}: {}", output.text);
        output.text
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.text(&format!("{line} --json"))).unwrap()
    }

    fn fails(&self, line: &str) -> (String, ExitCode) {
        match self.run(line) {
            Err(failure) => (failure.to_string(), failure.code()),
            Ok(output) => {
                assert_ne!(output.code, ExitCode::Success, "{line}: {}", output.text);
                (output.text, output.code)
            }
        }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{pointer} in {value:#}"))
        .to_owned()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
