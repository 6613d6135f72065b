//! Proofs in this process, for programs that cannot start themselves again.
//!
//! A stack overflow ends the process, and so may exhausted memory. Modules that are known to cause
//! either are rejected before they are read ([`portcullis_engine::check_shape`]). The thread has a
//! large stack.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;

use portcullis_engine::{Engine, LoadError, check_shape};

use super::task::{GLANCE, Proof, Task};
use crate::unit;
use crate::unit_error::{UnitError, UnitProblem};

/// Stack size of the thread that proves a version, in bytes. Untouched pages take no memory.
pub(super) const STACK: usize = 64 << 20;

/// Proves a version on a new thread. If the proof takes too long, the thread continues without a
/// receiver for its result. A compiler cannot be interrupted, and the other policies should not
/// wait for it.
pub(super) fn prove(engine: &Engine, task: &Task) -> Result<Proof, UnitError> {
    let module = &task.paths.module;
    let failed = |problem| UnitError::new(module, problem);
    check_shape(&task.content.module).map_err(|error| failed(UnitProblem::Load(error)))?;
    let limit = task.options.load_timeout;
    let (sender, receiver) = channel();
    let (engine, task_of_thread) = (engine.clone(), task.clone());
    let work = move || {
        // If the proof took too long, the receiver is gone.
        let _ = sender.send(here(&engine, &task_of_thread));
    };
    let thread = Builder::new()
        .name("portcullis-load".to_owned())
        .stack_size(STACK);
    thread
        .spawn(work)
        .map_err(|error| failed(UnitProblem::NoThread(error)))?;
    let clock = &*task.options.clock;
    let started = clock.now();
    loop {
        let left = limit.saturating_sub(clock.elapsed(started));
        match receiver.recv_timeout(GLANCE.min(left)) {
            Ok(proof) => return Ok(proof),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(failed(UnitProblem::Load(LoadError::HostPanic)));
            }
            Err(RecvTimeoutError::Timeout) if task.is_stopped() => {
                return Err(failed(UnitProblem::Stopped));
            }
            Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                return Err(failed(UnitProblem::TooSlow { limit }));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Proves a version on the caller's thread.
pub(super) fn here(engine: &Engine, task: &Task) -> Proof {
    let engine = if task.yields {
        engine.low_priority()
    } else {
        engine.clone()
    };
    Proof {
        description: task.describes.then(|| unit::describe(&engine, task)),
        verdict: unit::prove(&engine, task),
    }
}
