//! Compiled functions, kept for as long as policies are being loaded.
//!
//! A policy is compiled twice, and what differs between the two is its memory, not its code; the versions of a policy, and
//! policies made with one SDK, have most of their code in common. Cranelift looks here for every function before it compiles it,
//! by a SHA-256 of all that the result depends on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::CacheStore;

/// How long nothing may be compiled before all is forgotten: what is loaded together, and versions that follow each other.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// When what was used lately comes to so many bytes, what was used before that is forgotten, so at most twice as many are kept. A
/// policy takes one million of them.
const GENERATION: usize = 8 << 20;

/// Compiled functions that the next compilation may need. Only in memory: nothing from outside the process gets here.
#[derive(Debug, Default)]
pub(crate) struct Functions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Used since the last generation ended.
    young: HashMap<Vec<u8>, Vec<u8>>,
    /// How many bytes those are.
    bytes: usize,
    /// Used in the generation before, and not since.
    old: HashMap<Vec<u8>, Vec<u8>>,
    /// When something was last compiled; nothing is kept if that is not known.
    used: Option<Instant>,
}

impl Functions {
    /// Forgets all if nothing has been compiled lately.
    pub(crate) fn forget_by(&self, now: Instant) {
        let mut kept = self.kept();
        let is_old = |used| now.saturating_duration_since(used) >= KEPT_FOR;
        if kept.used.is_some_and(is_old) {
            *kept = Kept::default();
        }
    }

    /// How many are kept.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        let kept = self.kept();
        kept.young.len() + kept.old.len()
    }

    /// Nothing that holds this lock can panic half-way.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        let size = key.len().saturating_add(value.len());
        if self.bytes.saturating_add(size) > GENERATION {
            self.old = take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(size);
        self.young.insert(key, value);
    }
}

impl CacheStore for Functions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut kept = self.kept();
        kept.used = Some(Instant::now());
        if let Some((key, value)) = kept.old.remove_entry(key) {
            kept.put(key, value);
        }
        kept.young.get(key).cloned().map(Cow::Owned)
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let mut kept = self.kept();
        kept.used = Some(Instant::now());
        // Two threads may have compiled the same function.
        let is_new = !kept.young.contains_key(key);
        if is_new {
            kept.put(key.to_vec(), value);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compiled_is_kept_until_nothing_has_been_for_a_while() {
        let functions = Functions::default();
        functions.forget_by(Instant::now() + KEPT_FOR);
        assert_eq!(functions.get(b"a"), None);
        assert!(functions.insert(b"a", b"code".to_vec()));
        let before = Instant::now();
        assert_eq!(functions.get(b"a").as_deref(), Some(b"code".as_slice()));
        // Asking for it counts, too: the time begins anew.
        functions.forget_by(before + KEPT_FOR.saturating_sub(Duration::from_nanos(1)));
        assert_eq!(functions.get(b"a").as_deref(), Some(b"code".as_slice()));
        functions.forget_by(Instant::now() + KEPT_FOR);
        assert_eq!(functions.get(b"a"), None);
        assert!(functions.insert(b"a", b"other".to_vec()));
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let half = || vec![0; GENERATION / 2];
        let functions = Functions::default();
        assert!(functions.insert(b"a", half()));
        assert!(!functions.insert(b"a", Vec::new()), "it is there");
        assert!(functions.insert(b"b", half()));
        // The generation of `a` has ended, and with the next one it goes unless it is used.
        assert!(functions.get(b"a").is_some());
        assert!(functions.insert(b"c", half()));
        assert!(functions.insert(b"d", half()));
        assert!(functions.get(b"b").is_none());
        assert!(functions.get(b"c").is_some());
        assert_eq!(functions.count(), 2);
    }
}
