//! Instances that decide more than once, for policies that opt in.

use std::num::NonZeroU32;

use parking_lot::Mutex;
use wasmtime::Store;

use crate::engine::Engine;
use crate::host::PolicyBindings;
use crate::state::State;

/// The idle instances of one policy.
pub(crate) struct InstancePool {
    /// Number of decisions per instance.
    decisions: NonZeroU32,
    /// INVARIANT: each instance in the list is complete, even after a panic of a thread.
    idle: Mutex<Vec<PooledInstance>>,
}

/// An instance that has decided.
pub(crate) struct PooledInstance {
    pub(crate) store: Store<State>,
    pub(crate) instance: PolicyBindings,
    /// Number of decisions that it has made.
    pub(crate) decisions: u32,
}

impl InstancePool {
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

    pub(crate) fn take(&self, engine: &Engine) -> Option<PooledInstance> {
        let pooled = self.idle.lock().pop()?;
        engine.idle().release(1);
        Some(pooled)
    }

    /// Keeps an instance that has just decided, if it may decide again and a place is free.
    ///
    /// Drops an instance that still holds permits. Its handles are numbers of the host's table, so
    /// a handle of one decision would name a permit of the next.
    pub(crate) fn put(&self, engine: &Engine, mut pooled: PooledInstance) {
        if !pooled.store.data().permits.is_empty() {
            return;
        }
        pooled.decisions = pooled.decisions.saturating_add(1);
        if pooled.decisions < self.decisions.get() && engine.idle().take() {
            self.idle.lock().push(pooled);
        }
    }

    /// Ends all idle instances.
    pub(crate) fn clear(&self, engine: &Engine) {
        let ended = std::mem::take(&mut *self.idle.lock());
        engine.idle().release(ended.len());
    }
}
