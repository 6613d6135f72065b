//! The packages of a release: an archive, a Debian package, the context of a container image, the
//! list of contents (SBOM) and checksums.
//!
//! Every file carries the time of the commit, so that two builds of the same sources are equal.

mod archive;
mod debian;
mod files;
mod release;
mod sbom;
mod staged;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;
use crate::steps::Steps;
use crate::workspace::Workspace;
use files::copy;
use release::Release;

/// The options of the verb.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// A program to package. Default: the one that this verb builds with the profile `dist`.
    pub(crate) binary: Option<PathBuf>,
    /// The directory of the packages. Default: `target/packages`.
    pub(crate) into: Option<PathBuf>,
}

/// Builds the packages, and prints their checksums.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut steps = Steps::new(5);
    let program = match &options.binary {
        Some(program) => {
            steps.announce("program: the given one");
            std::path::absolute(program).map_err(Failure::at("find", program))?
        }
        None => steps.run(
            "program: built for distribution (the first time takes some minutes)",
            || build(workspace),
        )?,
    };
    let into = options.into.clone();
    let into = into.unwrap_or_else(|| workspace.packages());
    let into = std::path::absolute(&into).map_err(Failure::at("find", &into))?;
    let release = Release::of(workspace, &program)?;
    empty(&into)?;
    let tree = into.join("tree");
    steps.run("archive", || {
        staged::lay_out(workspace, &program, &tree)?;
        archive::write(&release, &tree, &into)
    })?;
    steps.run("debian package", || {
        debian::write(workspace, &release, &tree, &into)
    })?;
    steps.run("context of the container image", || {
        let context = into.join("container");
        copy(&program, &context.join("portcullis"), 0o755)?;
        let description = workspace.file("packaging/container/Containerfile");
        copy(&description, &context.join("Containerfile"), 0o644)?;
        copy(&workspace.file("LICENSE"), &context.join("LICENSE"), 0o644)
    })?;
    steps.run("list of contents and checksums", || {
        sbom::write(workspace, &release, &into)?;
        remove(&tree)?;
        checksums(&into)
    })
}

/// Builds the program, and returns its path.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut build = workspace.cargo();
    build.args(["build", "--profile", "dist", "--locked"]);
    process::run(build.args(["--package", "portcullis-cli"]))?;
    Ok(workspace.built("dist", "portcullis"))
}

/// Writes `SHA256SUMS` for the files of `directory`, and prints it.
fn checksums(directory: &Path) -> Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(Failure::at("read", directory))? {
        let entry = entry.map_err(Failure::at("read", directory))?;
        if entry.path().is_file() {
            names.push(entry.file_name());
        }
    }
    names.sort();
    let mut sum = Command::new("sha256sum");
    sum.current_dir(directory).arg("--").args(&names);
    let sums = process::run_quietly(&mut sum)?;
    let file = directory.join("SHA256SUMS");
    fs::write(&file, &sums).map_err(Failure::at("write", &file))?;
    process::run(Command::new("cat").arg(&file))
}

/// Makes `directory` empty. Refuses one with files of another origin.
fn empty(directory: &Path) -> Result<()> {
    if let Ok(entries) = fs::read_dir(directory) {
        let foreign = entries.flatten().map(|entry| entry.file_name());
        let foreign = foreign.into_iter().find(|name| !is_ours(name));
        if let Some(name) = foreign {
            return Err(Failure::new(format!(
                "`{}` has `{}`, which is no package: name another directory",
                directory.display(),
                name.display()
            )));
        }
    }
    remove(directory)?;
    fs::create_dir_all(directory).map_err(Failure::at("create", directory))
}

fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("portcullis") || ["SHA256SUMS", "container", "tree"].contains(&&*name)
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::at("remove", directory)(cause))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
