//! The configuration `portcullis.toml`: one type for each table, with its validation.

mod callout;
mod ceilings;
mod consistency;
mod deny;
mod grants;
mod health;
mod identity;
mod key_value;
mod links;
mod log;
mod nats;
mod operator;
mod policies;
mod reader;
mod secrets;
mod sources;
mod values;

use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use self::callout::{Callout, TargetAccounts};
pub use self::ceilings::Ceilings;
pub use self::deny::{Deny, DenyMode};
pub use self::health::Health;
pub use self::identity::Identity;
pub use self::key_value::KeyValue;
pub use self::log::{InvalidLogFilter, Log, LogFilter, LogFormat, WhenFull};
pub use self::nats::{Authentication, InvalidServerAddress, Nats, ServerAddress};
pub use self::operator::{Operator, SigningAccount};
pub use self::policies::Policies;
pub use self::secrets::{AccountSeeds, Secrets};
pub use self::sources::SecretSource;

use self::reader::{Document, Read, Section};
use crate::problem::{Checked, Problem};

/// A configuration in which every key is valid by itself. It names secrets without reading them:
/// [`Config::resolve_secrets`] does that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// File that the configuration was read from.
    pub file: PathBuf,
    /// Table `[nats]`: connections to the servers.
    pub nats: Nats,
    /// Table `[callout]`: the service's answers and the accounts that they are for.
    pub callout: Callout,
    /// Table `[operator]`: the accounts in operator mode. `None` in config mode.
    pub operator: Option<Operator>,
    /// Table `[identity]`: accepted credentials and their proofs.
    pub identity: Identity,
    /// Table `[ceilings]`: upper bounds on the permissions of logins.
    pub ceilings: Ceilings,
    /// Table `[policies]`: the policies that decide.
    pub policies: Policies,
    /// Table `[key-value]`: buckets in which policies look up keys.
    pub key_value: KeyValue,
    /// Table `[health]`: the health listener.
    pub health: Health,
    /// Table `[log]`: the log on standard error.
    pub log: Log,
}

/// The valid parts of a configuration, and all problems of it, those of secrets included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Table `[policies]`, if it is valid.
    pub(crate) policies: Option<Policies>,
    /// Table `[key-value]`, if it is valid.
    pub(crate) key_value: Option<KeyValue>,
    /// Table `[callout]`, if it is valid.
    pub(crate) callout: Option<Callout>,
    /// Table `[operator]`, if it is valid.
    pub(crate) operator: Read<Option<Operator>>,
    /// Table `[ceilings]`, if it is valid.
    pub(crate) ceilings: Option<Ceilings>,
    /// All problems, warnings included, in the order of their lines. Those of secrets follow.
    pub(crate) problems: Vec<Problem>,
}

impl Config {
    /// The reference: a file that sets every key, with comments.
    pub const REFERENCE: &str = include_str!("../default.toml");

    /// Reads `file`. Relative paths in it are relative to its directory.
    ///
    /// # Errors
    ///
    /// Returns all problems that can be found without reading secrets, warnings included.
    pub fn load(file: &Path) -> Result<Checked<Self>, Vec<Problem>> {
        let (text, warning) = read_text(file)?;
        let mut checked = Self::parse(file, &text)?;
        checked.warnings.extend(warning);
        Ok(checked)
    }

    /// Parses `text` as the content of `file`.
    ///
    /// # Errors
    ///
    /// Fails as [`Config::load`] does.
    pub fn parse(file: &Path, text: &str) -> Result<Checked<Self>, Vec<Problem>> {
        let document = Document::new(file, text);
        let config = Parts::parse(&document, text).and_then(|parts| parts.whole(&document));
        Checked::unless_broken(config, document.into_problems())
    }

