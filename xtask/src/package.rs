//! The packages of crates that read files from other folders of the repository.
//!
//! Such a crate has links to these files. Cargo puts the files in the place of the links, unless a
//! rule of cargo leaves them out: it ignores folders with a `Cargo.toml`, for example.

use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// The packages, and files that each would not build without.
const LINKED: [(&str, &[&str]); 2] = [
    (
        "portcullis-cli",
        &[
            "sdk/portcullis-permit-rules/Cargo.toml.in",
            "sdk/portcullis-permit-rules/src/lib.rs",
            "sdk/portcullis-sdk/Cargo.toml.in",
            "sdk/portcullis-sdk/README.md",
            "sdk/portcullis-sdk/src/lib.rs",
            "sdk/portcullis-sdk/wit/policy.wit",
            "workspace.toml",
        ],
    ),
    ("portcullis-engine", &["wit/policy.wit"]),
];

/// Checks that the packages hold the files behind the links.
///
/// # Errors
///
/// Fails with the first file that a package lacks.
pub(crate) fn check_links(workspace: &Workspace) -> Result<()> {
    for (package, files) in LINKED {
        let mut list = workspace.cargo();
        list.args(["package", "--list", "--allow-dirty", "--package", package]);
        let list = process::run_quietly(&mut list)?;
        let missing = files
            .iter()
            .find(|file| !list.lines().any(|line| line == **file));
        if let Some(file) = missing {
            return Err(Failure::new(format!(
                "the package `{package}` lacks `{file}`: is it a link to a file?"
            )));
        }
    }
    Ok(())
}
