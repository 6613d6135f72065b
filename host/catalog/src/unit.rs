//! One policy as its author ships it, a module and its settings file: what proving it is. Where that is done: [`crate::prover`].

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_core::{Method, PolicyName};
use portcullis_engine::{Engine, EngineError, EvaluationError, LoadError, Policy, Source};
use portcullis_files::{FileKind, ReadError};

use crate::catalog::CatalogOptions;
use crate::content::{Content, Paths};
use crate::prover::ChildFailure;
use crate::settings::{SettingsFile, json_of};
use crate::signature::{self, SignatureError, SignedFiles};
use crate::smoke;
use crate::terms::Terms;
use crate::vectors::{TestOutcome, TestVectors};

/// Why a unit is not put in service: which file, where in it, and what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("`{}`{}: {problem}", file.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct UnitError {
    file: PathBuf,
    line: Option<usize>,
    problem: UnitProblem,
}

/// What is wrong with a file. One line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitProblem {
    /// It is there and cannot be read.
    #[error("{0}")]
    Unreadable(#[source] ReadError),
    /// Its content is another one than at the first look.
    #[error("changed while it was read; the host reads it again")]
    Changed,
    /// It is a link to a file of another policy.
    #[error(
        "is a link to `{target}`, a file of another policy: copy that file, or link both to one outside of the policy directory"
    )]
    ForeignFile {
        /// Name of the other policy's file.
        target: String,
    },
    /// The policies of the directory are too large together.
    #[error(
        "does not fit: the policy directory has more than {limit} bytes of policies, so remove some"
    )]
    DirectoryFull {
        /// The most, in bytes.
        limit: u64,
    },
    /// A directory, a FIFO, a device.
    #[error("is {0}, not a regular file")]
    NotAFile(FileKind),
    /// It is larger than the host takes.
    #[error("larger than {limit} bytes; raise `max-module-size` under [policies] if that is meant")]
    TooLarge {
        /// The most, in bytes.
        limit: u64,
    },
    /// A settings file that no policy needs.
    #[error("larger than {limit} bytes, the most a settings file can have")]
    SettingsTooLarge {
        /// The most, in bytes.
        limit: u64,
    },
    /// The settings file is not what it should be.
    #[error("{0}")]
    Settings(String),
    /// The engine refuses the module or its settings.
    #[error("{0}")]
    Load(#[source] LoadError),
    /// The module needs settings, and has no settings file.
    #[error("there is no `{settings}` beside it, and without settings: {error}")]
    NoSettings {
        /// The name of the file.
        settings: String,
        /// What the module says.
        #[source]
        error: LoadError,
    },
    /// It takes too long to compile, or its tests do.
    #[error("not loaded within {limit:?}; raise `load-timeout` under [policies] if that is meant")]
    TooSlow {
        /// The most.
        limit: Duration,
    },
    /// The process that loads it came to no answer.
    #[error("{0}")]
    Child(ChildFailure),
    /// The process that loaded it refuses it.
    #[error("{problem}")]
    Refused {
        /// What is wrong, as any of the others would say it.
        problem: String,
        /// Whether the same content may do better another time.
        transient: bool,
    },
    /// The host stops, so it is not loaded any more.
    #[error("not loaded, because the host stops")]
    Stopped,
    /// There is no thread to load it on.
    #[error("cannot be loaded now: {0}")]
    NoThread(#[source] io::Error),
    /// Nobody who is trusted vouches for the module.
    #[error("{0}")]
    Signature(#[source] SignatureError),
    /// A test file that is larger than any should be.
    #[error("larger than {limit} bytes, the most a test file can have")]
    TestsTooLarge {
        /// The most, in bytes.
        limit: u64,
    },
    /// The test file is not what it should be.
    #[error("{0}")]
    Tests(String),
    /// What tests cost cannot be counted: a fault of the host.
    #[error("its tests cannot be run: {0}")]
    NoMeter(#[source] EngineError),
    /// The policy has no verdict on a login with made-up values.
    #[error("it fails a login by `{name}` with made-up values: {error}", name = method.as_str())]
    Smoke {
        /// What the login presents.
        method: Method,
        /// How the decision failed.
        #[source]
        error: EvaluationError,
    },
    /// The policy does not do what its tests say.
    #[error("{failures}")]
    TestsFailed {
        /// The first failures, joined.
        failures: String,
        /// Whether all of them were for want of time.
        transient: bool,
    },
}

impl UnitProblem {
    /// Returns whether the file is larger than was to be read of it.
    pub(crate) const fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::TooLarge { .. } | Self::SettingsTooLarge { .. } | Self::TestsTooLarge { .. }
        )
    }
}

impl UnitError {
    /// Whether the same content may do better another time: the machine was at fault, not the file.
    pub(crate) const fn is_transient(&self) -> bool {
        match &self.problem {
            UnitProblem::Unreadable(_) | UnitProblem::Changed | UnitProblem::NoThread(_) => true,
            UnitProblem::Load(error) => error.is_transient(),
            UnitProblem::Child(failure) => failure.is_transient(),
            UnitProblem::TestsFailed { transient, .. } | UnitProblem::Refused { transient, .. } => {
                *transient
            }
            // Want of time is no verdict.
            UnitProblem::Smoke { error, .. } => matches!(
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

    /// What the engine says of a unit, with the file at fault: settings are refused by the module but written in another file.
    pub(crate) fn of_load(paths: &Paths, error: LoadError) -> Self {
        let of_settings = matches!(error, LoadError::Settings(_) | LoadError::Limit { .. });
        let file = if of_settings {
            &paths.settings
        } else {
            &paths.module
        };
        Self::new(file, UnitProblem::Load(error))
    }

    /// The same, found in `line`.
    pub(crate) fn at_line(self, line: Option<usize>) -> Self {
        Self { line, ..self }
    }

    /// The file at fault.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line at fault, from 1.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// What is wrong.
    pub const fn problem(&self) -> &UnitProblem {
        &self.problem
    }
}

/// Checks, compiles and configures a unit, and runs its tests.
pub(crate) fn prove(
    engine: &Engine,
    name: &PolicyName,
    paths: &Paths,
    content: &Content,
    options: &CatalogOptions,
) -> Result<(Policy, Vec<TestOutcome>), UnitError> {
    // Before anything is compiled: what nobody vouches for is not even looked at.
    let files = SignedFiles {
        settings: content.fingerprint.settings,
        tests: content.fingerprint.tests,
    };
    signature::check(&content.module, files, &options.trusted_publishers)
        .map_err(|error| UnitError::new(&paths.module, UnitProblem::Signature(error)))?;
    let tests = match &content.tests {
        Some(bytes) => TestVectors::parse(&paths.tests, bytes)?,
        None => TestVectors::default(),
    };
    let terms = options.terms(name);
    let policy = configure(engine, name, paths, content, &terms)?;
    let outcomes = run(&tests, &policy, engine, name, paths, content, &terms)?;
    // What failed a test is known already, and in better words.
    if outcomes.iter().all(|outcome| outcome.failure.is_none()) {
        smoke::check(&policy, paths)?;
    }
    policy.end_idle_instances();
    Ok((policy, outcomes))
}

/// Runs the tests of a unit on the policy that is to serve, and on one that was made of the same bytes by an engine with a meter.
fn run(
    tests: &TestVectors,
    policy: &Policy,
    engine: &Engine,
    name: &PolicyName,
    paths: &Paths,
    content: &Content,
    terms: &Terms,
) -> Result<Vec<TestOutcome>, UnitError> {
    if tests.is_empty() {
        return Ok(Vec::new());
    }
    let metered = engine
        .metered()
        .map_err(|error| UnitError::new(&paths.tests, UnitProblem::NoMeter(error)))?;
    let metered = configure(&metered, name, paths, content, terms)?;
    Ok(tests.run(policy, &metered))
}

/// Compiles and configures a unit under `terms`.
fn configure(
    engine: &Engine,
    name: &PolicyName,
    paths: &Paths,
    content: &Content,
    terms: &Terms,
) -> Result<Policy, UnitError> {
    let file = SettingsFile::read(&paths.settings, content.settings.as_deref(), name, terms)?;
    let settings = json_of(toml::Value::Table(file.settings)).to_string();
    let source = Source {
        name,
        module: &content.module,
        settings: &settings,
    };
    let loaded = Policy::load(engine, source, file.limits, terms.grants.clone());
    let policy = loaded.map_err(|error| match error {
        // The module refuses them, but they are written in the other file, if there is one.
        LoadError::Settings(_) if content.settings.is_none() => {
            let settings = paths.settings.file_name().unwrap_or_default();
            let settings = settings.to_string_lossy().into_owned();
            let problem = UnitProblem::NoSettings { settings, error };
            UnitError::new(&paths.module, problem)
        }
        error => UnitError::of_load(paths, error),
    })?;
    Ok(match file.decisions_per_instance {
        Some(decisions) => policy.reusing(decisions),
        None => policy,
    })
}
