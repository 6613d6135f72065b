//! The directory that the host watches.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The directory that the host watches. Files change atomically, as a careful operator changes
/// them.
#[derive(Clone, Debug)]
pub struct PolicyDirectory(PathBuf);

impl PolicyDirectory {
    /// Returns the directory at `path`, and creates it if it is missing.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be created.
    pub fn create(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(&path).with_context(|| format!("cannot create `{}`", path.display()))?;
        Ok(Self(path))
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes the module `NAME.wasm`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn put_module(&self, name: &str, module: &[u8]) -> Result<()> {
        self.put(&format!("{name}.wasm"), module)
    }

    /// Writes the settings `NAME.toml`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn put_settings(&self, name: &str, settings: &str) -> Result<()> {
        self.put(&format!("{name}.toml"), settings.as_bytes())
    }

    /// Writes another file of a policy, such as `NAME.tests.toml` or a policy text.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn put_text(&self, file: &str, text: &str) -> Result<()> {
        self.put(file, text.as_bytes())
    }

    /// Writes a policy: its settings, then its module.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn put_policy(&self, name: &str, module: &[u8], settings: &str) -> Result<()> {
        self.put_settings(name, settings)?;
        self.put_module(name, module)
    }

    /// Removes a policy: its module, then its settings.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        for extension in ["wasm", "toml"] {
            let file = self.0.join(format!("{name}.{extension}"));
            match fs::remove_file(&file) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes a file under a name that the host ignores, then renames it.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let aside = self.0.join(format!(".{name}.partial"));
        let file = self.0.join(name);
        fs::write(&aside, bytes)
            .and_then(|()| fs::rename(&aside, &file))
            .with_context(|| format!("cannot write `{}`", file.display()))
    }
}
