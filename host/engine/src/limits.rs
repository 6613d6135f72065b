//! What a policy may use.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What one policy may use for one decision, and for `configure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest a decision may run inside the policy. Time the host spends on a slow password hash does not count.
    pub deadline: Duration,
    /// Most linear memory, in bytes. At most [`Limits::MAX_MEMORY`].
    pub memory: usize,
}

/// What a policy may ask for beyond the ordinary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Read passwords, tokens and JWTs in the clear (the interface `secrets`).
    pub secrets: bool,
}

impl Limits {
    /// The most memory any policy can be given: the size of a slot in the instance pool.
    pub const MAX_MEMORY: usize = 64 << 20;
    /// Longest `configure` may run.
    pub(crate) const CONFIGURE_DEADLINE: Duration = Duration::from_secs(5);
    /// Most elements in all tables of a policy together.
    pub(crate) const TABLE_ELEMENTS: usize = 20_000;
    /// Most bytes a policy may pass to the host in one call.
    pub(crate) const HOST_CALL_BYTES: usize = 1 << 20;
    /// Most permits alive at once in one decision.
    pub(crate) const PERMITS: usize = 64;
    /// Most log lines per decision.
    pub(crate) const LOG_LINES: u32 = 32;
    /// Longest log line, and longest reason of a deny, in bytes.
    pub(crate) const LINE_BYTES: usize = 1024;
    /// Longest refusal of settings, in bytes: it may list many problems.
    pub(crate) const REFUSAL_BYTES: usize = 16 << 10;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(100),
            memory: 16 << 20,
        }
    }
}

/// A policy asked for more than [`Limits`] give. Raised as a trap, found again by downcast.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum LimitExceeded {
    /// Linear memory.
    #[error("it asked for {desired} bytes of memory, more than its limit of {limit}")]
    Memory { desired: usize, limit: usize },
    /// Tables.
    #[error("it asked for {desired} table elements, more than its limit of {limit}")]
    Table { desired: usize, limit: usize },
}

/// Holds a store to its limits, which are for all its memories and all its tables together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limiter {
    memory_limit: usize,
    memory: usize,
    elements: usize,
}

impl Limiter {
    pub(crate) const fn new(memory_limit: usize) -> Self {
        Self {
            memory_limit,
            memory: 0,
            elements: 0,
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.memory_limit;
        grow(&mut self.memory, current, desired, limit)
            .map_err(|desired| LimitExceeded::Memory { desired, limit }.into())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = Limits::TABLE_ELEMENTS;
        grow(&mut self.elements, current, desired, limit)
            .map_err(|desired| LimitExceeded::Table { desired, limit }.into())
    }
}

/// Adds to `total` what one of its parts grows by, from `current` to `desired`; the total it would come to is the error if that is
/// more than `limit`.
fn grow(total: &mut usize, current: usize, desired: usize, limit: usize) -> Result<bool, usize> {
    let grown = total.saturating_add(desired.saturating_sub(current));
    if grown > limit {
        return Err(grown);
    }
    *total = grown;
    Ok(true)
}
