//! The files of the packages, laid out as they are installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::files::{copy, put};
use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// The shells, and where each looks for completions.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/portcullis"),
    (
        "fish",
        "usr/share/fish/vendor_completions.d/portcullis.fish",
    ),
    ("zsh", "usr/share/zsh/vendor-completions/_portcullis"),
];

/// Files of the repository, and their places.
const COPIED: [(&str, &str); 6] = [
    (
        "packaging/systemd/portcullis.service",
        "usr/lib/systemd/system/portcullis.service",
    ),
    (
        "packaging/systemd/portcullis.sysusers",
        "usr/lib/sysusers.d/portcullis.conf",
    ),
    (
        "packaging/systemd/portcullis.tmpfiles",
        "usr/lib/tmpfiles.d/portcullis.conf",
    ),
    ("LICENSE", "usr/share/doc/portcullis/copyright"),
    ("CHANGELOG.md", "usr/share/doc/portcullis/CHANGELOG.md"),
    (
        "host/config/default.toml",
        "usr/share/doc/portcullis/examples/portcullis.toml",
    ),
];

/// Lays out the program and what belongs to it in `tree`.
pub(super) fn lay_out(workspace: &Workspace, program: &Path, tree: &Path) -> Result<()> {
    copy(program, &tree.join("usr/bin/portcullis"), 0o755)?;
    for (shell, place) in COMPLETIONS {
        let script = process::run_quietly(Command::new(program).args(["completions", shell]))?;
        put(&tree.join(place), script.as_bytes(), 0o644)?;
    }
    let pages = tree.join("usr/share/man/man1");
    process::run_quietly(Command::new(program).arg("man").arg(&pages))?;
    for page in fs::read_dir(&pages).map_err(Failure::at("read", &pages))? {
        let page = page.map_err(Failure::at("read", &pages))?.path();
        copy(&page, &page, 0o644)?;
        // `-n`: neither the name nor the time of the page.
        process::run(Command::new("gzip").args(["-9n"]).arg(&page))?;
    }
    for (from, to) in COPIED {
        copy(&workspace.file(from), &tree.join(to), 0o644)?;
    }
    Ok(())
}
