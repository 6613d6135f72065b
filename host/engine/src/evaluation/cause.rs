//! Causes of failed decisions.

use std::char::DecodeUtf16Error;
use std::fmt;
use std::str::Utf8Error;

use portcullis_core::PermitProblem;
use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

use super::frames::Frames;
use crate::host::{NoRequest, NoTime};
use crate::text::one_line;

/// A cause of a trap of the policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrapCause {
    /// The policy panicked.
    #[error("{message}{}{frames}", cure(.message))]
    Panic {
        /// The message with file and line, which the SDK logs before the trap.
        message: String,
        /// The functions that the policy was in.
        frames: Frames,
    },
    /// The code trapped without a message.
    #[error("{trap}{}{frames}", without_panic(*.trap))]
    Code {
        /// The trap.
        trap: TrapCode,
        /// The functions that the policy was in.
        frames: Frames,
    },
    /// The policy asked for facts of a request while it was configured.
    #[error(transparent)]
    NoRequest(NoRequest),
    /// The policy refuses, before a decision, the settings that it accepted before.
    #[error("it refuses the settings that it took when it was loaded")]
    SettingsRefused,
}

/// A cause of a decision that missed the request's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LateCause {
    /// The comparison with a password hash was not computed in time.
    #[error(transparent)]
    Hash(NoTime),
    /// The policy was still deciding.
    #[error("the request's deadline passed while the policy decided")]
    Policy,
}

/// A reason why the host cannot read a policy's output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputProblem {
    /// A text is not UTF-8.
    #[error("not a text: {0}")]
    Utf8(Utf8Error),
    /// A text is not UTF-16, which the policy chose as its encoding.
    #[error("not a text: {0}")]
    Utf16(DecodeUtf16Error),
    /// A value does not have the form that the contract demands.
    #[error("{0}")]
    Value(TrapCode),
    /// The policy does not hold the permit that it names.
    #[error(transparent)]
    Handle(HandleProblem),
    /// An error of wasmtime that has no public type.
    #[error("{0}")]
    Runtime(RuntimeMessage),
}

/// A reason why the host cannot sign a permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PermitFault {
    /// The policy does not hold the permit that it answers with.
    #[error(transparent)]
    Handle(HandleProblem),
    /// The permit has these problems.
    #[error("{}", Joined(.0))]
    Problems(Vec<PermitProblem>),
}

/// A reason why a handle of a policy stands for no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandleProblem {
    /// The policy holds more permits than the host keeps.
    #[error("resource table has no free keys")]
    Full,
    /// The handle stands for nothing.
    #[error("resource not present")]
    NotPresent,
    /// The handle stands for another resource.
    #[error("resource is of another type")]
    WrongType,
    /// Another resource depends on the permit.
    #[error("resource has children")]
    HasChildren,
}

/// A trap of WebAssembly code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrapCode(Trap);

/// The message of a wasmtime error that has no public type, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeMessage(String);

impl RuntimeMessage {
    /// Returns the message of `error` with its causes.
    pub(crate) fn with_causes(error: &wasmtime::Error) -> Self {
        Self(one_line(&format!("{error:#}")))
    }

    /// Returns the message of the innermost cause of `error`.
    pub(crate) fn root_cause(error: &wasmtime::Error) -> Self {
        Self(one_line(&error.root_cause().to_string()))
    }
}

impl From<Trap> for TrapCode {
    fn from(trap: Trap) -> Self {
        Self(trap)
    }
}

impl From<&ResourceTableError> for HandleProblem {
    fn from(error: &ResourceTableError) -> Self {
        match error {
            ResourceTableError::Full => Self::Full,
            ResourceTableError::NotPresent => Self::NotPresent,
            ResourceTableError::WrongType => Self::WrongType,
            ResourceTableError::HasChildren => Self::HasChildren,
        }
    }
}

impl fmt::Display for TrapCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for RuntimeMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Returns the way out of a panic of the standard library, which names none: the target of policies
/// compiles what it cannot do.
fn cure(message: &str) -> &'static str {
    if message.contains("time not implemented on this platform") {
        "; a policy has no clock: use `Request::now`, the time of the login"
    } else if message.contains("failed to spawn thread") {
        "; a policy has no threads: call the function directly"
    } else if message.contains("can't sleep") {
        "; a policy cannot wait: decide at once"
    } else if message.contains("sys/env/unsupported.rs")
        || message.contains("`Err` value: NotPresent")
    {
        "; a policy has no environment: use its settings"
    } else if message.contains("operation not supported on this platform") {
        "; a policy has no files and no network: use its settings, or look a key up in a bucket"
    } else if message.contains("called `Option::unwrap()` on a `None` value") {
        "; a login may lack a fact, such as a claim: deny or abstain then, in place of `unwrap`"
    } else {
        ""
    }
}

/// Returns where a trap without a panic comes from in Rust, if its own message does not say it.
fn without_panic(trap: TrapCode) -> &'static str {
    match trap.0 {
        Trap::UnreachableCodeReached => {
            ", and no panic said why, as after `std::process::exit` and `abort`"
        }
        _ => "",
    }
}

/// Problems of a permit in one line.
struct Joined<'a>(&'a [PermitProblem]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{problem}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_for_want_of_what_the_target_lacks_has_a_cure() {
        for (message, part) in [
            ("time not implemented on this platform", "no clock"),
            ("failed to spawn thread: Error { … }", "no threads"),
            ("can't sleep", "cannot wait"),
            (
                "called `Result::unwrap()` on an `Err` value: NotPresent",
                "no environment",
            ),
            (
                "called `Result::unwrap()` on an `Err` value: Error { kind: Unsupported, message: \"operation not supported on this platform\" }",
                "no files and no network",
            ),
            (
                "panicked at src/lib.rs:31:5: called `Option::unwrap()` on a `None` value",
                "deny or abstain",
            ),
            (
                "panicked at library/std/src/sys/env/unsupported.rs:20:5: not supported on this platform",
                "no environment",
            ),
        ] {
            assert!(cure(message).contains(part), "{message}");
        }
        assert_eq!(cure("index out of bounds"), "");
    }
}
