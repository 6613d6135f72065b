//! The reasons why a version of a policy is not put in service.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_core::{InvalidPolicyName, Method};
use portcullis_engine::{EngineError, EvaluationError, LoadError};
use portcullis_files::{FileKind, ReadError};

use crate::assertions::AssertionsProblem;
use crate::paths::Paths;
use crate::policy_tests::problem::TestFileProblem;
use crate::prover::failure::ChildFailure;
use crate::settings::problem::SettingsFileProblem;
use crate::signature::SignatureError;
use crate::text::problem::TextProblem;

/// The reason why a unit is not put in service: the file, the line and the problem.
#[derive(Debug, thiserror::Error)]
#[error("`{}`{}: {problem}", file.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct UnitError {
    file: PathBuf,
    line: Option<usize>,
    problem: UnitProblem,
}

/// A problem of a file. The message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitProblem {
    /// The file exists and cannot be read.
    #[error("{0}")]
    Unreadable(#[source] ReadError),
    /// The content differs from the content at the first read.
    #[error("changed while it was read; the host reads it again")]
    Changed,
    /// The file is a link to a file of another policy.
    #[error(
        "is a link to `{target}`, a file of another policy: copy that file, or link both to one outside of the policy directory"
    )]
    ForeignFile {
        /// Name of the other policy's file.
        target: String,
    },
    /// The file is a link out of a directory in which other users can make links.
    #[error(
        "is a link to `{}`, and other users can make links in the policy directory: copy that file, or let only the host's user or root own and write the directory", target.display()
    )]
    OutsideLink {
        /// Path of the file that the link leads to.
        target: PathBuf,
    },
    /// The file is a hard link to a file of the host's user or root, in such a directory.
    #[error(
        "is a hard link to a file of the host's user or root, and other users can make links in the policy directory: copy that file, or let only the host's user or root own and write the directory"
    )]
    OwnHardLink,
    /// The file is a file of another policy too.
    #[error(
        "is a hard link to `{target}`, a file of another policy: copy that file, or make the two differ if a tool links equal files"
    )]
    SharedFile {
        /// Name of the other policy's file.
        target: String,
    },
    /// The policies of the directory exceed a total size.
    #[error(
        "does not fit: the policy directory has more than {limit} bytes of policies, so remove some"
    )]
    DirectoryFull {
        /// The maximum total size, in bytes.
        limit: u64,
    },
    /// The file is a directory, a FIFO or a device.
    #[error("is {0}, not a regular file")]
    NotAFile(FileKind),
    /// The module exceeds the configured maximum size.
    #[error("larger than {limit} bytes; raise `max-module-size` under [policies] if that is meant")]
    TooLarge {
        /// The maximum size, in bytes.
        limit: u64,
    },
    /// The settings file exceeds the maximum size.
    #[error("larger than {limit} bytes, the most a settings file can have")]
    SettingsTooLarge {
        /// The maximum size, in bytes.
        limit: u64,
    },
    /// The file has a name that no policy can have.
    #[error("{0}")]
    Name(#[source] InvalidPolicyName),
    /// The settings file is invalid.
    #[error("{0}")]
    Settings(#[source] SettingsFileProblem),
    /// The engine rejects the module or its settings.
    #[error("{0}")]
    Load(#[source] LoadError),
    /// The module needs settings, and has no settings file.
    #[error("it needs a settings file `{settings}`: {error}")]
    NoSettings {
        /// The name of the missing file.
        settings: String,
        /// The module's error message.
        #[source]
        error: LoadError,
    },
    /// Compiling or testing the policy takes too long.
    #[error("not loaded within {limit:?}; raise `load-timeout` under [policies] if that is meant")]
    TooSlow {
        /// The maximum time.
        limit: Duration,
    },
    /// The child process that proves the version ended without a valid answer.
    #[error("{0}")]
    Child(ChildFailure),
    /// The child process that proved the version rejects it.
    #[error("{problem}")]
    Refused {
        /// The message of the child's own problem.
        problem: String,
        /// Whether the same content may succeed later.
        transient: bool,
    },
    /// The host stops, so it loads no more policies.
    #[error("not loaded, because the host stops")]
    Stopped,
    /// The host cannot start a thread for the proof.
    #[error("cannot be loaded now: {0}")]
    NoThread(#[source] io::Error),
    /// The module has no valid signature of a trusted publisher.
    #[error("{0}")]
    Signature(#[source] SignatureError),
    /// The test file exceeds the maximum size.
    #[error("larger than {limit} bytes, the most a test file can have")]
    TestsTooLarge {
        /// The maximum size, in bytes.
        limit: u64,
    },
    /// The test file is invalid.
    #[error("{0}")]
    Tests(#[source] Box<TestFileProblem>),
    /// The policy text exceeds the maximum size.
    #[error("larger than {limit} bytes, the most a policy text can have")]
    TextTooLarge {
        /// The maximum size, in bytes.
        limit: u64,
    },
    /// The policy text is invalid.
    #[error("{0}")]
    Text(#[source] TextProblem),
    /// The engine cannot meter the tests. This is a fault of the host.
    #[error("its tests cannot be run: {0}")]
    NoMeter(#[source] EngineError),
    /// The policy has no verdict on a login with made-up values.
    #[error("it fails a login by `{name}` with made-up values: {error}", name = method.as_str())]
    Smoke {
        /// The method of the login.
        method: Method,
        /// The error of the decision.
        #[source]
        error: EvaluationError,
    },
    /// The file of the assertions is invalid.
    #[error("{0}")]
    Assertions(#[source] Box<AssertionsProblem>),
    /// The policies together fail an assertion of the operator.
    #[error("{0}")]
    Asserted(String),
    /// The policy has no verdict on a login like one that an earlier version has decided.
    #[error(
        "it fails a login by `{name}` like one that this host has decided: {error}",
        name = method.as_str()
    )]
    SmokeSeen {
        /// The method of the login.
        method: Method,
        /// The error of the decision.
        #[source]
        error: EvaluationError,
    },
    /// The policy fails its tests.
    #[error("{failures}")]
    TestsFailed {
        /// The first failures, joined.
        failures: String,
        /// Whether all failures were exceeded time limits.
        transient: bool,
    },
}

impl UnitProblem {
    /// Returns whether the file exceeds its maximum size.
    pub(crate) const fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::TooLarge { .. }
                | Self::SettingsTooLarge { .. }
                | Self::TestsTooLarge { .. }
                | Self::TextTooLarge { .. }
        )
    }
}

impl UnitError {
    /// Returns whether the same content may succeed later, because the machine was at fault and not
    /// the file.
    pub(crate) const fn is_transient(&self) -> bool {
        match &self.problem {
            // The assertions or another policy may change.
            UnitProblem::Assertions(_)
            | UnitProblem::Asserted(_)
            | UnitProblem::Unreadable(_)
            | UnitProblem::Changed
            | UnitProblem::NoThread(_) => true,
            UnitProblem::Load(error) => error.is_transient(),
            UnitProblem::Child(failure) => failure.is_transient(),
            UnitProblem::TestsFailed { transient, .. } | UnitProblem::Refused { transient, .. } => {
                *transient
            }
            // An exceeded time limit is no verdict.
            UnitProblem::Smoke { error, .. } | UnitProblem::SmokeSeen { error, .. } => matches!(
                error,
                EvaluationError::Deadline(_) | EvaluationError::Host(_)
            ),
            _ => false,
        }
    }

    pub(crate) fn new(file: &Path, problem: UnitProblem) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            problem,
        }
    }

    /// Returns the engine's error with the file at fault. The module rejects settings, but the
    /// settings file contains them.
    pub(crate) fn from_load(paths: &Paths, error: LoadError) -> Self {
        let of_settings = matches!(error, LoadError::Settings(_) | LoadError::Limit { .. });
        let file = if of_settings {
            &paths.settings
        } else {
            &paths.module
        };
        Self::new(file, UnitProblem::Load(error))
    }

    /// Returns this error with a line number.
    pub(crate) fn at_line(self, line: Option<usize>) -> Self {
        Self { line, ..self }
    }

    /// Returns the file at fault.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the line at fault, counted from 1. `None` if the error concerns the whole file.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// Returns the problem of the file.
    pub const fn problem(&self) -> &UnitProblem {
        &self.problem
    }
}
