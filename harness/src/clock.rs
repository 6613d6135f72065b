//! A process whose wall clock is wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

const SOURCE: &str = include_str!("clock/shift.c");

/// A library that shifts the wall clock of the process that preloads it. Linux only.
#[derive(Debug)]
pub struct ShiftedClock {
    library: PathBuf,
}

impl ShiftedClock {
    /// Builds the library in `directory`. The clock is `seconds` ahead of the machine's clock, or
    /// behind it if the number is negative.
    ///
    /// # Errors
    ///
    /// Fails if the C compiler `cc` is absent or fails.
    pub fn build(directory: &Path, seconds: i64) -> Result<Self> {
        let source = directory.join("shift.c");
        let library = directory.join("shift.so");
        fs::write(&source, SOURCE)?;
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg(format!("-DSHIFT=({seconds})"))
            .status()
            .context("cannot run `cc`")?;
        ensure!(compiled.success(), "`cc` fails: {compiled}");
        Ok(Self { library })
    }

    /// Returns the environment variable that gives a process this clock.
    pub fn variable(&self) -> (&'static str, String) {
        ("LD_PRELOAD", self.library.to_string_lossy().into_owned())
    }
}
