//! Guests for the tests: one behaviour per file under `examples/`, most of them harmful.
//!
//! Each guest is a whole policy, built by `cargo build --profile policy --target
//! wasm32-unknown-unknown -p guests --examples`. The tests name guests by file; a guest without a
//! test fails the suite (`every_guest_has_a_test`).
//!
//! The library has what a guest and its test share.

pub mod permits;
