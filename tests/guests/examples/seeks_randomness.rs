//! Denies with values that could differ between two runs: hash seeds, addresses, and the bits of a
//! NaN.

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        let seed = RandomState::new().hash_one("seed");
        let local = black_box(0_u8);
        let stack = std::ptr::from_ref(&local).addr();
        let heap = Box::new(local);
        let heap = std::ptr::from_ref(&*heap).addr();
        let (zero, also_zero) = (black_box(0.0_f64), black_box(0.0_f64));
        let (quotient, minus_one) = (zero / also_zero, black_box(-1.0_f64));
        let nans = [quotient, -quotient * minus_one, minus_one.sqrt()].map(f64::to_bits);
        let single = (black_box(0.0_f32) * black_box(f32::INFINITY)).to_bits();
        Verdict::deny(format!(
            "seed {seed:x}, stack {stack:x}, heap {heap:x}, nans {nans:x?} {single:x}"
        ))
    }
}

export!(Guest);
