//! Holds an instance to its limits of memory and tables.

use wasmtime::ResourceLimiter;

use crate::limits::Limits;

/// A policy asked for more than its limits give. Raised as a trap, found again by downcast.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum LimitExceeded {
    /// Linear memory.
    #[error(
        "it asked for {desired} bytes of memory, more than its limit of {limit}; raise `memory` under [limits] in its settings file if \
         that is meant"
    )]
    Memory { desired: usize, limit: usize },
    /// Tables.
    #[error(
        "it asked for {desired} table elements, more than its limit of {limit}; raise `tables` under [limits] in its settings file if \
         that is meant"
    )]
    Table { desired: usize, limit: usize },
}

/// A policy handed over more than it may. Raised as a trap, found again by downcast.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum OutputExceeded {
    /// In one call.
    #[error("it handed over more than its limit of {limit} bytes in one call")]
    Call { limit: usize },
    /// Permits alive.
    #[error("it held more than {limit} permits at once")]
    Permits { limit: usize },
    /// Permits, all together.
    #[error("its permits take more than {limit} bytes")]
    PermitBytes { limit: usize },
}

/// A policy compared the client's secrets more often than it may. Raised as a trap, found again by downcast.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "it compared the client's password or token more than {limit} times; raise `comparisons` under [limits] in its settings file if \
     that is meant"
)]
pub(crate) struct ComparisonsExceeded {
    pub(crate) limit: usize,
}

/// Holds a store to its limits, which are for all its memories and all its tables together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limiter {
    memory_limit: usize,
    table_limit: usize,
    memory: usize,
    elements: usize,
}

impl Limiter {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            memory_limit: limits.memory,
            table_limit: limits.tables,
            memory: 0,
            elements: 0,
        }
    }

    /// For the host's own use of a store.
    pub(crate) const fn unlimited() -> Self {
        Self {
            memory_limit: usize::MAX,
            table_limit: usize::MAX,
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
        let limit = self.table_limit;
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
