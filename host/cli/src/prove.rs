//! `portcullis prove`: the child process that the host starts for every version of a policy.

use std::sync::Arc;

use portcullis_catalog::{ChildLimits, ChildProver, Prover, prove_for_parent};
use portcullis_identity::PasswordVerifier;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::key_value::Unconnected;

/// Command of the child process.
const VERB: &str = "prove";

/// Returns a prover that loads and tests policies in child processes of this program, whose command
/// line has to be [`Cli`](crate::Cli).
///
/// If the system does not know the path of this program, returns one that does so in this process,
/// and logs a warning.
pub(crate) fn child_prover() -> Prover {
    match ChildProver::this_program([VERB]) {
        // Otherwise, mimalloc, the program's allocator, commits a gigabyte in advance, which counts
        // against the limit although it is unused.
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

/// Loads and tests one policy for the process that started this one.
///
/// # Errors
///
/// Fails if standard input has no task, or if the engine does not run on this machine.
pub(crate) fn prove(limits: ChildLimits) -> Result<ExitCode, Failure> {
    let verifier = Arc::<PasswordVerifier>::default();
    let key_values = Arc::new(Unconnected::new(None));
    prove_for_parent(limits, verifier, key_values).map_err(Failure::internal)?;
    Ok(ExitCode::Success)
}
