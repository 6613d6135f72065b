//! Limits on the memory and tables of an instance.

use wasmtime::ResourceLimiter;

use crate::limits::Limits;

/// A request of a policy for more than its limit. Raised as a trap, recognised by downcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitExceeded {
    /// The policy requested too much linear memory.
    #[error(
        "it asked for {desired} bytes of memory, more than its limit of {limit}; raise `memory` under [limits] in its settings file if \
         that is meant"
    )]
    Memory {
        /// Requested memory, in bytes.
        desired: usize,
        /// Maximum memory, in bytes.
        limit: usize,
    },
    /// The policy requested too many table elements.
    #[error(
        "it asked for {desired} table elements, more than its limit of {limit}; raise `tables` under [limits] in its settings file if \
         that is meant"
    )]
    Table {
        /// Requested number of elements.
        desired: usize,
        /// Maximum number of elements.
        limit: usize,
    },
}

/// An output of a policy beyond its limit. Raised as a trap, recognised by downcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputExceeded {
    /// The policy passed too many bytes in one call.
    #[error("it handed over more than its limit of {limit} bytes in one call")]
    Call {
        /// Maximum size, in bytes.
        limit: usize,
    },
    /// The policy held too many permits at once.
    #[error("it held more than {limit} permits at once")]
    Permits {
        /// Maximum number of permits.
        limit: usize,
    },
    /// All permits of the decision together took too many bytes.
    #[error("its permits take more than {limit} bytes")]
    PermitBytes {
        /// Maximum size, in bytes.
        limit: usize,
    },
}

/// The limiter of a store. The limits apply to all its memories and all its tables together.
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

    /// Returns a limiter for the host's own use of a store.
    pub(crate) const fn unlimited() -> Self {
        Self {
            memory_limit: usize::MAX,
            table_limit: usize::MAX,
            memory: 0,
            elements: 0,
        }
    }

    /// Returns the size of all memories, in bytes.
    pub(crate) const fn memory(&self) -> usize {
        self.memory
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

/// Adds the growth of one part, from `current` to `desired`, to `total`. If the new total exceeds
/// `limit`, returns it as the error.
fn grow(total: &mut usize, current: usize, desired: usize, limit: usize) -> Result<bool, usize> {
    let grown = total.saturating_add(desired.saturating_sub(current));
    if grown > limit {
        return Err(grown);
    }
    *total = grown;
    Ok(true)
}
