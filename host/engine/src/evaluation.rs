//! Why a decision failed, and whose fault it was.

use portcullis_core::{Denial, DenialClass, PermitProblem};
use wasmtime::{Trap, WasmBacktrace};

use crate::host::NoRequest;
use crate::limits::LimitExceeded;
use crate::load::one_line;
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
    Deadline(std::time::Duration),
    /// The policy's code did more than it was given fuel for. Only where fuel is limited, as in test vectors.
    #[error("the policy needed more than {0} units of fuel")]
    Fuel(u64),
    /// The policy asked for more memory than its limit.
    #[error("{0}")]
    Memory(String),
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
            Self::Memory(_) => DenialClass::PolicyMemory,
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

    /// Sorts out what made a call into the policy fail. Kinds are found by downcast, never by text.
    pub(crate) fn of_call(
        error: &wasmtime::Error,
        state: &State,
        limit: std::time::Duration,
    ) -> Self {
        if let Some(exceeded) = error.downcast_ref::<LimitExceeded>() {
            return Self::Memory(exceeded.to_string());
        }
        if let Some(no_request) = error.downcast_ref::<NoRequest>() {
            return Self::Trapped(no_request.to_string());
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::Deadline(limit),
            Some(trap) => Self::Trapped(trap_message(*trap, error, state)),
            None => Self::Trapped(one_line(&error.root_cause().to_string())),
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
