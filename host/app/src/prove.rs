//! `portcullis prove`: what the host starts for every version of a policy.

use std::sync::Arc;

use portcullis_catalog::{ChildLimits, ChildProver, Prover, prove_for_parent};
use portcullis_identity::PasswordVerifier;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::key_value::Unconnected;

/// The verb that a child of this program has.
const VERB: &str = "prove";

/// Proves policies in child processes of this program, whose command line has to be [`Cli`](crate::Cli).
///
/// Where the system does not say which program this is, they are proved in this process, and the log says so.
pub fn child_prover() -> Prover {
    match ChildProver::this_program([VERB]) {
        // mimalloc, the program's allocator, takes a gigabyte in advance otherwise, which counts although it is not used.
        Ok(child) => Prover::Child(child.with_variable("MIMALLOC_ARENA_EAGER_COMMIT", "0")),
        Err(error) => {
            tracing::warn!(
                error = %error,
                "no child process can be made: policies are proved in this process, whose memory they can fill"
            );
            Prover::InProcess
        }
    }
}

/// Proves one policy for the process that has started this one.
///
/// # Errors
///
/// When standard input has no task, or the engine does not run on this machine.
pub(crate) fn prove(limits: ChildLimits) -> Result<ExitCode, Failure> {
    let verifier = Arc::<PasswordVerifier>::default();
    let key_values = Arc::new(Unconnected::new(None));
    prove_for_parent(limits, verifier, key_values).map_err(Failure::internal)?;
    Ok(ExitCode::Success)
}
