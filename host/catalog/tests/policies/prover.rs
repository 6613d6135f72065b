//! The child process that proves policies.

use portcullis_catalog::{ChildProver, Prover};

/// Returns a prover that runs the program `tests/support/prover.rs`.
pub(crate) fn child() -> Prover {
    let program = env!("CARGO_BIN_EXE_catalog-test-prover");
    Prover::Child(ChildProver::new(program, [] as [&str; 0]))
}
