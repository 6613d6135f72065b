//! Packages from the Python package index, installed aside and never into the machine's Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache;
use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// The Python that installs packages and runs the Python test client.
pub(crate) const PYTHON: &str = "python3";

/// The package `name` at exactly `version`, in a directory of its own.
pub(crate) fn package(workspace: &Workspace, name: &str, version: &str) -> Result<PathBuf> {
    let requirement = format!("{name}=={version}");
    let directory = format!("{name}-{version}");
    cache::directory(&workspace.cache(), &directory, &requirement, |aside| {
        install(aside, &[&requirement])
    })
}

/// Installs what `arguments` name into `directory`.
pub(crate) fn install(directory: &Path, arguments: &[&str]) -> Result<()> {
    check_pip()?;
    let mut pip = Command::new(PYTHON);
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps"])
        .args(["--disable-pip-version-check", "--root-user-action=ignore"])
        .arg("--target")
        .arg(directory)
        .args(arguments);
    process::run_quietly(&mut pip).map(drop)
}

fn check_pip() -> Result<()> {
    if process::probe(Command::new(PYTHON).arg("--version")).is_none() {
        return Err(Failure::new(
            "`python3` is not on PATH: install Python 3 with pip (Debian: `apt install python3-pip`)",
        ));
    }
    if process::probe(Command::new(PYTHON).args(["-m", "pip", "--version"])).is_none() {
        return Err(Failure::new(
            "`python3` has no pip: install it (Debian: `apt install python3-pip`)",
        ));
    }
    Ok(())
}
