//! Instances that decide more than once, for policies that opt in.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use wasmtime::Store;

use crate::engine::Engine;
use crate::host::PolicyBindings;
use crate::state::State;

/// The idle instances of one policy.
pub(crate) struct Reused {
    /// Number of decisions per instance.
    decisions: NonZeroU32,
    idle: Mutex<Vec<Used>>,
}

/// An instance that has decided.
pub(crate) struct Used {
    pub(crate) store: Store<State>,
    pub(crate) instance: PolicyBindings,
    /// Number of decisions that it has made.
    pub(crate) decisions: u32,
}

impl Reused {
    pub(crate) const fn new(decisions: NonZeroU32) -> Self {
        Self {
            decisions,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Returns the number of decisions per instance.
    pub(crate) const fn decisions(&self) -> NonZeroU32 {
        self.decisions
    }

    pub(crate) fn take(&self, engine: &Engine) -> Option<Used> {
        let used = self.idle().pop()?;
        engine.idle().give_back(1);
        Some(used)
    }

    /// Keeps an instance that has just decided, if it may decide again and a place is free.
    ///
    /// Drops an instance that still holds permits. Its handles are numbers of the host's table, so
    /// a handle of one decision would name a permit of the next.
    pub(crate) fn put(&self, engine: &Engine, mut used: Used) {
        if !used.store.data().permits.is_empty() {
            return;
        }
        used.decisions = used.decisions.saturating_add(1);
        if used.decisions < self.decisions.get() && engine.idle().take() {
            self.idle().push(used);
        }
    }

    /// Ends all idle instances.
    pub(crate) fn clear(&self, engine: &Engine) {
        let ended = std::mem::take(&mut *self.idle());
        engine.idle().give_back(ended.len());
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Used>> {
        // INVARIANT: each instance in the list is complete, even if another thread panicked.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
