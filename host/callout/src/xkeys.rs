//! The curve keys that open requests.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use portcullis_claims::{BoxError, CurveKey, PublicKey};
use zeroize::Zeroizing;

use crate::last_use::LastUse;

/// Number of places in which the host records the key that a server seals to. Two servers that
/// share a place cost further attempts, and no login.
const PLACES: usize = 256;

/// The curve keys that open requests and seal responses. With a required key, the host refuses
/// plain requests. Without any key, it refuses encrypted ones.
#[derive(Default)]
pub struct Xkeys {
    keys: Vec<XkeyInUse>,
    is_required: bool,
    /// The index of the key that last opened a request, by a hash of the server's xkey. `None`
    /// with at most one key, which needs no choice.
    last: Option<Box<[AtomicU8; PLACES]>>,
}

struct XkeyInUse {
    key: Arc<CurveKey>,
    used: LastUse,
}

/// A decrypted request, with the key that opened it.
pub(crate) type OpenedBox = (Zeroizing<Vec<u8>>, Arc<CurveKey>);

impl Xkeys {
    /// Maximum number of keys. Each server that starts costs up to this number of attempts once.
    pub const MAX: usize = 9;

    /// Creates the keys of a host. `required` is `xkey` of the servers' `auth_callout`: with it,
    /// the host refuses plain requests. `others` are keys that some servers seal to meanwhile.
    /// Ignores those beyond [`Xkeys::MAX`].
    pub fn new(required: Option<CurveKey>, others: impl IntoIterator<Item = CurveKey>) -> Self {
        let is_required = required.is_some();
        let keys = required.into_iter().chain(others).map(|key| XkeyInUse {
            key: Arc::new(key),
            used: LastUse::default(),
        });
        let keys: Vec<_> = keys.take(Self::MAX).collect();
        let places = || Box::new([const { AtomicU8::new(0) }; PLACES]);
        Self {
            last: (keys.len() > 1).then(places),
            keys,
            is_required,
        }
    }

    /// Returns the public keys, the required one first, with the times of their last requests.
    pub(crate) fn uses(&self) -> impl Iterator<Item = (&str, &LastUse)> {
        let keys = self.keys.iter();
        keys.map(|held| (held.key.public_key(), &held.used))
    }

    /// Returns whether the host has no key.
    pub(crate) const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns whether the host refuses plain requests.
    pub(crate) const fn is_required(&self) -> bool {
        self.is_required
    }

    /// Opens a message that `sender` sealed to one of the keys, and records it at `now` (seconds
    /// since the Unix epoch). Tries the key that last opened a message of this sender first, so
    /// that only the first message after a change costs more than one attempt.
    ///
    /// # Errors
    ///
    /// Fails as [`CurveKey::open`] does, with the failure of the last key.
    pub(crate) fn open(
        &self,
        sealed: &[u8],
        sender: &PublicKey,
        now: u64,
    ) -> Result<OpenedBox, BoxError> {
        let place = self
            .last
            .as_deref()
            .and_then(|last| last.get(place(sender)));
        let first = place.map_or(0, |place| usize::from(place.load(Ordering::Relaxed)));
        let mut failure = BoxError::Open;
        let order = (0..self.keys.len()).filter(|index| *index != first);
        for index in std::iter::once(first).chain(order) {
            let Some(held) = self.keys.get(index) else {
                continue;
            };
            match held.key.open(sealed, sender) {
                Ok(plain) => {
                    held.used.record(now);
                    if let (Some(place), Ok(index)) = (place, u8::try_from(index))
                        && usize::from(index) != first
                    {
                        place.store(index, Ordering::Relaxed);
                    }
                    return Ok((plain, Arc::clone(&held.key)));
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Returns the public keys as a list for an error.
    pub(crate) fn listed(&self) -> String {
        let keys: Vec<_> = self.uses().map(|(key, _)| key).collect();
        keys.join("` or `")
    }
}

/// Returns the place of a server. A server that chose its key to collide with another one would
/// only slow down itself and that one, so the hash needs no secret.
fn place(sender: &PublicKey) -> usize {
    let mut hasher = DefaultHasher::new();
    sender.as_bytes().hash(&mut hasher);
    usize::from(hasher.finish().to_le_bytes()[0])
}

impl fmt::Debug for Xkeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Xkeys")
            .field("keys", &self.listed())
            .field("is_required", &self.is_required)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> CurveKey {
        CurveKey::from_seed(CurveKey::generate_seed().unwrap().expose()).unwrap()
    }

    #[test]
    fn the_key_that_a_server_seals_to_is_found_and_tried_first_from_then_on() {
        let [old, new, server, other] = [curve(), curve(), curve(), curve()];
        let sealed = |to: &CurveKey| server.seal(b"request", to.as_public()).unwrap();
        let (to_old, to_new, to_none) = (sealed(&old), sealed(&new), sealed(&other));
        let new_key = new.public_key().to_owned();
        let keys = Xkeys::new(Some(old), [new]);
        let at = place(server.as_public());
        let first = || keys.last.as_ref().unwrap()[at].load(Ordering::Relaxed);
        for (message, expected) in [(&to_old, 0), (&to_new, 1), (&to_new, 1), (&to_old, 0)] {
            let (plain, key) = keys.open(message, server.as_public(), 1).unwrap();
            assert_eq!(*plain, b"request");
            assert_eq!(key.public_key() == new_key, expected == 1);
            assert_eq!(first(), expected);
        }
        let error = keys.open(&to_none, server.as_public(), 1).unwrap_err();
        assert_eq!(error, BoxError::Open);
    }

    #[test]
    fn one_key_needs_no_memory_of_servers() {
        assert!(Xkeys::new(Some(curve()), []).last.is_none());
        assert!(Xkeys::default().is_empty());
        let only_another = Xkeys::new(None, [curve()]);
        assert!(!only_another.is_required() && !only_another.is_empty());
    }
}
