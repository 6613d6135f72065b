//! The paths of the files of one policy.

use std::path::{Path, PathBuf};

use portcullis_core::PolicyName;

use crate::languages::{LANGUAGES, Texts};

/// Maximum size of a settings file, in bytes: enough for 200,000 users with password hashes.
const MAX_SETTINGS: u64 = 32 << 20;
/// Maximum size of a test file, in bytes.
pub(crate) const MAX_TESTS: u64 = 1 << 20;
/// Maximum size of a policy text, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// One value for each file of a unit: module, settings, tests, and the policy texts.
pub(crate) type Files<T> = [T; 3 + LANGUAGES.len()];

/// Paths of the files of a unit. The files may be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paths {
    pub(crate) module: PathBuf,
    pub(crate) settings: PathBuf,
    pub(crate) tests: PathBuf,
    pub(crate) texts: Texts<PathBuf>,
}

impl Paths {
    /// Returns the paths of the policy `name` in `directory`.
    pub(crate) fn new(directory: &Path, name: &PolicyName) -> Self {
        Self::from_module(directory.join(format!("{name}.wasm")))
    }

    /// Returns the paths of the files next to `module`.
    pub(crate) fn from_module(module: PathBuf) -> Self {
        Self {
            settings: module.with_extension("toml"),
            tests: module.with_extension("tests.toml"),
            texts: LANGUAGES.map(|language| module.with_extension(language.extension)),
            module,
        }
    }

    /// Returns each path with the maximum size of its file, in bytes.
    pub(crate) fn with_limits(&self, max_module: u64) -> Files<(&Path, u64)> {
        let [cedar, rego] = &self.texts;
        [
            (&self.module, max_module),
            (&self.settings, MAX_SETTINGS),
            (&self.tests, MAX_TESTS),
            (cedar, MAX_TEXT),
            (rego, MAX_TEXT),
        ]
    }

    /// Returns each path.
    pub(crate) fn all(&self) -> Files<&Path> {
        self.with_limits(0).map(|(path, _)| path)
    }
}
