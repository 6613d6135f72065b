//! `portcullis.toml`: one type for each table, and everything that can be wrong with it.

mod callout;
mod log;
mod nats;
mod policies;
mod reader;
mod secrets;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use self::callout::{Callout, TargetAccounts};
pub use self::log::{InvalidLogFilter, Log, LogFilter, LogFormat};
pub use self::nats::{Authentication, InvalidServerAddress, Nats, ServerAddress};
pub use self::policies::Policies;
pub use self::secrets::{ConnectionSecret, SecretSource, Secrets};

use self::reader::{Document, Section};
use crate::problem::{Checked, Problem};

/// A configuration in which every key is right by itself. Secrets are named, not read: that is
/// [`Config::resolve_secrets`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// `[nats]`: how the service reaches the servers.
    pub nats: Nats,
    /// `[callout]`: what it answers, and for whom.
    pub callout: Callout,
    /// `[policies]`: who decides.
    pub policies: Policies,
    /// `[log]`: what it writes to standard error.
    pub log: Log,
}

impl Config {
    /// A file that sets every key, with a line or two on each: the reference.
    pub const REFERENCE: &str = include_str!("../default.toml");

    /// Reads `file`. Relative paths in it are relative to its directory.
    ///
    /// # Errors
    ///
    /// Every problem that can be found without reading secrets, warnings included.
    pub fn load(file: &Path) -> Result<Checked<Self>, Vec<Problem>> {
        match fs::read_to_string(file) {
            Ok(text) => Self::parse(file, &text),
            Err(error) => Err(vec![Problem::error(
                file,
                format!("cannot read: {error}; `portcullis init` makes a configuration"),
            )]),
        }
    }

    /// Reads `text` as the content of `file`.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Checked<Self>, Vec<Problem>> {
        let document = Document::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            for error in errors {
                document.report_syntax(&error);
            }
            return Err(document.into_problems());
        }
        let config = Self::read(&document, table.get_ref());
        Checked::unless_broken(config, document.into_problems())
    }

    fn read(document: &Document<'_>, table: &DeTable<'_>) -> Option<Self> {
        let mut root = Section::root(document, table);
        let nats = Nats::read(root.section("nats"));
        let callout = Callout::read(root.section("callout"));
        let policies = Policies::read(root.section("policies"));
        let log = Log::read(root.section("log"));
        root.finish();
        Some(Self {
            file: document.file().to_path_buf(),
            nats: nats?,
            callout: callout?,
            policies: policies?,
            log: log?,
        })
    }
}

#[cfg(test)]
mod tests;
