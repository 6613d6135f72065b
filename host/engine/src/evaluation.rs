//! Reasons why a decision fails, and the party at fault.

use std::char::DecodeUtf16Error;
use std::str::Utf8Error;
use std::time::Duration;

use portcullis_core::{Denial, DenialClass, PermitProblem};
use wasmtime::component::ResourceTableError;
use wasmtime::{OutOfMemory, Trap, WasmBacktrace};

use crate::comparisons::ComparisonsExceeded;
use crate::host::{NoRequest, NoTime};
use crate::limiter::{LimitExceeded, OutputExceeded};
use crate::limits::Limits;
use crate::overrun;
use crate::state::State;
use crate::text::one_line;

/// A reason why a decision failed. The host denies the login in each case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The policy's code trapped: a panic, a division by zero, an access out of bounds.
    #[error("the policy trapped: {0}")]
    Trapped(String),
    /// The policy ran longer than its limit.
    #[error("the policy ran longer than its deadline of {0:?}")]
    Deadline(Duration),
    /// The request's deadline passed while the host worked for the policy, or soon after. This is
    /// no fault of the policy.
    #[error("{0}")]
    Late(String),
    /// The policy's code used more than its fuel. Only where fuel is limited, as in tests of
    /// policies.
    #[error("the policy needed more than {0} units of fuel")]
    Fuel(u64),
    /// The policy requested more memory, or larger tables, than its limit.
    #[error("{0}")]
    Memory(String),
    /// The policy returned more than its limits allow.
    #[error("{0}")]
    Output(String),
    /// The policy compared the client's secrets more often than its limit, which could be an
    /// attempt to guess.
    #[error("{0}")]
    Comparisons(String),
    /// The host cannot read the policy's output. For example, a text is not UTF-8 or lies outside
    /// of the policy's memory, or the policy does not hold the permit.
    #[error("the policy's output is invalid: {0}")]
    InvalidOutput(String),
    /// The policy's permit cannot be signed.
    #[error("the policy's permit is invalid: {0}")]
    InvalidPermit(String),
    /// The host could not make an instance, or failed in another way.
    #[error("the policy could not be run: {0}")]
    Host(String),
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

    pub(crate) fn invalid_permit(problems: &[PermitProblem]) -> Self {
        let list: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Self::InvalidPermit(list.join("; "))
    }

    /// Classifies the failure of a call into the policy.
    pub(crate) fn of_call(error: &wasmtime::Error, state: &State, time: Duration) -> Self {
        // wasmtime's other errors in a call have no public type, and are about the way in which the
        // policy passes its values.
        Self::of_guest(error, state, time)
            .unwrap_or_else(|| Self::InvalidOutput(one_line(&error.root_cause().to_string())))
    }

    /// Classifies the failure of an instantiation, which a lack of slots can cause too.
    pub(crate) fn of_start(error: &wasmtime::Error, state: &State, time: Duration) -> Self {
        Self::of_guest(error, state, time)
            .unwrap_or_else(|| Self::Host(one_line(&format!("{error:#}"))))
    }

    /// Returns the failure if the policy certainly caused it. Recognises errors by downcast, never
    /// by text.
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

/// Returns the panic message, which the SDK logs just before the trap. Otherwise returns the trap
/// and its function.
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
