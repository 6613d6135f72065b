//! The target that policies are built for.

/// The target that policies are built for.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";
