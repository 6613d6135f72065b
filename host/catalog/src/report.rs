//! What a pass over the directory did, and what it could not do.

use std::path::{Path, PathBuf};

use portcullis_core::{Digest, InvalidPolicyName, PolicyName, PolicyRef};

use crate::unit::UnitError;

/// What one pass over the directory did.
#[derive(Debug, Default)]
pub struct Report {
    /// What changed and what could not, in the order it was found.
    pub changes: Vec<Change>,
    /// Settings and test files without a module beside them.
    pub orphans: Vec<PathBuf>,
    /// The policy directory and its files, as far as every user of the machine may write to them.
    pub exposed: Vec<PathBuf>,
    /// Policies that are granted something and have no module in the directory.
    pub unused_grants: Vec<PolicyName>,
    /// Whether something is still being written: it wants another look soon.
    pub(crate) unsettled: bool,
}

/// One thing a pass did, or could not do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Change {
    /// A new version is in service.
    Loaded(PolicyRef),
    /// A version was refused.
    Rejected(Rejection),
    /// A kept version is in service, because the one in the directory was refused.
    Restored(PolicyRef),
    /// A policy's file is gone, and so is the policy.
    Removed(PolicyName),
}

/// A version that is not put in service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The policy, if the file's name is a policy name.
    pub name: Option<PolicyName>,
    /// The file at fault.
    pub file: PathBuf,
    /// The line at fault, from 1.
    pub line: Option<usize>,
    /// What is wrong, in one line.
    pub error: String,
    /// The version that stays in service, if there is one.
    pub serving: Option<Digest>,
}

impl Report {
    /// What was refused.
    pub fn rejections(&self) -> impl Iterator<Item = &Rejection> {
        self.changes.iter().filter_map(|change| match change {
            Change::Rejected(rejection) => Some(rejection),
            Change::Loaded(_) | Change::Restored(_) | Change::Removed(_) => None,
        })
    }

    /// Whether the set of policies in service is another one now.
    pub(crate) fn changes_service(&self) -> bool {
        self.changes
            .iter()
            .any(|change| !matches!(change, Change::Rejected(_)))
    }
}

impl Rejection {
    pub(crate) fn of_unit(name: &PolicyName, error: &UnitError, serving: Option<Digest>) -> Self {
        Self {
            name: Some(name.clone()),
            file: error.file().to_owned(),
            line: error.line(),
            error: error.problem().to_string(),
            serving,
        }
        .logged()
    }

    pub(crate) fn of_name(file: &Path, error: &InvalidPolicyName) -> Self {
        let (file, error) = (file.to_owned(), error.to_string());
        Self {
            name: None,
            file,
            line: None,
            error,
            serving: None,
        }
        .logged()
    }

    fn logged(self) -> Self {
        tracing::error!(
            policy.name = self.name.as_ref().map(PolicyName::as_str),
            file = %self.file.display(),
            line = self.line,
            error = self.error,
            policy.serving = self.serving.map_or_else(|| "none".to_owned(), |digest| digest.to_string()),
            "policy rejected"
        );
        self
    }
}
