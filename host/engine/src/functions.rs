//! Compiled functions, kept for as long as policies are being loaded.
//!
//! A policy is compiled twice, and what differs between the two is its memory, not its code; the versions of a policy, and
//! policies made with one SDK, have most of their code in common. Cranelift looks here for every function before it compiles it,
//! by a SHA-256 of all that the result depends on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::CacheStore;

/// How long nothing may be compiled before all is forgotten: what is loaded together, and versions that follow each other.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// Most bytes that are kept. A policy takes one million of them; one that finds no room is compiled as if nothing were kept.
const MOST: usize = 16 << 20;

/// Compiled functions that the next compilation may need. Only in memory: nothing from outside the process gets here.
#[derive(Debug, Default)]
pub(crate) struct Functions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    functions: HashMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
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
        self.kept().functions.len()
    }

    /// Nothing that holds this lock can panic half-way.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheStore for Functions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut kept = self.kept();
        kept.used = Some(Instant::now());
        kept.functions.get(key).cloned().map(Cow::Owned)
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let mut kept = self.kept();
        let bytes = kept.bytes.saturating_add(key.len() + value.len());
        // Two threads may have compiled the same function.
        if bytes > MOST || kept.functions.contains_key(key) {
            return false;
        }
        kept.bytes = bytes;
        kept.used = Some(Instant::now());
        kept.functions.insert(key.to_vec(), value);
        true
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
    fn there_is_a_bound_and_room_again_once_all_is_forgotten() {
        let functions = Functions::default();
        assert!(functions.insert(b"a", vec![0; MOST - 1]));
        assert!(!functions.insert(b"b", Vec::new()));
        assert_eq!(functions.get(b"b"), None);
        assert!(!functions.insert(b"a", Vec::new()), "it is there");
        functions.forget_by(Instant::now() + KEPT_FOR);
        assert!(functions.insert(b"b", vec![0; MOST - 1]));
    }
}
