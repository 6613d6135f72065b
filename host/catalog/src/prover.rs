//! Proofs of new versions of policies, in a child process of this program or in this process.
//!
//! To prove a version is to parse, componentise, compile, configure, snapshot and test it
//! ([`crate::unit::prove`]). The host does not trust the authors of modules. A module can make the
//! tools that read it overflow their stack or allocate without bound. In a child process, that ends
//! only the child.

mod child;
mod confine;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hearing;
mod in_process;
mod message;
mod parent;
mod process;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portcullis_core::PolicyName;
use portcullis_engine::{Description, Engine, Policy};

use crate::catalog::CatalogOptions;
use crate::content::{Content, Fingerprint, Paths};
use crate::policy_tests::TestOutcome;
use crate::unit::UnitError;
pub use child::{ChildError, prove_for_parent};
pub use confine::ChildLimits;
pub use process::ChildFailure;

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
/// [`prove_for_parent`].
#[derive(Clone, Debug)]
pub struct ChildProver {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    said: Arc<Said>,
}

/// Flags of the messages that the log contains once.
#[derive(Debug, Default)]
struct Said {
    confinement: AtomicBool,
    no_child: AtomicBool,
}

impl ChildProver {
    /// Returns a prover that starts `program` with `arguments` and two more: `--memory=BYTES` and
    /// `--processor-time=SECONDS`, the [`ChildLimits`].
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

/// A signal that ends running proofs and rejects later ones, for a host that stops. Clones share
/// state.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the running proofs, and kills their child processes. A thread that waits for a version
    /// notices within a fraction of a second.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Returns whether [`stop`](Self::stop) was called.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// One version to prove.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) name: PolicyName,
    pub(crate) paths: Paths,
    pub(crate) content: Arc<Content>,
    pub(crate) options: Arc<CatalogOptions>,
    /// Whether compilation yields the processors to logins.
    pub(crate) yields: bool,
    /// Whether the proof also describes the module.
    pub(crate) describes: bool,
    /// Signal that ends this proof alone.
    pub(crate) cancel: Stop,
}

impl Task {
    /// Returns whether the host stops, or the version is no longer needed.
    fn is_stopped(&self) -> bool {
        self.options.stop.is_stopped() || self.cancel.is_stopped()
    }
}

/// The result of proving a version.
pub(crate) struct Proof {
    /// The description of the module. `None` if the task does not ask for one.
    pub(crate) description: Option<Result<Description, UnitError>>,
    /// The policy, ready to serve, and the outcomes of its tests.
    pub(crate) verdict: Result<(Policy, Vec<TestOutcome>), UnitError>,
}

/// Interval at which a thread that waits for a version checks whether the host stops.
const GLANCE: Duration = Duration::from_millis(20);

impl Prover {
    /// Returns the number of versions to prove at the same time while no policy serves.
    pub(crate) fn at_once(&self) -> usize {
        match self {
            // One compilation already uses all processors.
            Self::InProcess => 1,
            Self::Child(_) => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// Proves a version within `load-timeout`, and checks the permits of its tests by the host's
    /// own rules. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if the proof has no result: it took too long, its child died, or the host stops.
    pub(crate) fn prove(&self, engine: &Engine, task: &Task) -> Result<Proof, UnitError> {
        let mut proof = self.prove_alone(engine, task)?;
        if let (Some(check), Ok((_, outcomes))) =
            (task.options.permit_check(&task.name), &mut proof.verdict)
        {
            for outcome in outcomes {
                outcome.hold_to(check, &task.name);
            }
        }
        Ok(proof)
    }

    fn prove_alone(&self, engine: &Engine, task: &Task) -> Result<Proof, UnitError> {
        let Self::Child(child) = self else {
            return in_process::prove(engine, task);
        };
        match child.start(&task.options) {
            Ok(process) => parent::prove(child, process, engine, task),
            Err(error) => {
                if !child.said.no_child.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        program = %child.program.display(),
                        error = %error,
                        "no child process can be made: policies are proved in this process, whose memory they can fill"
                    );
                }
                in_process::prove(engine, task)
            }
        }
    }
}

/// A proved version, and the outcomes of its tests.
pub(crate) struct Proved {
    pub(crate) policy: Policy,
    pub(crate) outcomes: Vec<TestOutcome>,
    pub(crate) content: Arc<Content>,
    /// Duration of the proof.
    pub(crate) elapsed: Duration,
}

/// Calls `work` with each of `items`, on at most `at_once` threads at the same time. Returns the
/// results in the order of the items. Blocks.
pub(crate) fn in_parallel<T: Send, R: Send>(
    at_once: usize,
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let threads = at_once.min(items.len());
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let waiting = Mutex::new(items.into_iter().enumerate());
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.next()
    };
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, item)) = next() {
                    let result = work(item);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Reads the files of a unit, and proves it. Fails if their content differs from `found`. Blocks.
pub(crate) fn prove_found(
    engine: &Engine,
    options: &Arc<CatalogOptions>,
    name: &PolicyName,
    paths: &Paths,
    found: Fingerprint,
    yields: bool,
    cancel: &Stop,
) -> Result<Proved, UnitError> {
    let content = Content::read_again(paths, options.max_module_size, found)?;
    let task = Task {
        name: name.clone(),
        paths: paths.clone(),
        content: Arc::new(content),
        options: Arc::clone(options),
        yields,
        describes: false,
        cancel: cancel.clone(),
    };
    prove(engine, task)
}

/// Proves one version. Blocks.
pub(crate) fn prove(engine: &Engine, task: Task) -> Result<Proved, UnitError> {
    let started = Instant::now();
    let (policy, outcomes) = task.options.prover.prove(engine, &task)?.verdict?;
    Ok(Proved {
        policy,
        outcomes,
        content: task.content,
        elapsed: started.elapsed(),
    })
}
