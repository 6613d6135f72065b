//! The reference callout that our host is compared with, in a program of ours.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// Builds the program and returns its path. Go caches downloads and builds itself.
pub(crate) fn callout_go(workspace: &Workspace) -> Result<PathBuf> {
    let program = workspace.cache().join("callout-go");
    let mut build = Command::new("go");
    build
        .current_dir(workspace.file("bench/peers/callout-go"))
        .args(["build", "-mod=readonly", "-o"])
        .arg(&program)
        .arg(".");
    process::run(&mut build).map_err(|failure| {
        Failure::new(format!("{failure}; this comparison needs Go 1.25 or later"))
    })?;
    Ok(program)
}
