//! Reasons why a decision fails, and the party at fault.

use std::char::DecodeUtf16Error;
use std::str::Utf8Error;
use std::time::Duration;

use portcullis_core::{Denial, DenialClass};
use wasmtime::component::ResourceTableError;
use wasmtime::{OutOfMemory, Trap, WasmBacktrace};

use crate::comparisons::ComparisonsExceeded;
use crate::host::{NoRequest, NoTime};
use crate::limiter::{LimitExceeded, OutputExceeded};
use crate::limits::Limits;
use crate::overrun;
use crate::state::State;
use crate::text::one_line;

mod cause;
mod frames;

pub use frames::Frames;

pub use cause::{
    HandleProblem, LateCause, OutputProblem, PermitFault, RuntimeMessage, TrapCause, TrapCode,
};

/// A reason why a decision failed. The host denies the login in each case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The policy's code trapped: a panic, a division by zero, an access out of bounds.
    #[error("the policy trapped: {0}")]
    Trapped(TrapCause),
    /// The policy ran longer than its limit.
    #[error("the policy ran longer than its deadline of {0:?}")]
    Deadline(Duration),
    /// The request's deadline passed while the host worked for the policy, or soon after. This is
    /// no fault of the policy.
    #[error(transparent)]
    Late(LateCause),
    /// The policy's code used more than its fuel. Only where fuel is limited, as in tests of
    /// policies.
    #[error("the policy needed more than {0} units of fuel")]
    Fuel(u64),
    /// The policy requested more memory, or larger tables, than its limit.
    #[error(transparent)]
    Memory(LimitExceeded),
    /// The policy returned more than its limits allow.
    #[error(transparent)]
    Output(OutputExceeded),
    /// The policy compared the client's secrets more often than its limit, which could be an
    /// attempt to guess.
    #[error(transparent)]
    Comparisons(ComparisonsExceeded),
    /// The host cannot read the policy's output. For example, a text is not UTF-8 or lies outside
    /// of the policy's memory, or the policy does not hold the permit.
    #[error("the policy's output is invalid: {0}")]
    InvalidOutput(OutputProblem),
    /// The policy's permit cannot be signed.
    #[error("the policy's permit is invalid: {0}")]
    InvalidPermit(PermitFault),
    /// The host could not make an instance, or failed in another way.
    #[error("the policy could not be run: {0}")]
    Host(RuntimeMessage),
}

impl EvaluationError {
    /// Returns the class of the denial.
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

    /// Returns the denial for this failure.
    pub fn denial(&self) -> Denial {
        Denial::new(self.class(), self.to_string())
    }

    /// Classifies the failure of a call into the policy.
    pub(crate) fn of_call(error: &wasmtime::Error, state: &State, time: Duration) -> Self {
        // wasmtime's other errors in a call have no public type, and are about the way in which the
        // policy passes its values.
        Self::of_guest(error, state, time).unwrap_or_else(|| {
            let message = RuntimeMessage::root_cause(error);
            Self::InvalidOutput(OutputProblem::Runtime(message))
        })
    }

    /// Classifies the failure of an instantiation, which a lack of slots can cause too.
    pub(crate) fn of_start(error: &wasmtime::Error, state: &State, time: Duration) -> Self {
        Self::of_guest(error, state, time).unwrap_or_else(|| Self::of_host(error))
    }

    /// Returns a failure that no policy caused.
    pub(crate) fn of_host(error: &wasmtime::Error) -> Self {
        Self::Host(RuntimeMessage::with_causes(error))
    }

    /// Returns the failure if the policy certainly caused it. Recognises errors by downcast, never
    /// by text.
    fn of_guest(error: &wasmtime::Error, state: &State, time: Duration) -> Option<Self> {
        if let Some(exceeded) = error.downcast_ref::<LimitExceeded>() {
            return Some(Self::Memory(*exceeded));
        }
        if let Some(exceeded) = error.downcast_ref::<OutputExceeded>() {
            return Some(Self::Output(*exceeded));
        }
        if let Some(exceeded) = error.downcast_ref::<ComparisonsExceeded>() {
            return Some(Self::Comparisons(*exceeded));
        }
        if let Some(no_time) = error.downcast_ref::<NoTime>() {
            return Some(Self::Late(LateCause::Hash(*no_time)));
        }
        if let Some(no_request) = error.downcast_ref::<NoRequest>() {
            return Some(Self::Trapped(TrapCause::NoRequest(*no_request)));
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Some(Self::of_trap(*trap, error, state, time));
        }
        if let Some(problem) = error.downcast_ref::<ResourceTableError>() {
            let limit = Limits::PERMITS;
            return Some(match problem {
                ResourceTableError::Full => Self::Output(OutputExceeded::Permits { limit }),
                other => Self::InvalidOutput(OutputProblem::Handle(other.into())),
            });
        }
        if overrun::is_overrun(error) {
            let limit = state.limits.host_call_bytes;
            return Some(Self::Output(OutputExceeded::Call { limit }));
        }
        if let Some(problem) = error.downcast_ref::<Utf8Error>() {
            return Some(Self::InvalidOutput(OutputProblem::Utf8(*problem)));
        }
        if let Some(problem) = error.downcast_ref::<DecodeUtf16Error>() {
            return Some(Self::InvalidOutput(OutputProblem::Utf16(problem.clone())));
        }
        error
            .is::<OutOfMemory>()
            .then(|| Self::Host(RuntimeMessage::root_cause(error)))
    }

    fn of_trap(trap: Trap, error: &wasmtime::Error, state: &State, time: Duration) -> Self {
        match trap {
            Trap::Interrupt if state.clock.is_late(state.limits.deadline) => {
                Self::Late(LateCause::Policy)
            }
            Trap::Interrupt => Self::Deadline(time),
            Trap::OutOfFuel => Self::Fuel(state.fuel),
            Trap::InvalidChar
            | Trap::InvalidDiscriminant
            | Trap::StringOutOfBounds
            | Trap::ListOutOfBounds
            | Trap::UnalignedPointer => Self::InvalidOutput(OutputProblem::Value(trap.into())),
            _ => Self::Trapped(trap_cause(trap, error, state)),
        }
    }
}

/// Returns the panic message, which the SDK logs just before the trap. Otherwise returns the trap.
/// Either has the functions that the policy was in.
fn trap_cause(trap: Trap, error: &wasmtime::Error, state: &State) -> TrapCause {
    let frames = Frames::new(error.downcast_ref::<WasmBacktrace>());
    // A panic ends in `unreachable`. Before another trap, an error is an ordinary line.
    let panic = state.log.last_error.as_ref();
    match panic.filter(|_| trap == Trap::UnreachableCodeReached) {
        Some(panic) => TrapCause::Panic {
            message: one_line(panic),
            frames,
        },
        None => TrapCause::Code {
            trap: trap.into(),
            frames,
        },
    }
}
