//! Why a decision failed, and whose fault it was.

use std::char::DecodeUtf16Error;
use std::str::Utf8Error;
use std::time::Duration;

use portcullis_core::{Denial, DenialClass, PermitProblem};
use wasmtime::component::ResourceTableError;
use wasmtime::{OutOfMemory, Trap, WasmBacktrace};

use crate::host::{NoRequest, NoTime};
use crate::limiter::{ComparisonsExceeded, LimitExceeded, OutputExceeded};
use crate::limits::Limits;
use crate::load::one_line;
use crate::overrun;
use crate::state::State;

/// Why a decision failed. Every one of these is a deny.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The policy's code trapped: a panic, a division by zero, an access out of bounds.
    #[error("the policy trapped: {0}")]
    Trapped(String),
    /// The policy ran longer than its limit.
    #[error("the policy ran longer than its deadline of {0:?}")]
    Deadline(Duration),
    /// The request's deadline passed while the host worked for the policy, or soon after: no fault of the policy's.
    #[error("{0}")]
    Late(String),
    /// The policy's code did more than it was given fuel for. Only where fuel is limited, as in test vectors.
    #[error("the policy needed more than {0} units of fuel")]
    Fuel(u64),
    /// The policy asked for more memory than its limit, or for larger tables.
    #[error("{0}")]
    Memory(String),
    /// The policy handed over more than its limits.
    #[error("{0}")]
    Output(String),
    /// The policy compared the client's secrets more often than its limit: it may be guessing.
    #[error("{0}")]
    Comparisons(String),
    /// What the policy handed over cannot be read: a text that is not UTF-8 or lies outside its memory, a permit that it does
    /// not hold.
    #[error("the policy's output is invalid: {0}")]
    InvalidOutput(String),
    /// The policy's permit cannot be signed.
    #[error("the policy's permit is invalid: {0}")]
    InvalidPermit(String),
    /// No instance could be made, or something else broke on the host's side.
    #[error("the policy could not be run: {0}")]
    Host(String),
}

impl EvaluationError {
    /// The class of the refusal.
    pub const fn class(&self) -> DenialClass {
        match self {
            Self::Trapped(_) => DenialClass::PolicyTrapped,
            Self::Deadline(_) | Self::Fuel(_) => DenialClass::PolicyDeadline,
            Self::Late(_) => DenialClass::Deadline,
            Self::Memory(_) => DenialClass::PolicyMemory,
            Self::Output(_) => DenialClass::PolicyOutput,
            Self::Comparisons(_) => DenialClass::PolicyComparisons,
            Self::InvalidOutput(_) => DenialClass::InvalidOutput,
            Self::InvalidPermit(_) => DenialClass::InvalidPermit,
            Self::Host(_) => DenialClass::Internal,
        }
    }

    /// The refusal this failure comes to.
    pub fn denial(&self) -> Denial {
        Denial::new(self.class(), self.to_string())
    }

    pub(crate) fn invalid_permit(problems: &[PermitProblem]) -> Self {
        let list: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Self::InvalidPermit(list.join("; "))
    }

    /// Sorts out what made a call into the policy fail.
    pub(crate) fn of_call(error: &wasmtime::Error, state: &State, time: Duration) -> Self {
        // Whatever else wasmtime complains of in a call has no type of its own, and is about how the policy passes its values.
        Self::of_guest(error, state, time)
            .unwrap_or_else(|| Self::InvalidOutput(one_line(&error.root_cause().to_string())))
    }

    /// Sorts out what made the instantiation of a policy fail, which may be for want of a slot too.
    pub(crate) fn of_start(error: &wasmtime::Error, state: &State, time: Duration) -> Self {
        Self::of_guest(error, state, time)
            .unwrap_or_else(|| Self::Host(one_line(&format!("{error:#}"))))
    }

    /// What is the policy's doing for certain. Kinds are found by downcast, never by text.
    fn of_guest(error: &wasmtime::Error, state: &State, time: Duration) -> Option<Self> {
        if let Some(exceeded) = error.downcast_ref::<LimitExceeded>() {
            return Some(Self::Memory(exceeded.to_string()));
        }
        if let Some(exceeded) = error.downcast_ref::<OutputExceeded>() {
            return Some(Self::Output(exceeded.to_string()));
        }
        if let Some(exceeded) = error.downcast_ref::<ComparisonsExceeded>() {
            return Some(Self::Comparisons(exceeded.to_string()));
        }
        if let Some(no_time) = error.downcast_ref::<NoTime>() {
            return Some(Self::Late(no_time.to_string()));
        }
        if let Some(no_request) = error.downcast_ref::<NoRequest>() {
            return Some(Self::Trapped(no_request.to_string()));
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Some(Self::of_trap(*trap, error, state, time));
        }
        if let Some(problem) = error.downcast_ref::<ResourceTableError>() {
            let limit = Limits::PERMITS;
            return Some(match problem {
                ResourceTableError::Full => {
                    Self::Output(OutputExceeded::Permits { limit }.to_string())
                }
                _ => Self::InvalidOutput(problem.to_string()),
            });
        }
        if overrun::is_overrun(error) {
            let limit = state.limits.host_call_bytes;
            return Some(Self::Output(OutputExceeded::Call { limit }.to_string()));
        }
        let text = error.is::<Utf8Error>() || error.is::<DecodeUtf16Error>();
        if text {
            let problem = error.root_cause();
            return Some(Self::InvalidOutput(format!("not a text: {problem}")));
        }
        let memory = error.downcast_ref::<OutOfMemory>()?;
        Some(Self::Host(memory.to_string()))
    }

    fn of_trap(trap: Trap, error: &wasmtime::Error, state: &State, time: Duration) -> Self {
        match trap {
            Trap::Interrupt if state.clock.is_late(state.limits.deadline) => {
                Self::Late("the request's deadline passed while the policy decided".to_owned())
            }
            Trap::Interrupt => Self::Deadline(time),
            Trap::OutOfFuel => Self::Fuel(state.fuel),
            Trap::InvalidChar
            | Trap::InvalidDiscriminant
            | Trap::StringOutOfBounds
            | Trap::ListOutOfBounds
            | Trap::UnalignedPointer => Self::InvalidOutput(trap.to_string()),
            _ => Self::Trapped(trap_message(trap, error, state)),
        }
    }
}

/// The panic message, which the SDK logs just before the trap; else the trap and where it happened.
fn trap_message(trap: Trap, error: &wasmtime::Error, state: &State) -> String {
    if let Some(panic) = &state.log.last_error {
        return one_line(panic);
    }
    let function = error
        .downcast_ref::<WasmBacktrace>()
        .and_then(|trace| trace.frames().first()?.func_name().map(str::to_owned));
    match function {
        Some(name) => format!("{trap} in `{name}`"),
        None => trap.to_string(),
    }
}
