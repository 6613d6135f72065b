//! A place in the queue of an authority.

use tokio::sync::OwnedSemaphorePermit;

/// A place in the queue of an authority, which its drop frees. The default is no place, for a login
/// outside of the queue.
#[derive(Debug, Default)]
pub struct Place(Option<OwnedSemaphorePermit>);

impl Place {
    pub(crate) const fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Some(permit))
    }

    /// Frees the place before the value is dropped.
    pub fn free(&mut self) {
        self.0 = None;
    }
}
