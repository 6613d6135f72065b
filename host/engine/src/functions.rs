//! Compiled functions, kept for as long as policies are being loaded.
//!
//! A policy is compiled twice, and what differs between the two is its memory, not its code; the versions of a policy, and
//! policies made with one SDK, have most of their code in common. Cranelift looks here for every function before it compiles it,
//! by a SHA-256 of all that the result depends on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem::take;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::CacheStore;

/// How long nothing may be compiled before all is forgotten: for what is loaded together, and for versions that follow at once.
const KEPT_FOR: Duration = Duration::from_secs(2);
/// When what was used lately comes to so many bytes, what was used before that is forgotten, so at most twice as many are kept. A
/// policy takes one million of them.
const GENERATION: usize = 8 << 20;
/// As what a generation is allocated: mimalloc gives so large a piece back at once, whoever frees it.
const RESERVED: usize = 4 * GENERATION;

/// Compiled functions that the next compilation may need. Only in memory: nothing from outside the process gets here.
#[derive(Debug, Default)]
pub(crate) struct Functions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Used since the last generation ended.
    young: Generation,
    /// Used in the generation before.
    old: Generation,
    /// When something was last compiled; nothing is kept if that is not known.
    used: Option<Instant>,
}

/// Functions in one piece of memory, which is given back as one: what one thread allocates in small pieces and another frees stays
/// with the first for as long as it has nothing to do.
#[derive(Debug, Default)]
struct Generation {
    places: HashMap<[u8; 32], Range<usize>>,
    bytes: Vec<u8>,
}

impl Functions {
    /// Forgets all if nothing has been compiled lately.
    pub(crate) fn forget_by(&self, now: Instant) {
        let mut kept = self.kept();
        let is_old = |used| now.saturating_duration_since(used) >= KEPT_FOR;
        if kept.used.is_some_and(is_old) {
            let forgotten = take(&mut *kept);
            // Whoever compiles does not wait until all of it is given back.
            drop(kept);
            drop(forgotten);
        }
    }

    /// How many are kept.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        let kept = self.kept();
        kept.young.places.len() + kept.old.places.len()
    }

    /// Nothing that holds this lock can panic half-way.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generation {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.bytes.get(self.places.get(key)?.clone())
    }

    /// Adds a function; not if there is no room.
    fn put(&mut self, key: [u8; 32], function: &[u8]) -> bool {
        let (start, end) = (self.bytes.len(), self.bytes.len() + function.len());
        let is_room = end <= GENERATION;
        if is_room {
            // Pages that nothing is written to take no memory.
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
        if self.young.put(key, function) {
            return true;
        }
        self.old = take(&mut self.young);
        self.young.put(key, function)
    }
}

impl CacheStore for Functions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut kept = self.kept();
        kept.used = Some(Instant::now());
        if let Some(function) = kept.young.get(key) {
            return Some(function.to_vec().into());
        }
        let function = kept.old.get(key)?.to_vec();
        if let Ok(key) = key.try_into() {
            kept.put(key, &function);
        }
        Some(function.into())
    }

    fn insert(&self, key: &[u8], function: Vec<u8>) -> bool {
        let mut kept = self.kept();
        kept.used = Some(Instant::now());
        // Two threads may have compiled the same function.
        let is_new = kept.young.get(key).is_none();
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
        let functions = Functions::default();
        functions.forget_by(Instant::now() + KEPT_FOR);
        assert_eq!(functions.get(&A), None);
        assert!(functions.insert(&A, b"code".to_vec()));
        assert!(functions.insert(&B, b"other".to_vec()));
        let before = Instant::now();
        assert_eq!(functions.get(&A).as_deref(), Some(b"code".as_slice()));
        // Asking for it counts, too: the time begins anew.
        functions.forget_by(before + KEPT_FOR.saturating_sub(Duration::from_nanos(1)));
        assert_eq!(functions.get(&B).as_deref(), Some(b"other".as_slice()));
        functions.forget_by(Instant::now() + KEPT_FOR);
        assert_eq!(functions.get(&A), None);
        assert!(functions.insert(&A, b"another".to_vec()));
        assert_eq!(functions.get(&A).as_deref(), Some(b"another".as_slice()));
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let half = || vec![0; GENERATION / 2];
        let functions = Functions::default();
        assert!(functions.insert(&A, half()));
        assert!(!functions.insert(&A, Vec::new()), "it is there");
        assert!(functions.insert(&B, half()));
        assert!(functions.insert(&C, half()));
        // The generation of `A` and `B` has ended, and with the next one `B` goes: it was not used.
        assert_eq!(functions.get(&A), Some(half().into()));
        assert!(functions.insert(&D, half()));
        assert_eq!(functions.get(&B), None);
        assert_eq!(functions.get(&A), Some(half().into()));
        assert!(functions.get(&D).is_some());
    }

    #[test]
    fn what_has_no_room_or_no_such_key_is_not_kept() {
        let functions = Functions::default();
        assert!(!functions.insert(&A, vec![0; GENERATION + 1]));
        assert!(!functions.insert(b"short", vec![0]));
        assert_eq!(functions.get(b"short"), None);
        assert_eq!(functions.count(), 0);
    }
}
