//! What to test, and how to report it.

use std::path::PathBuf;

/// What to test, and how to report it.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestOptions {
    /// The configuration whose policy directory, limits and rules apply.
    pub(crate) config: Option<PathBuf>,
    /// With a configuration, names of policies, modules and crates. Otherwise modules, crates and
    /// directories.
    pub(crate) which: Vec<String>,
    /// The text that the names of the reported tests contain.
    pub(crate) filter: Option<String>,
    /// Whether to report what each decision asked.
    pub(crate) asked: bool,
    /// Whether to report as JSON.
    pub(crate) json: bool,
    /// The file for a report in the format of `JUnit`.
    pub(crate) junit: Option<PathBuf>,
    /// Whether failed tests get the verdicts that their policies answered.
    pub(crate) update: bool,
}
