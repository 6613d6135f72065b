//! The checkers of the files in `packaging/`.

use std::path::PathBuf;

use super::{cache, python};
use crate::failure::Result;
use crate::workspace::Workspace;

/// The pins of the packages.
const FILES: [&str; 1] = ["requirements.txt"];

/// Returns the folder of the Python packages that `xtask/packaging/check.py` imports: validators of
/// Kubernetes objects, JSON Schemas, Containerfiles and `PromQL`.
pub(crate) fn packaging_checkers(workspace: &Workspace) -> Result<PathBuf> {
    let home = workspace.file("xtask/packaging");
    let directory = cache::copied(&workspace.cache(), "packaging", &home, &FILES, |aside| {
        python::install_pinned(aside)
    });
    directory.map(|directory| directory.join(python::PINNED))
}
