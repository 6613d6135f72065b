//! The check that the workspace builds with the oldest Rust that it promises, `rust-version`.

use std::fs;
use std::io::{Write, stderr};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;
use crate::version::Version;
use crate::workspace::Workspace;

/// Compiles the workspace with the oldest supported Rust. The lints have done so if that is the
/// toolchain in use. Prints a line if a newer one is in use and rustup lacks the oldest.
///
/// # Errors
///
/// Fails if the workspace does not compile.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let manifest = workspace.file("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(Failure::at("read", &manifest))?;
    let oldest = oldest(&text).ok_or_else(|| Failure::new("`Cargo.toml` has no `rust-version`"))?;
    let in_use = process::run_quietly(Command::new("rustc").arg("--version"))?;
    if Version::find_in(&in_use) == Version::find_in(oldest) {
        return Ok(());
    }
    let mut probe = Command::new("rustup");
    if process::probe(probe.args(["run", oldest, "rustc", "--version"])).is_none() {
        // A machine without access to toolchains still checks everything else.
        let _ = writeln!(
            stderr(),
            "Rust {oldest} n/a: `rustup toolchain install {oldest}` makes this check possible"
        );
        return Ok(());
    }
    let mut check = Command::new("rustup");
    check.current_dir(workspace.file("."));
    check.args(["run", oldest, "cargo", "check", "--release", "--workspace"]);
    check.args(["--all-targets", "--target-dir"]);
    process::run(check.arg(workspace.cache().join("msrv")))
}

/// Returns the oldest supported Rust, from the workspace's manifest.
fn oldest(manifest: &str) -> Option<&str> {
    let mut lines = manifest.lines();
    let value = lines.find_map(|line| line.strip_prefix("rust-version = "))?;
    Some(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_rust_is_read_from_the_manifest() {
        let manifest = include_str!("../../Cargo.toml");
        let oldest = oldest(manifest).and_then(Version::find_in);
        // The edition needs 1.85.
        assert!(oldest >= Some(Version::new(1, 85)), "{oldest:?}");
    }
}
