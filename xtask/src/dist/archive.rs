//! The archive for any Linux: a tar with the files under one folder.

use std::path::Path;
use std::process::Command;

use super::release::Release;
use crate::failure::Result;
use crate::process;

/// Writes the archive of `tree` to the directory `into`. Order, owners and times of its files are
/// fixed, so that equal trees make equal archives.
pub(super) fn write(release: &Release, tree: &Path, into: &Path) -> Result<()> {
    let name = release.name();
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--directory").arg(tree);
    tar.arg("--file").arg(into.join(format!("{name}.tar.gz")));
    tar.arg("--use-compress-program=gzip -n");
    tar.args(["--format=gnu", "--sort=name", "--numeric-owner"]);
    tar.args(["--owner=0", "--group=0", "--mode=u=rwX,go=rX"]);
    tar.arg(format!("--mtime=@{}", release.time));
    // `usr/bin/portcullis` is `NAME/bin/portcullis` in the archive.
    tar.arg(format!("--transform=s,^usr,{name},"));
    process::run(tar.arg("usr"))
}
