//! Cost of a comparison with a stored hash on this machine.

use std::time::Duration;

use portcullis_core::{HashError, Secret};
use rustix::time::{ClockId, clock_gettime};

use crate::stored_hash::StoredHash;

/// Returns the parameters that determine the cost of a slow hash: its algorithm and parameters, as
/// in `hash`. `None` if `hash` is a fast hash or no hash.
pub fn hash_parameters(hash: &str) -> Option<&str> {
    if !StoredHash::parse(hash).ok()?.is_slow() {
        return None;
    }
    // A PHC string ends with salt and hash, a bcrypt string with one part that is both.
    let without_hash = hash.rsplit_once('$')?.0;
    if hash.starts_with("$2") {
        return Some(without_hash);
    }
    Some(without_hash.rsplit_once('$')?.0)
}

/// Compares a secret with `hash` and returns the processor time that it took, which does not depend
/// on other work of the machine. Blocks, and takes the memory of the hash.
///
/// # Errors
///
/// Fails if `hash` is not usable.
pub fn time_of_comparison(hash: &str) -> Result<Duration, HashError> {
    let stored = StoredHash::parse(hash)?;
    // A comparison runs on one thread: the crates that compute hashes start no others.
    let began = thread_time();
    stored.matches(&Secret::new("no secret"))?;
    Ok(thread_time().saturating_sub(began))
}

/// Returns the processor time of this thread since its start.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // A clock that the system does not have reads as zero, so that no hash counts as slow.
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use rstest::rstest;

    use super::*;

    /// A bcrypt hash that takes some milliseconds.
    const SLOW: &str = "$2b$07$cccccccccccccccccccccuIJvLBFRt.2WA3d5nWSVtLvHnSw7vLhm";

    #[rstest]
    #[case(
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b/dWRWJTmaaJObG",
        Some("$argon2id$v=19$m=64,t=1,p=1")
    )]
    #[case(
        "$2b$04$cccccccccccccccccccccuIJvLBFRt.2WA3d5nWSVtLvHnSw7vLhm",
        Some("$2b$04")
    )]
    #[case("plain:hunter2", None)]
    #[case("no hash", None)]
    fn parameters_determine_the_cost(#[case] hash: &str, #[case] parameters: Option<&str>) {
        assert_eq!(hash_parameters(hash), parameters);
        let took = time_of_comparison(hash);
        assert_eq!(took.is_ok(), hash != "no hash", "{took:?}");
    }

    #[test]
    fn other_work_of_the_machine_does_not_count() {
        // More threads than processors, all at once.
        let threads = thread::available_parallelism().map_or(4, usize::from) * 8;
        let start = Barrier::new(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    start.wait();
                    let began = thread_time();
                    let took = time_of_comparison(SLOW).unwrap();
                    let spent = thread_time().saturating_sub(began);
                    assert!(took <= spent, "{took:?} of {spent:?}");
                    assert!(!took.is_zero());
                });
            }
        });
    }
}
