//! cargo-deny, which checks dependencies against `deny.toml`.

use std::path::PathBuf;

use super::{cache, python};
use crate::failure::{Failure, Result};
use crate::workspace::Workspace;

/// The pins of the package.
const FILES: [&str; 1] = ["requirements.txt"];

/// Returns the program `cargo-deny`. Its Python package installs in a second; building the program
/// takes minutes.
pub(crate) fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    let home = workspace.file("xtask/cargo-deny");
    let directory = cache::copied(&workspace.cache(), "cargo-deny", &home, &FILES, |aside| {
        python::install_pinned(aside)
    });
    let program = directory.map(|directory| directory.join(python::PINNED).join("bin/cargo-deny"));
    program.map_err(|failure| Failure::new(format!("cargo-deny cannot be installed: {failure}")))
}
