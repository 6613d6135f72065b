//! Proofs of new versions of policies, in a child process of this program or in this process.
//!
//! To prove a version is to parse, componentise, compile, configure, snapshot and test it
//! ([`crate::unit::prove`]). The host does not trust the authors of modules. A module can make the
//! tools that read it overflow their stack or allocate without bound. In a child process, that ends
//! only the child.

mod child;
pub(crate) mod choice;
mod confine;
pub(crate) mod failure;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hearing;
mod in_process;
mod message;
mod parent;
mod process;
mod task;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis_core::PolicyName;
use portcullis_engine::{Engine, Policy};

use crate::content::{Content, Fingerprint};
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::policy_tests::TestOutcome;
use crate::unit_error::UnitError;
pub use child::{ChildError, prove_for_parent};
pub use choice::{ChildProver, Prover};
pub use confine::ChildLimits;
pub use failure::ChildFailure;
pub(crate) use task::{Circumstances, Described, Proof, Task};

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
    pub(crate) policy: Arc<Policy>,
    pub(crate) outcomes: Vec<TestOutcome>,
    pub(crate) content: Arc<Content>,
    /// Duration of the proof.
    pub(crate) elapsed: Duration,
}

/// Reads the files of a unit, and proves it. Fails if their content differs from `found`. Blocks.
pub(crate) fn prove_found(
    engine: &Engine,
    options: &Arc<CatalogOptions>,
    name: &PolicyName,
    paths: &Paths,
    found: Fingerprint,
    circumstances: Circumstances,
) -> Result<Proved, UnitError> {
    let content = Content::read_again(paths, options.source(), found)?;
    let task = Task {
        name: name.clone(),
        paths: paths.clone(),
        content: Arc::new(content),
        options: Arc::clone(options),
        yields: circumstances.yields,
        describes: false,
        cancel: circumstances.cancel,
        seen: circumstances.seen,
    };
    prove(engine, task)
}

/// Proves one version. Blocks.
pub(crate) fn prove(engine: &Engine, task: Task) -> Result<Proved, UnitError> {
    let clock = Arc::clone(&task.options.clock);
    let started = clock.now();
    let (policy, outcomes) = task.options.prover.prove(engine, &task)?.verdict?;
    Ok(Proved {
        policy: Arc::new(policy),
        outcomes,
        content: task.content,
        elapsed: clock.elapsed(started),
    })
}
