//! The rate of writes of each client address.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;

/// The number of writes of each client network in the current second.
#[derive(Debug)]
pub(super) struct WriteRate {
    max: u32,
    current: Mutex<Second>,
}

/// One second. The next one begins without counts, so that the map holds no more than the writes of
/// a second.
#[derive(Debug, Default)]
struct Second {
    at: u64,
    writes: HashMap<Option<IpAddr>, u32>,
}

impl WriteRate {
    /// Returns a limit of `max` writes in a second.
    pub(super) fn new(max: u32) -> Self {
        Self {
            max,
            current: Mutex::default(),
        }
    }

    /// Counts a write from `network` in the second `now`. Returns whether it is within the limit.
    pub(super) fn allows(&self, network: Option<IpAddr>, now: u64) -> bool {
        let mut current = self.current.lock();
        if current.at != now {
            *current = Second {
                at: now,
                writes: HashMap::new(),
            };
        }
        let writes = current.writes.entry(network).or_default();
        *writes = writes.saturating_add(1);
        *writes <= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_writes_again_in_the_next_second() {
        let rate = WriteRate::new(2);
        let network = Some([192, 0, 2, 1].into());
        assert!(rate.allows(network, 7));
        assert!(rate.allows(network, 7));
        assert!(!rate.allows(network, 7));
        assert!(rate.allows(Some([192, 0, 2, 2].into()), 7));
        assert!(rate.allows(network, 8));
    }
}
