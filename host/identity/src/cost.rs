//! Cost of a comparison with a stored hash on this machine.

use std::time::{Duration, Instant};

use portcullis_core::{HashError, Secret};

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

/// Compares a secret with `hash` and returns the time that it took. Blocks, and takes the memory of
/// the hash.
///
/// # Errors
///
/// Fails if `hash` is not usable.
pub fn time_of_comparison(hash: &str) -> Result<Duration, HashError> {
    let stored = StoredHash::parse(hash)?;
    let began = Instant::now();
    stored.matches(&Secret::new("no secret"))?;
    Ok(began.elapsed())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

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
}
