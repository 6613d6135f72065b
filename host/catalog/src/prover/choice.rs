//! The choice of a place for proofs: this process or a child process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The place where new versions of policies are proved.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Prover {
    /// A thread of this process, for programs that cannot start themselves again. Modules that are
    /// known to exhaust the stack or memory of the tools are rejected before the tools read them.
    /// Other modules can still exhaust the memory of this process.
    #[default]
    InProcess,
    /// A child process.
    Child(ChildProver),
}

/// A program that proves one version and ends: this program, started again, which calls
/// [`prove_for_parent`](crate::prove_for_parent).
#[derive(Clone, Debug)]
pub struct ChildProver {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) said: Arc<Said>,
}

/// Flags of the messages that the log contains once.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) confinement: AtomicBool,
    pub(super) no_child: AtomicBool,
}

impl ChildProver {
    /// Returns a prover that starts `program` with `arguments` and two more: `--memory=BYTES` and
    /// `--processor-time=SECONDS`, the [`ChildLimits`](crate::ChildLimits).
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            variables: Vec::new(),
            said: Arc::default(),
        }
    }

    /// Adds an environment variable of the child, which has no others. An allocator may reserve
    /// memory in advance, which counts against the memory limit although unused. A variable can
    /// turn that off.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Returns a prover that starts the program of this process with `arguments`. On Linux that is
    /// the same file even after it was replaced on disk.
    ///
    /// # Errors
    ///
    /// Fails if the system does not name the program's file.
    #[expect(
        clippy::disallowed_methods,
        reason = "a process asks about itself in `/proc`, not on a disk"
    )]
    pub fn this_program(
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> std::io::Result<Self> {
        let link = PathBuf::from("/proc/self/exe");
        let program = if link.exists() {
            link
        } else {
            std::env::current_exe()?
        };
        Ok(Self::new(program, arguments))
    }
}
