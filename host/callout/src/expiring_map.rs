//! A bounded map whose entries expire.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};

/// A map of up to `max_keys` values by key, which expire in about the order of their insertion.
///
/// The map stores 64-bit keyed hashes in place of keys, because it has an entry for each login of
/// the last seconds. The hash key is secret to this process, so clients cannot choose keys that
/// collide. One login in 10¹⁴ collides by chance with one of 131,072 others.
#[derive(Debug)]
pub(crate) struct ExpiringMap<T, V> {
    max_keys: usize,
    hashing: RandomState,
    values: HashMap<u64, V>,
    /// The expiry and the hash of each entry, in order of insertion. Also holds entries that were
    /// taken out.
    in_order: VecDeque<(T, u64)>,
}

impl<T: Copy + PartialOrd, V> ExpiringMap<T, V> {
    /// Creates a map of up to `max_keys` values. A further value evicts the oldest one.
    pub(crate) fn new(max_keys: usize) -> Self {
        Self {
            max_keys,
            hashing: RandomState::new(),
            values: HashMap::new(),
            in_order: VecDeque::new(),
        }
    }

    /// Removes the values that expired before `now`. Stops at the first one that has not.
    pub(crate) fn remove_expired(&mut self, now: T) {
        while self
            .in_order
            .front()
            .is_some_and(|(expires_at, _)| *expires_at < now)
        {
            self.evict_oldest();
        }
        self.shrink();
    }

    /// Inserts `value`, which expires at `expires_at`. Returns `false` without a change if the key
    /// is present.
    pub(crate) fn insert(&mut self, key: &impl Hash, expires_at: T, value: V) -> bool {
        let key = self.hashing.hash_one(key);
        if self.values.contains_key(&key) {
            return false;
        }
        if self.in_order.len() >= self.max_keys {
            self.evict_oldest();
        }
        self.in_order.push_back((expires_at, key));
        self.values.insert(key, value);
        true
    }

    /// Removes and returns the value of `key`. If the key is inserted again, the new value expires
    /// no later than this one would have.
    pub(crate) fn take(&mut self, key: &impl Hash) -> Option<V> {
        self.values.remove(&self.hashing.hash_one(key))
    }

    /// Returns the number of values.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    fn evict_oldest(&mut self) {
        if let Some((_, key)) = self.in_order.pop_front() {
            self.values.remove(&key);
        }
    }

    /// Shrinks the allocation that a burst of logins left, once most of it is free.
    fn shrink(&mut self) {
        /// Number of entries below which the map does not shrink.
        const SMALL: usize = 4096;
        let half = self.in_order.len().saturating_mul(2).max(SMALL);
        if self.in_order.capacity() > half.saturating_mul(4) {
            self.in_order.shrink_to(half);
            self.values.shrink_to(half);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_until_it_expires() {
        let mut map = ExpiringMap::new(8);
        assert!(map.insert(&"one", 107, 1));
        map.remove_expired(107);
        assert!(!map.insert(&"one", 109, 2));
        assert!(map.insert(&"two", 109, 2));
        map.remove_expired(108);
        assert!(map.insert(&"one", 110, 3));
        assert_eq!(map.take(&"one"), Some(3));
        assert_eq!(map.take(&"one"), None);
        assert_eq!(map.take(&"two"), Some(2));
    }

    #[test]
    fn a_full_map_evicts_the_oldest_value() {
        let mut map = ExpiringMap::new(4);
        for number in 0..100 {
            assert!(map.insert(&number, 200, ()));
        }
        assert_eq!((map.len(), map.in_order.len()), (4, 4));
        assert!(!map.insert(&99, 200, ()));
        assert!(map.insert(&95, 200, ()));
    }

    #[test]
    fn a_removed_value_occupies_its_place_until_it_would_expire() {
        let mut map = ExpiringMap::new(4);
        for number in 0..100 {
            assert!(map.insert(&number, 200, ()));
            assert_eq!(map.take(&number), Some(()));
        }
        assert_eq!((map.len(), map.in_order.len()), (0, 4));
    }

    #[test]
    fn the_memory_of_a_burst_is_released() {
        let mut map = ExpiringMap::new(100_000);
        for number in 0..100_000 {
            assert!(map.insert(&number, 100, ()));
        }
        map.remove_expired(100);
        assert!(map.values.capacity() >= 100_000);
        map.remove_expired(101);
        assert!(map.values.capacity() < 10_000);
        assert!(map.in_order.capacity() < 10_000);
    }
}
