//! Guests for the tests: one behaviour per file under `examples/`, most of them bad.
//!
//! Each is a whole policy, built as `cargo build --release --target wasm32-unknown-unknown -p guests
//! --examples` builds it. The tests name them by file; a guest without a test fails the suite
//! (`every_guest_has_a_test`).
