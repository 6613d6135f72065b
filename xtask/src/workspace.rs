//! Paths of the repository and its build directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;

/// The target that policies are built for.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The repository and its build directory.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Opens the workspace that this program was built from.
    pub(crate) fn open() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest
            .parent()
            .ok_or_else(|| Failure::new("xtask has no parent folder"))?
            .to_owned();
        let mut command = Command::new(env!("CARGO"));
        command
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .current_dir(&root);
        let metadata = process::run_quietly(&mut command)?;
        let target = target_directory(&metadata)
            .ok_or_else(|| Failure::new("`cargo metadata` names no target directory"))?;
        Ok(Self { root, target })
    }

    /// Returns a `cargo` command that runs in this workspace.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(&self.root);
        command
    }

    /// Returns the path of a file of the repository.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns the path of a program built in the release profile.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.built("release", name)
    }

    /// Returns the path of a program built in `profile`.
    pub(crate) fn built(&self, profile: &str, name: &str) -> PathBuf {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        self.target.join(profile).join(name)
    }

    /// Returns the directory of the packages of a release.
    pub(crate) fn packages(&self) -> PathBuf {
        self.target.join("packages")
    }

    /// Returns the folder of the built policies.
    pub(crate) fn policies(&self) -> PathBuf {
        self.target.join(WASM_TARGET).join("policy")
    }

    /// Returns the directory of a crate's documentation, once it is built.
    pub(crate) fn documentation(&self, crate_name: &str) -> PathBuf {
        self.target.join("doc").join(crate_name)
    }

    /// Returns the directory in which the verbs keep what they fetch.
    pub(crate) fn cache(&self) -> PathBuf {
        self.target.join("xtask")
    }
}

/// Extracts `target_directory` from `cargo metadata`. A JSON library for one field is not worth its
/// compile time.
fn target_directory(metadata: &str) -> Option<PathBuf> {
    let (_, rest) = metadata.split_once(r#""target_directory":""#)?;
    let (path, _) = rest.split_once('"')?;
    Some(PathBuf::from(path.replace(r"\\", r"\")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_what_cargo_says() {
        let metadata = r#"{"packages":[],"target_directory":"/srv/build","version":1}"#;
        assert_eq!(
            target_directory(metadata),
            Some(PathBuf::from("/srv/build"))
        );
        assert_eq!(target_directory("{}"), None);
    }
}
