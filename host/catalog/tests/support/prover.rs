//! A child process that proves policies for the tests of this crate, as `portcullis prove` does for
//! a host. No password matches, and no bucket exists.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use portcullis_catalog::{ChildLimits, prove_for_parent};
use portcullis_core::{Asker, FixedKeyValues, HashError, Secret, SecretVerifier};

fn main() -> Result<(), Box<dyn Error>> {
    let number = |name: &str| {
        let mut values = std::env::args();
        let value = values.find_map(|argument| argument.strip_prefix(name)?.parse().ok());
        value.ok_or_else(|| format!("`{name}N` is missing"))
    };
    let limits = ChildLimits {
        memory: number("--memory=")?,
        processor_time: number("--processor-time=")?,
    };
    let key_values = Arc::new(FixedKeyValues::default());
    Ok(prove_for_parent(limits, Arc::new(NoSecrets), key_values)?)
}

/// A verifier that accepts every hash and matches none.
struct NoSecrets;

impl SecretVerifier for NoSecrets {
    fn matches(&self, _: &Secret, _: &str, _: Asker<'_>, _: Instant) -> Result<bool, HashError> {
        Ok(false)
    }

    fn check(&self, _: &str) -> Result<(), HashError> {
        Ok(())
    }
}
