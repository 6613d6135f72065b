//! Where new versions of policies are proved: in a child process of this program, or in this process.
//!
//! To prove a version is to parse, componentise, compile, configure, snapshot and test it ([`crate::unit::prove`]). A module is
//! written by people whom the host does not trust, and the tools that read it can be made to overflow their stack or to allocate
//! without bound. In a child that ends the child.

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
use crate::unit::UnitError;
use crate::vectors::TestOutcome;
pub use child::{ChildError, ChildLimits, prove_for_parent};
pub use process::ChildFailure;

/// Where new versions of policies are proved.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Prover {
    /// In this process, on a thread of its own. Modules that are known to hurt the tools that read them are refused before they are
    /// read; memory is not limited. For programs that cannot start themselves again.
    #[default]
    InProcess,
    /// In a child process.
    Child(ChildProver),
}

/// A program that proves one version and ends: this one, started again, which calls [`prove_for_parent`].
#[derive(Clone, Debug)]
pub struct ChildProver {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    said: Arc<Said>,
}

/// What the log says once.
#[derive(Debug, Default)]
struct Said {
    confinement: AtomicBool,
    no_child: AtomicBool,
}

impl ChildProver {
    /// Starts `program` with `arguments`, to which two are added: `--memory=BYTES` and `--processor-time=SECONDS`, the
    /// [`ChildLimits`].
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

    /// The same with this environment variable; a child has no others. An allocator that reserves memory in advance, which counts
    /// although it is not used, can be told not to.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Starts the program that this process runs, the very file also after it was replaced on disk, with `arguments`.
    ///
    /// # Errors
    ///
    /// When the system does not say which file that is.
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

/// Ends the proving that is under way, and refuses what would begin later: for a host that stops. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Kills the children that prove. A thread that waits for a version hears of it within a fraction of a second.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether [`stop`](Self::stop) was called.
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
    /// Whether compiling leaves the processors to logins.
    pub(crate) yields: bool,
    /// Whether the module is described too.
    pub(crate) describes: bool,
    /// Ends this proof alone.
    pub(crate) cancel: Stop,
}

impl Task {
    /// Returns whether the host stops, or the version is no longer wanted.
    fn is_stopped(&self) -> bool {
        self.options.stop.is_stopped() || self.cancel.is_stopped()
    }
}

/// What proving a version came to.
pub(crate) struct Proof {
    /// What the module is; `None` if the task did not ask.
    pub(crate) description: Option<Result<Description, UnitError>>,
    /// The policy, ready to serve, and what its tests came to.
    pub(crate) verdict: Result<(Policy, Vec<TestOutcome>), UnitError>,
}

/// Interval at which a thread that waits for a version looks whether the host stops.
const GLANCE: Duration = Duration::from_millis(20);

impl Prover {
    /// How many versions are proved at the same time while nothing serves.
    pub(crate) fn at_once(&self) -> usize {
        match self {
            // One compilation takes all processors already.
            Self::InProcess => 1,
            Self::Child(_) => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// Proves a version within `load-timeout`, and holds what its tests permit to the host's own rules. Blocks.
    ///
    /// # Errors
    ///
    /// When it did not come to a proof: it took too long, its child died, the host stops.
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

/// A version that was proved, and what its tests came to.
pub(crate) struct Proved {
    pub(crate) policy: Policy,
    pub(crate) outcomes: Vec<TestOutcome>,
    pub(crate) content: Arc<Content>,
    /// How long that took.
    pub(crate) elapsed: Duration,
}

/// Does `work` on each of `items`, on at most `at_once` threads at the same time. Returns the
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

/// Reads the files of a unit, which must still have the content that was found, and proves it.
/// Blocks.
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
