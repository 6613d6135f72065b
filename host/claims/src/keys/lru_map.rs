//! A small cache by public key that evicts the least recently used entry.

use std::collections::VecDeque;
use std::fmt;

use parking_lot::Mutex;

use super::text::KEY_LEN;

/// A cache by public key. A full cache evicts the least recently used key.
///
/// A linear search is faster than hashing for this number of keys.
pub(super) struct LruMap<T> {
    most: usize,
    /// Entries, the most recently used first.
    known: Mutex<VecDeque<([u8; KEY_LEN], T)>>,
}

impl<T> LruMap<T> {
    /// Returns an empty cache for at most `most` keys.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            known: Mutex::new(VecDeque::new()),
        }
    }

    /// Calls `take` with the value of `key`, and marks the key as recently used. `None` if the
    /// cache does not have the key.
    pub(super) fn with<R>(&self, key: &[u8; KEY_LEN], take: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut known = self.known.lock();
        let place = known.iter().position(|(other, _)| other == key)?;
        if place > 0 {
            let found = known.remove(place)?;
            known.push_front(found);
        }
        known.front_mut().map(|(_, value)| take(value))
    }

    /// Inserts `value` for `key`, replacing an earlier value.
    pub(super) fn insert(&self, key: [u8; KEY_LEN], value: T) {
        let mut known = self.known.lock();
        known.retain(|(other, _)| *other != key);
        known.truncate(self.most.saturating_sub(1));
        known.push_front((key, value));
    }
}

impl<T> fmt::Debug for LruMap<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.lock();
        write!(formatter, "{} of {} keys", known.len(), self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_was_not_in_use_for_longest_makes_room() {
        let cache = LruMap::new(2);
        let knows = |key: u8| cache.with(&[key; KEY_LEN], |value| *value);
        cache.insert([1; KEY_LEN], "one");
        cache.insert([2; KEY_LEN], "two");
        assert_eq!(knows(1), Some("one"));
        cache.insert([3; KEY_LEN], "three");
        assert_eq!(knows(2), None);
        assert_eq!((knows(1), knows(3)), (Some("one"), Some("three")));
        cache.insert([3; KEY_LEN], "drei");
        assert_eq!((knows(1), knows(3)), (Some("one"), Some("drei")));
        assert_eq!(format!("{cache:?}"), "2 of 2 keys");
    }
}
