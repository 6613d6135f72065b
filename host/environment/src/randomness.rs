//! Random bytes, and the generator that the functions of `rand` take.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _, TryRng};

/// A source of random bytes.
pub trait Randomness: Debug + Send + Sync + 'static {
    /// Fills `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// The generator of the thread, which the operating system seeds. No other process can predict its
/// bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemRandomness;

/// A generator whose bytes follow from its seed. For tests and simulations only, because the
/// seed predicts every byte. Clones share one sequence.
#[derive(Clone, Debug)]
pub struct SeededRandomness(Arc<Mutex<StdRng>>);

/// A source of random bytes as a generator of `rand`.
#[derive(Clone, Copy, Debug)]
pub struct Rng<'a>(&'a dyn Randomness);

#[expect(
    clippy::disallowed_methods,
    reason = "the only place that takes random bytes from the operating system"
)]
impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

impl SeededRandomness {
    /// Creates a generator that repeats its bytes for the same `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        let mut generator = self.0.lock();
        generator.fill_bytes(bytes);
    }
}

impl<'a> Rng<'a> {
    /// Creates a generator that takes its bytes from `source`.
    pub fn new(source: &'a dyn Randomness) -> Self {
        Self(source)
    }
}

impl TryRng for Rng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::SliceRandom as _;

    use super::*;

    fn shuffled(source: &dyn Randomness) -> Vec<u32> {
        let mut numbers: Vec<_> = (0..100).collect();
        numbers.shuffle(&mut Rng::new(source));
        numbers
    }

    #[test]
    fn a_seed_repeats_its_choices() {
        let first = shuffled(&SeededRandomness::new(7));
        assert_eq!(shuffled(&SeededRandomness::new(7)), first);
        assert_ne!(shuffled(&SeededRandomness::new(8)), first);
        let source = SeededRandomness::new(7);
        assert_eq!(shuffled(&source), first);
        assert_ne!(
            shuffled(&source.clone()),
            first,
            "clones share one sequence"
        );
    }

    #[test]
    fn the_systems_bytes_do_not_repeat() {
        assert_ne!(shuffled(&SystemRandomness), shuffled(&SystemRandomness));
    }
}
