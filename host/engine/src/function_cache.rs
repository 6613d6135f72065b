//! A memory cache of compiled functions, for the time in which policies are loaded.
//!
//! The host compiles a policy twice, with different memory but identical code. The versions of a
//! policy, and policies built with one SDK, have most of their code in common too. Cranelift looks
//! up every function here before it compiles it, by a SHA-256 of everything that the result depends
//! on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem::take;
use std::ops::Range;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wasmtime::CacheStore;

/// Time without a compilation after which the cache is cleared. It spans policies that are loaded
/// together, and versions in quick succession.
const MAX_IDLE: Duration = Duration::from_secs(2);
/// Maximum size of a generation, in bytes. A full generation becomes the previous one, and the one
/// before is evicted, so the cache holds at most twice this size. A policy takes about one million
/// bytes.
const GENERATION: usize = 8 << 20;
/// Allocation size of a generation, in bytes. mimalloc returns an allocation of this size to the
/// system at once, regardless of the thread that frees it.
const RESERVED: usize = 4 * GENERATION;

/// A cache of compiled functions for the next compilation. It exists only in memory, and nothing
/// from outside of the process enters it.
#[derive(Debug, Default)]
pub(crate) struct FunctionCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Functions used since the current generation began.
    current: Generation,
    /// Functions used in the generation before.
    previous: Generation,
    /// Time of the last compilation. `None` for an empty cache.
    used: Option<Instant>,
}

/// Functions in one allocation, which is freed as a whole. Small pieces that one thread allocates
/// and another frees would stay with the first while it is idle.
#[derive(Debug, Default)]
struct Generation {
    places: HashMap<[u8; 32], Range<usize>>,
    bytes: Vec<u8>,
}

impl FunctionCache {
    /// Clears the cache if nothing has been compiled within the time limit.
    pub(crate) fn clear_unused(&self, now: Instant) {
        let mut kept = self.0.lock();
        let is_expired = |used| now.saturating_duration_since(used) >= MAX_IDLE;
        if kept.used.is_some_and(is_expired) {
            let forgotten = take(&mut *kept);
            // The lock is released first, so that compilations do not wait for the deallocation.
            drop(kept);
            drop(forgotten);
        }
    }

    /// Returns the number of cached functions.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        let kept = self.0.lock();
        kept.current.places.len() + kept.previous.places.len()
    }
}

impl Generation {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.bytes.get(self.places.get(key)?.clone())
    }

    /// Adds a function. Returns `false` if the generation has no room for it.
    fn put(&mut self, key: [u8; 32], function: &[u8]) -> bool {
        let (start, end) = (self.bytes.len(), self.bytes.len() + function.len());
        let is_room = end <= GENERATION;
        if is_room {
            // Reserved pages take no memory before the first write.
            self.bytes.reserve_exact(RESERVED - start);
            self.bytes.extend_from_slice(function);
            self.places.insert(key, start..end);
        }
        is_room
    }
}

impl Kept {
    fn put(&mut self, key: [u8; 32], function: &[u8]) -> bool {
        if function.len() > GENERATION {
            return false;
        }
        if self.current.put(key, function) {
            return true;
        }
        self.previous = take(&mut self.current);
        self.current.put(key, function)
    }
}

impl CacheStore for FunctionCache {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut kept = self.0.lock();
        kept.used = Some(Instant::now());
        if let Some(function) = kept.current.get(key) {
            return Some(function.to_vec().into());
        }
        let function = kept.previous.get(key)?.to_vec();
        if let Ok(key) = key.try_into() {
            kept.put(key, &function);
        }
        Some(function.into())
    }

    fn insert(&self, key: &[u8], function: Vec<u8>) -> bool {
        let mut kept = self.0.lock();
        kept.used = Some(Instant::now());
        // Two threads may have compiled the same function.
        let is_new = kept.current.get(key).is_none();
        let key = key.try_into();
        is_new && key.is_ok_and(|key| kept.put(key, &function))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 32] = [1; 32];
    const B: [u8; 32] = [2; 32];
    const C: [u8; 32] = [3; 32];
    const D: [u8; 32] = [4; 32];

    #[test]
    fn what_was_compiled_is_kept_until_nothing_has_been_for_a_while() {
        let functions = FunctionCache::default();
        functions.clear_unused(Instant::now() + MAX_IDLE);
        assert_eq!(functions.get(&A), None);
        assert!(functions.insert(&A, b"code".to_vec()));
        assert!(functions.insert(&B, b"other".to_vec()));
        let before = Instant::now();
        assert_eq!(functions.get(&A).as_deref(), Some(b"code".as_slice()));
        // A look-up counts as a use, so the time starts again.
        functions.clear_unused(before + MAX_IDLE.saturating_sub(Duration::from_nanos(1)));
        assert_eq!(functions.get(&B).as_deref(), Some(b"other".as_slice()));
        functions.clear_unused(Instant::now() + MAX_IDLE);
        assert_eq!(functions.get(&A), None);
        assert!(functions.insert(&A, b"another".to_vec()));
        assert_eq!(functions.get(&A).as_deref(), Some(b"another".as_slice()));
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let half = || vec![0; GENERATION / 2];
        let functions = FunctionCache::default();
        assert!(functions.insert(&A, half()));
        assert!(!functions.insert(&A, Vec::new()), "it is there");
        assert!(functions.insert(&B, half()));
        assert!(functions.insert(&C, half()));
        // The generation of `A` and `B` has ended. `B` is not used, so the next one evicts it.
        assert_eq!(functions.get(&A), Some(half().into()));
        assert!(functions.insert(&D, half()));
        assert_eq!(functions.get(&B), None);
        assert_eq!(functions.get(&A), Some(half().into()));
        assert!(functions.get(&D).is_some());
    }

    #[test]
    fn what_has_no_room_or_no_such_key_is_not_kept() {
        let functions = FunctionCache::default();
        assert!(!functions.insert(&A, vec![0; GENERATION + 1]));
        assert!(!functions.insert(b"short", vec![0]));
        assert_eq!(functions.get(b"short"), None);
        assert_eq!(functions.count(), 0);
    }
}
