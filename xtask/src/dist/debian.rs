//! The Debian package.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::files::{copy, put};
use super::release::Release;
use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// The scripts of the package, which dpkg calls.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Writes the package of `tree` to the directory `into`.
pub(super) fn write(
    workspace: &Workspace,
    release: &Release,
    tree: &Path,
    into: &Path,
) -> Result<()> {
    let architecture = architecture(release.processor)?;
    let program = tree.join("usr/bin/portcullis");
    let content = fs::read(&program).map_err(Failure::at("read", &program))?;
    let sources = workspace.file("packaging/debian");
    let template = sources.join("control.in");
    let template = fs::read_to_string(&template).map_err(Failure::at("read", &template))?;
    let control = template
        .replace("{version}", &release.version)
        .replace("{architecture}", architecture)
        .replace("{libc}", &needed_libc(&content))
        .replace("{installed-size}", &kibibytes(tree)?.to_string());
    let control_directory = tree.join("DEBIAN");
    put(
        &control_directory.join("control"),
        control.as_bytes(),
        0o644,
    )?;
    for script in SCRIPTS {
        copy(
            &sources.join(script),
            &control_directory.join(script),
            0o755,
        )?;
    }
    let name = format!("portcullis_{}_{architecture}.deb", release.version);
    let mut build = Command::new("dpkg-deb");
    // The package's files get this time at the latest, and all of them are newer.
    build.env("SOURCE_DATE_EPOCH", release.time.to_string());
    // Level 1 takes 4 s in place of 26 s for the program, and makes it a fifth larger. With one
    // thread, equal trees make equal packages on every machine.
    build.args(["-Zxz", "-z1", "--threads-max=1"]);
    build.args(["--build", "--root-owner-group"]);
    build.arg(tree).arg(into.join(name));
    process::run_quietly(&mut build).map(drop)
}

/// Returns Debian's name of a processor.
fn architecture(processor: &str) -> Result<&'static str> {
    match processor {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => Err(Failure::new(format!(
            "no Debian package for `{other}`: the tests cover x86_64 and aarch64"
        ))),
    }
}

/// Returns the oldest version of the C library that a program runs with: the highest one among its
/// symbols' versions, which stand in it as `GLIBC_2.34`. Returns that of Debian 11 for a program
/// that names none.
pub(super) fn needed_libc(program: &[u8]) -> String {
    const OLDEST: (u32, u32) = (2, 31);
    const MARK: &[u8] = b"GLIBC_";
    let named = program
        .windows(MARK.len() + 8)
        .filter_map(|window| version(window.strip_prefix(MARK)?));
    let (major, minor) = named.max().unwrap_or(OLDEST).max(OLDEST);
    format!("{major}.{minor}")
}

/// Reads `2.34` at the beginning of `text`.
fn version(text: &[u8]) -> Option<(u32, u32)> {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit() && *byte != b'.');
    let (text, _) = text.split_at_checked(end?)?;
    let (major, minor) = std::str::from_utf8(text).ok()?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Returns the size of the files of `directory`, in kibibytes.
fn kibibytes(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory).map_err(Failure::at("read", directory))? {
        let entry = entry.map_err(Failure::at("read", directory))?;
        let path = entry.path();
        sum += if path.is_dir() {
            kibibytes(&path)?
        } else {
            let metadata = entry.metadata().map_err(Failure::at("read", &path))?;
            metadata.len().div_ceil(1024)
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_symbol_says_which_c_library_a_program_needs() {
        let program = b"\0GLIBC_2.17\0GLIBC_2.9\0GLIBC_2.36\0GLIBC_PRIVATE\0GLIBC_2.34\0padding\0";
        assert_eq!(needed_libc(program), "2.36");
        assert_eq!(
            needed_libc(b"#!/bin/sh\necho a script needs none\n"),
            "2.31"
        );
    }

    #[test]
    fn a_processor_without_packages_is_named() {
        assert_eq!(architecture("aarch64"), Ok("arm64"));
        let failure = architecture("mips").unwrap_err().to_string();
        assert!(failure.contains("`mips`"), "{failure}");
    }
}
