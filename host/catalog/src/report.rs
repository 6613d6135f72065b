//! Reports of what a pass over the directory did.

use std::path::{Path, PathBuf};

use portcullis_core::{Digest, InvalidPolicyName, PolicyName, PolicyRef};

use crate::unit_error::UnitError;

/// The results of one pass over the directory.
#[derive(Debug, Default)]
pub struct Report {
    /// Changes and rejections, in the order in which the pass found them.
    pub changes: Vec<Change>,
    /// Settings, test files and policy texts without a module next to them.
    pub orphans: Vec<PathBuf>,
    /// The paths among the policy directory and its files that every user of the machine may write
    /// to.
    pub exposed: Vec<PathBuf>,
    /// Policies that have grants and no module in the directory.
    pub unused_grants: Vec<PolicyName>,
    /// Whether files are still being written, so that another pass is needed soon.
    pub(crate) unsettled: bool,
}

/// One result of a pass.
#[derive(Debug)]
#[non_exhaustive]
pub enum Change {
    /// A new version is in service.
    Loaded(PolicyRef),
    /// A version was rejected.
    Rejected(Rejection),
    /// A stored version is in service, because the version in the directory was rejected.
    Restored(PolicyRef),
    /// The module of a policy was deleted, and the policy is out of service.
    Removed(PolicyName),
}

/// A version that the host rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The policy. `None` if the file's name is not a policy name.
    pub name: Option<PolicyName>,
    /// The file at fault.
    pub file: PathBuf,
    /// The line at fault, counted from 1.
    pub line: Option<usize>,
    /// The problem, in one line.
    pub error: String,
    /// The digest of the version that stays in service. `None` if no version serves.
    pub serving: Option<Digest>,
}

impl Report {
    /// Returns the rejections.
    pub fn rejections(&self) -> impl Iterator<Item = &Rejection> {
        self.changes.iter().filter_map(|change| match change {
            Change::Rejected(rejection) => Some(rejection),
            Change::Loaded(_) | Change::Restored(_) | Change::Removed(_) => None,
        })
    }

    /// Returns whether the set of policies in service has changed.
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

    /// Returns the rejection of all policies together, which fail an assertion.
    pub(crate) fn of_assertions(error: &UnitError) -> Self {
        Self {
            name: None,
            file: error.file().to_owned(),
            line: error.line(),
            error: error.problem().to_string(),
            serving: None,
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