    /// Finds all problems of `file` and of the secrets that it names. No problem hides another.
    pub(crate) fn survey(file: &Path) -> Survey {
        let (text, warning) = match read_text(file) {
            Ok(read) => read,
            Err(problems) => {
                return Survey {
                    problems,
                    ..Survey::default()
                };
            }
        };
        let document = Document::new(file, &text);
        let parts = Parts::parse(&document, &text);
        let broken_secrets = secrets::check(file, &document.secrets());
        let mut problems = document.into_problems();
        problems.extend(warning);
        problems.extend(broken_secrets);
        let Some(parts) = parts else {
            return Survey {
                problems,
                ..Survey::default()
            };
        };
        let key_value = parts.key_value.as_ref();
        let buckets = key_value.and_then(|table| table.nats.as_deref());
        for nats in parts.nats.iter().chain(buckets) {
            problems.extend(secrets::check_connection(file, nats));
        }
        if let Some(identity) = parts.identity {
            problems.extend(identity::check(file, &identity));
        }
        Survey {
            policies: parts.policies,
            key_value: parts.key_value,
            callout: parts.callout,
            operator: parts.operator,
            ceilings: parts.ceilings,
            problems,
        }
    }
}

/// The valid tables of a configuration.
struct Parts {
    nats: Option<Nats>,
    callout: Option<Callout>,
    operator: Read<Option<Operator>>,
    identity: Option<Identity>,
    ceilings: Option<Ceilings>,
    policies: Option<Policies>,
    key_value: Option<KeyValue>,
    health: Option<Health>,
    log: Option<Log>,
}

impl Parts {
    /// Parses the tables. `None` if `text` is not TOML.
    fn parse(document: &Document<'_>, text: &str) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            document.report_syntax(error);
        }
        errors
            .is_empty()
            .then(|| Self::read(document, table.get_ref()))
    }

    fn read(document: &Document<'_>, table: &DeTable<'_>) -> Self {
        let mut root = Section::root(document, table);
        let parts = Self {
            nats: Nats::read(root.section("nats"), "portcullis"),
            callout: Callout::read(root.section("callout"), root.has("operator")),
            operator: Operator::read(root.section("operator")),
            identity: Identity::read(root.section("identity")),
            ceilings: Ceilings::read(root.section("ceilings")),
            policies: Policies::read(root.section("policies")),
            key_value: KeyValue::read(root.section("key-value")),
            health: Health::read(root.section("health")),
            log: Log::read(root.section("log")),
        };
        root.finish();
        if let (Some(callout), Some(operator)) = (&parts.callout, &parts.operator) {
            let ceilings = parts.ceilings.as_ref();
            consistency::check(document, callout, operator.as_ref(), ceilings);
        }
        if let Some(policies) = &parts.policies {
            consistency::check_state_directory(document, policies);
        }
        parts
    }

    fn whole(self, document: &Document<'_>) -> Option<Config> {
        Some(Config {
            file: document.file().to_path_buf(),
            nats: self.nats?,
            callout: self.callout?,
            operator: self.operator?,
            identity: self.identity?,
            ceilings: self.ceilings?,
            policies: self.policies?,
            key_value: self.key_value?,
            health: self.health?,
            log: self.log?,
        })
    }
}

/// Maximum size of the configuration, in bytes.
const MAX_SIZE: u64 = 4 << 20;

/// Returns the text of the configuration, and a warning if every user can change it.
fn read_text(file: &Path) -> Result<(String, Option<Problem>), Vec<Problem>> {
    let broken = |message: String| vec![Problem::error(file, message)];
    let content = portcullis_files::read(file, MAX_SIZE).map_err(|error| {
        broken(format!(
            "cannot read: {error}; `portcullis init` makes a configuration"
        ))
    })?;
    let text = String::from_utf8(content.bytes);
    let text = text.map_err(|_| broken("is not text: expected UTF-8".to_owned()))?;
    let exposed = content.access.is_writable_by_others();
    let warning = exposed.then(|| {
        let message = "every user of this machine can change it: run `chmod o-w` on it";
        Problem::warning(file, message)
    });
    Ok((text, warning))
}

#[cfg(test)]
mod tests;
