//! `portcullis import`: from the configuration of another callout to ours.

mod edn;
mod nesting;
mod planmdk;
mod render;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::init::{Directory, NewFiles, NotInitialized};
use crate::problem::Problem;

use planmdk::Planmdk;

/// The modules and settings of policies.
const POLICIES: &str = "policies";
/// The settings of `oidc-roles`.
const ROLES: &str = "policies/roles.toml";
/// Where the password of the service goes.
const PASSWORD: &str = "keys/password";
/// Where the seed that signs goes.
const ISSUER: &str = "keys/issuer.nk";

/// The largest configuration that is read, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// What was made of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    directory: PathBuf,
    /// What was left out, and what is for the operator to say.
    pub notes: Vec<String>,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotImported {
    /// The configuration is not what it should be; every problem.
    #[error("{}", lines(.0))]
    Broken(Vec<Problem>),
    /// The files cannot be made.
    #[error(transparent)]
    NotMade(#[from] NotInitialized),
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// Writes a `portcullis.toml`, the keys it names and the settings of the policy `oidc-roles` to `directory`, made from the EDN
/// configuration of planmdk's nats-auth-callout in `file`.
///
/// # Errors
///
/// When the configuration has a problem (all of them are told), or a file exists or cannot be written. Either way nothing new is left
/// behind.
pub fn planmdk(file: &Path, directory: &Path) -> Result<Imported, NotImported> {
    let broken = |message: String| NotImported::Broken(vec![Problem::error(file, message)]);
    let content = portcullis_files::read(file, MAX_SIZE);
    let content = content.map_err(|error| broken(format!("cannot read: {error}")))?;
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
    /// What was made and what to do next, for people.
    pub fn summary(&self) -> String {
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
