//! The failure of a child process that proves a version.

use bytesize::ByteSize;

/// The reason why a child gave no valid answer. The message is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChildFailure {
    /// Reading the module overflowed the child's stack.
    #[error("it is nested too deep: the process that loaded it ran out of stack")]
    Stack,
    /// The child reached its memory limit.
    #[error(
        "loading it takes more than {} of memory; raise `load-memory` under [policies] if that is meant",
        ByteSize::b(*limit).display().iec()
    )]
    Memory {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The child reached its limit of processor time.
    #[error(
        "loading it takes too much processor time; raise `load-timeout` under [policies] if that is meant"
    )]
    ProcessorTime,
    /// A signal ended the child.
    #[error("the process that loaded it was ended by signal {0}")]
    Signal(i32),
    /// The child ended by itself, without an answer.
    #[error("the process that loaded it ended without an answer{0}")]
    Ended(String),
    /// The child's answer is invalid.
    #[error("the process that loaded it is not to be believed: {0}")]
    Nonsense(String),
}

impl ChildFailure {
    /// Returns whether the same version may succeed later. Signal 9 comes from another process or
    /// from the kernel's out-of-memory killer.
    pub(crate) const fn is_transient(&self) -> bool {
        matches!(self, Self::Signal(9))
    }
}
