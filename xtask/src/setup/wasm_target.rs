//! The target that policies are built for.

use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::{WASM_TARGET, Workspace};

/// Adds the target to the toolchain unless it is installed.
pub(crate) fn wasm_target(workspace: &Workspace) -> Result<()> {
    if installed(workspace)? {
        return Ok(());
    }
    let mut add = Command::new("rustup");
    add.args(["target", "add", WASM_TARGET])
        .current_dir(workspace.file("."));
    process::run(&mut add).map_err(|failure| {
        Failure::new(format!(
            "the Rust toolchain lacks the target {WASM_TARGET}: {failure}; \
             install rustup, or this target with the package manager that Rust came from"
        ))
    })
}

/// Returns whether the target is installed. Asks the compiler, because rustup may be missing.
fn installed(workspace: &Workspace) -> Result<bool> {
    let mut ask = Command::new("rustc");
    ask.args(["--print", "target-libdir", "--target", WASM_TARGET])
        .current_dir(workspace.file("."));
    let library = process::run_quietly(&mut ask)?;
    Ok(std::path::Path::new(library.trim()).is_dir())
}
