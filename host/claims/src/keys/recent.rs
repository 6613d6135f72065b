//! What is known of the keys that were in use last.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::text::KEY_LEN;

/// Something about each of the public keys that were in use last; the one that was not in use for longest makes room.
///
/// A few keys are looked through faster than they are hashed.
pub(super) struct Recent<T> {
    most: usize,
    /// The last one in use first.
    known: Mutex<VecDeque<([u8; KEY_LEN], T)>>,
}

impl<T> Recent<T> {
    /// Nothing yet, and never about more than `most` keys.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            known: Mutex::new(VecDeque::new()),
        }
    }

    /// Uses what is known of `key`.
    pub(super) fn with<R>(&self, key: &[u8; KEY_LEN], take: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.iter().position(|(other, _)| other == key)?;
        if place > 0 {
            let found = known.remove(place)?;
            known.push_front(found);
        }
        known.front_mut().map(|(_, value)| take(value))
    }

    /// From now on knows `value` of `key`, whatever was known of it.
    pub(super) fn insert(&self, key: [u8; KEY_LEN], value: T) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(other, _)| *other != key);
        known.truncate(self.most.saturating_sub(1));
        known.push_front((key, value));
    }
}

impl<T> fmt::Debug for Recent<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        write!(formatter, "{} of {} keys", known.len(), self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_was_not_in_use_for_longest_makes_room() {
        let recent = Recent::new(2);
        let knows = |key: u8| recent.with(&[key; KEY_LEN], |value| *value);
        recent.insert([1; KEY_LEN], "one");
        recent.insert([2; KEY_LEN], "two");
        assert_eq!(knows(1), Some("one"));
        recent.insert([3; KEY_LEN], "three");
        assert_eq!(knows(2), None);
        assert_eq!((knows(1), knows(3)), (Some("one"), Some("three")));
        recent.insert([3; KEY_LEN], "drei");
        assert_eq!((knows(1), knows(3)), (Some("one"), Some("drei")));
        assert_eq!(format!("{recent:?}"), "2 of 2 keys");
    }
}
