//! The policies and guests of this repository as WebAssembly modules.
//!
//! Cargo builds a package when a process first asks for one of its modules. No build script does
//! so, for three reasons. A changed policy would make cargo compile every test again. `cargo check`
//! would build modules that it does not use. The tests of each profile would have modules of their
//! own, and `cargo xtask` others.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};
use parking_lot::Mutex;
use serde_json::{Deserializer, Value};

/// The target that policies are built for.
const TARGET: &str = "wasm32-unknown-unknown";

/// The module files of a package by module name, or the reason why it cannot be built.
type Built = Result<BTreeMap<String, PathBuf>, String>;

/// Returns the policy of the package `package`.
///
/// # Errors
///
/// Fails if cargo cannot build the package.
pub fn policy(package: &str) -> Result<Vec<u8>> {
    read(&policy_file(package)?)
}

/// Returns the path of the module that [`policy`] reads.
///
/// # Errors
///
/// Fails if cargo cannot build the package.
pub fn policy_file(package: &str) -> Result<PathBuf> {
    // Cargo names a module after its crate, with underscores.
    file(package, "--lib", &package.replace('-', "_"))
}

/// Returns the guest `name`, an example of the package `guests`.
///
/// # Errors
///
/// Fails if cargo cannot build the guests, or if none has this name.
pub fn guest(name: &str) -> Result<Vec<u8>> {
    read(&file("guests", "--examples", name)?)
}

/// Returns the guest `name` of the benchmarks, an example of the package `bench-guests`.
///
/// # Errors
///
/// Fails if cargo cannot build the guests, or if none has this name.
pub fn benchmark_guest(name: &str) -> Result<Vec<u8>> {
    read(&file("bench-guests", "--examples", name)?)
}

/// Returns the path of a module. Builds its package if this process has not done so.
fn file(package: &str, selection: &str, module: &str) -> Result<PathBuf> {
    static PACKAGES: Mutex<BTreeMap<String, Built>> = Mutex::new(BTreeMap::new());

    // The lock is held while cargo runs: other threads wait for the same build.
    let mut packages = PACKAGES.lock();
    let built = packages
        .entry(package.to_owned())
        .or_insert_with(|| build(package, selection).map_err(|error| format!("{error:#}")));
    let files = built.as_ref().map_err(|error| anyhow!("{error}"))?;
    let file = files.get(module).cloned();
    file.with_context(|| format!("package `{package}` has no module `{module}`"))
}

/// Builds a package in the profile of policies. Returns its modules.
fn build(package: &str, selection: &str) -> Result<BTreeMap<String, PathBuf>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args([
            "build",
            "--profile",
            "policy",
            "--quiet",
            "--target",
            TARGET,
        ])
        .args(["--message-format", "json-render-diagnostics"])
        .args(["--package", package, selection])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = build.output().context("cannot run `cargo`")?;
    ensure!(
        output.status.success(),
        "`cargo build --target {TARGET} --package {package} {selection}`: {}{}",
        output.status,
        way_out()
    );
    modules(&output.stdout)
}

/// Returns the files of the modules that cargo reports, by name.
fn modules(messages: &[u8]) -> Result<BTreeMap<String, PathBuf>> {
    let mut modules = BTreeMap::new();
    for message in Deserializer::from_slice(messages).into_iter::<Value>() {
        let message = message.context("cargo reports no JSON")?;
        let files = message.get("filenames").and_then(Value::as_array);
        let files = files.into_iter().flatten().filter_map(Value::as_str);
        for file in files.map(PathBuf::from) {
            if file
                .extension()
                .is_some_and(|extension| extension == "wasm")
            {
                let name = file.file_stem().unwrap_or_default();
                modules.insert(name.to_string_lossy().into_owned(), file);
            }
        }
    }
    Ok(modules)
}

/// Returns advice for a failed build, if the toolchain lacks the target.
fn way_out() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    let installed = asked.is_ok_and(|output| {
        let directory = String::from_utf8_lossy(&output.stdout).into_owned();
        Path::new(directory.trim()).is_dir()
    });
    if installed {
        String::new()
    } else {
        format!("; the toolchain lacks the target: run `rustup target add {TARGET}`")
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_what_cargo_reports() {
        let messages = br#"{"reason":"compiler-artifact","filenames":["/t/libserde.rlib"]}
            {"reason":"compiler-artifact","filenames":["/t/spins.wasm"]}
            {"reason":"build-finished","success":true}"#;
        let found = modules(messages).unwrap();
        let expected = [("spins".to_owned(), PathBuf::from("/t/spins.wasm"))];
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn an_unknown_package_and_an_unknown_module_are_named() {
        let error = policy("no-such-policy").unwrap_err().to_string();
        assert!(error.contains("--package no-such-policy"), "{error}");
        let error = guest("no_such_guest").unwrap_err().to_string();
        assert_eq!(error, "package `guests` has no module `no_such_guest`");
    }
}
