//! `portcullis import`: converts the configuration of another callout service.

mod edn;
mod nesting;
mod paths;
mod planmdk;
mod render;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use paths::{ISSUER, PASSWORD};
use planmdk::Planmdk;
use portcullis_files::ReadError;
use portcullis_toml::Problem;
use serde_json::{Value, json};

use crate::init::{Directory, NewFiles, NotInitialized};

/// Directory of the modules and settings of policies.
const POLICIES: &str = "policies";
/// Settings file of `oidc-roles`.
const ROLES: &str = "policies/roles.toml";

/// Maximum size of a configuration, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// The result of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Imported {
    directory: PathBuf,
    /// Notes for the operator: omitted settings, and decisions to make.
    pub(crate) notes: Vec<String>,
}

/// A reason why an import failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NotImported {
    /// The configuration does not exist.
    #[error("{0}")]
    Missing(Problem),
    /// The configuration has problems, all of which are listed.
    #[error("{}", lines(.0))]
    Broken(Vec<Problem>),
    /// The files cannot be written.
    #[error(transparent)]
    NotMade(#[from] NotInitialized),
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// Imports the EDN configuration of planmdk's nats-auth-callout in `file`. Writes a
/// `portcullis.toml`, the keys that it names and the settings of the policy `oidc-roles` to
/// `directory`.
///
/// # Errors
///
/// Fails if the configuration is missing or has problems, all of which are reported, or if a file
/// exists or cannot be written. In either case, no new file remains.
pub(crate) fn planmdk(file: &Path, directory: &Path) -> Result<Imported, NotImported> {
    let broken = |message: String| NotImported::Broken(vec![Problem::error(file, message)]);
    let content = portcullis_files::read(file, MAX_SIZE).map_err(|error| match error {
        ReadError::Missing => NotImported::Missing(Problem::error(file, error.to_string())),
        error => broken(format!("cannot read: {error}")),
    })?;
    let text = String::from_utf8(content.bytes);
    let text = text.map_err(|_| broken("is not text: expected UTF-8".to_owned()))?;
    let planmdk = Planmdk::read(file, &text).map_err(NotImported::Broken)?;
    let names = ["portcullis.toml", "keys", POLICIES];
    let mut files = NewFiles::in_directory(directory, &names)?;
    files.directory("keys", Directory::Private)?;
    files.secret(ISSUER, &planmdk.seed)?;
    if let Some(password) = &planmdk.password {
        files.secret(PASSWORD, password)?;
    }
    files.directory(POLICIES, Directory::Shared)?;
    files.file(ROLES, &render::roles(&planmdk))?;
    files.file("portcullis.toml", &render::configuration(&planmdk))?;
    files.keep();
    Ok(Imported {
        directory: directory.to_path_buf(),
        notes: render::notes(&planmdk),
    })
}

impl Imported {
    /// Returns the written files and the notes as an object.
    pub(crate) fn json(&self) -> Value {
        let files = ["portcullis.toml", "keys", ROLES].map(|name| self.directory.join(name));
        json!({ "directory": self.directory, "files": files, "notes": self.notes })
    }

    /// Returns the written files and the next steps, for humans.
    pub(crate) fn summary(&self) -> String {
        let directory = self.directory.display();
        let mut text = format!(
            "made {directory}/portcullis.toml, {directory}/keys and {directory}/{ROLES}\n\nlook at:\n"
        );
        for note in &self.notes {
            text.push_str("  - ");
            text.push_str(note);
            text.push('\n');
        }
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\nnext:\n  \
             1. put the policy `oidc-roles`, built to WebAssembly, at {directory}/{POLICIES}/roles.wasm\n  \
             2. portcullis check --config {directory}/portcullis.toml\n  \
             3. portcullis serve --config {directory}/portcullis.toml\n"
        );
        text
    }
}

#[cfg(test)]
mod tests;
