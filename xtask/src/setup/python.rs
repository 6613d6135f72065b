//! Packages from the Python package index, installed into folders of the cache and never into the
//! machine's Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache;
use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// The Python that installs packages and runs the Python test client.
pub(crate) const PYTHON: &str = "python3";

/// Returns a directory with the package `name` at exactly `version`.
pub(crate) fn package(workspace: &Workspace, name: &str, version: &str) -> Result<PathBuf> {
    let requirement = format!("{name}=={version}");
    let directory = format!("{name}-{version}");
    cache::directory(&workspace.cache(), &directory, &requirement, |aside| {
        install(aside, &[&requirement])
    })
}

/// The folder that [`install_pinned`] installs packages into.
pub(crate) const PINNED: &str = "python";

/// Installs the packages that `requirements.txt` in `directory` pins into its folder [`PINNED`].
pub(crate) fn install_pinned(directory: &Path) -> Result<()> {
    let requirements = directory.join("requirements.txt");
    let requirements = requirements.to_string_lossy();
    let arguments = ["--require-hashes", "--requirement", &requirements];
    install(&directory.join(PINNED), &arguments)
}

/// Installs the packages that `arguments` name into `directory`.
fn install(directory: &Path, arguments: &[&str]) -> Result<()> {
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
