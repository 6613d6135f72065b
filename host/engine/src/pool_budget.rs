//! Places for instances that wait for their next decision.

use parking_lot::Mutex;

/// The places for idle instances of all policies of an engine. Each idle instance occupies a slot
/// of the pool.
#[derive(Debug)]
pub(crate) struct PoolBudget(Mutex<usize>);

impl PoolBudget {
    /// Maximum number of idle instances.
    pub(crate) const MAX_IDLE: u32 = 64;

    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Self::MAX_IDLE as usize))
    }

    pub(crate) fn take(&self) -> bool {
        let mut free = self.0.lock();
        match free.checked_sub(1) {
            Some(left) => {
                *free = left;
                true
            }
            None => false,
        }
    }

    pub(crate) fn release(&self, places: usize) {
        let mut free = self.0.lock();
        *free = free.saturating_add(places);
    }
}
