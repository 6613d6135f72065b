//! Time and randomness as values, so that a test or a simulation decides both.
//!
//! [`Clock`] and [`Randomness`] have one real implementation each, [`SystemClock`] and
//! [`SystemRandomness`]. A type that reads the time takes a clock as a type parameter, whose
//! default is the system's clock. The path of a login so pays nothing for the choice. Code that
//! runs rarely holds an `Arc<dyn Clock>`.
//!
//! [`ManualClock`] moves only when a test moves it. [`SeededRandomness`] repeats its bytes for the
//! same seed.
//!
//! [`is_multi_threaded`] says whether a thread may block inside of its runtime.
//!
//! Timers are not part of [`Clock`]. They are those of tokio, whose own clock a runtime with one
//! thread can pause. `docs/design/what-reaches-the-outside-world.md` says how far this goes.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "a test waits in real time, or compares with it"
    )
)]

mod clock;
mod randomness;
mod runtime;

pub use clock::{Clock, ManualClock, SystemClock};
pub use randomness::{Randomness, Rng, SeededRandomness, SystemRandomness};
pub use runtime::is_multi_threaded;
