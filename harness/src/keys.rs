//! The keys of a site.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use nkeys::KeyPair;

/// The keys of a site.
#[derive(Debug)]
pub struct Keys {
    /// The account key that signs users and responses.
    pub issuer: KeyPair,
    /// The user key that the host logs in with.
    pub callout: KeyPair,
}

impl Keys {
    /// Generates new keys.
    pub fn generate() -> Self {
        Self {
            issuer: KeyPair::new_account(),
            callout: KeyPair::new_user(),
        }
    }

    /// Writes `issuer.nk` and `callout.nk` into `directory`, readable by their owner only.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        write_seed(&directory.join("issuer.nk"), &self.issuer)?;
        write_seed(&directory.join("callout.nk"), &self.callout)
    }

    /// Returns the seeds, for tests that search outputs for them.
    ///
    /// # Errors
    ///
    /// Fails if a key has no seed.
    pub fn seeds(&self) -> Result<[String; 2]> {
        Ok([self.issuer.seed()?, self.callout.seed()?])
    }
}

/// Writes the seed of `key`, readable by its owner only.
pub(crate) fn write_seed(path: &Path, key: &KeyPair) -> Result<()> {
    write_secret(path, &key.seed()?)
}

/// Writes a secret, readable by its owner only.
pub(crate) fn write_secret(path: &Path, secret: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    writeln!(file, "{}", secret.trim_end())?;
    Ok(())
}
