//! The configuration `portcullis.toml`: one type for each table, with its validation.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use portcullis_authority::Ceilings;
use portcullis_records::RecordOptions;
use portcullis_toml::{Checked, Document, Problem, Problems, Read, Section};

use crate::callout::Callout;
use crate::exchange::Exchange;
use crate::health::Health;
use crate::identity::Identity;
use crate::key_value::KeyValue;
use crate::log::Log;
use crate::nats::Nats;
use crate::operator::Operator;
use crate::policies::Policies;
use crate::records::Records;
use crate::source_text::SourceText;
use crate::sources::NamedSecrets;
use crate::telemetry::Telemetry;
use crate::{ceilings, consistency, records};

/// A configuration in which every key is valid by itself. It names secrets without reading them:
/// [`Config::resolve_secrets`] does that.
#[derive(Clone, Debug)]
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
    /// Table `[system]`: the connection of commands to the system account. The host does not use
    /// it. `None` if the table is absent.
    pub system: Option<Box<Nats>>,
    /// Table `[exchange]`: the token exchange over HTTP.
    pub exchange: Exchange,
    /// Table `[health]`: the health listener.
    pub health: Health,
    /// Table `[records]`: the decision records.
    pub records: RecordOptions,
    /// Table `[records.stream.nats]`: the connection to the account of the stream of records.
    /// `None` selects a connection of `[nats]`.
    pub records_nats: Option<Box<Nats>>,
    /// Table `[telemetry]`: traces of logins.
    pub telemetry: Telemetry,
    /// Table `[log]`: the log on standard error.
    pub log: Log,
    pub(crate) source: SourceText,
}

impl Config {
    /// The reference: a file that sets every key, with comments.
    pub const REFERENCE: &str = include_str!("../default.toml");

    /// Reads `file`. Relative paths in it are relative to its directory.
    ///
    /// # Errors
    ///
    /// Returns all problems that can be found without reading secrets, warnings included.
    pub fn load(file: &Path) -> Result<Checked<Self>, Problems> {
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
    pub fn parse(file: &Path, text: &str) -> Result<Checked<Self>, Problems> {
        let document = Document::new(file, text);
        let parts = Parts::parse(&document, &NamedSecrets::default());
        let config = parts.and_then(|parts| parts.whole(&document));
        Checked::unless_broken(config, document.into_problems())
    }
}

/// Name of the connection to the system account, as servers show it.
const SYSTEM: &str = "portcullis-system";

/// Reason why the connection to the system account never ends the host.
const WHY: &str = "commands use the connection, and the host does not";

/// The valid tables of a configuration.
pub(crate) struct Parts {
    pub(crate) nats: Option<Nats>,
    pub(crate) callout: Option<Callout>,
    pub(crate) operator: Read<Option<Operator>>,
    pub(crate) identity: Option<Identity>,
    pub(crate) ceilings: Option<Ceilings>,
    pub(crate) policies: Option<Policies>,
    pub(crate) key_value: Option<KeyValue>,
    pub(crate) system: Read<Option<Box<Nats>>>,
    pub(crate) exchange: Option<Exchange>,
    pub(crate) health: Option<Health>,
    pub(crate) records: Option<Records>,
    pub(crate) telemetry: Option<Telemetry>,
    pub(crate) log: Option<Log>,
}

impl Parts {
    /// Parses the tables, and records the secrets that they name. `None` if the text is not TOML.
    pub(crate) fn parse(document: &Document<'_>, secrets: &NamedSecrets) -> Option<Self> {
        let table = document.parse()?;
        Some(Self::read(document, document.root(&table), secrets))
    }

    /// Reads the tables in `root`.
    pub(crate) fn read(
        document: &Document<'_>,
        mut root: Section<'_>,
        secrets: &NamedSecrets,
    ) -> Self {
        let parts = Self {
            nats: Nats::read(root.section("nats"), "portcullis", secrets),
            callout: Callout::read(root.section("callout"), root.has("operator"), secrets),
            operator: Operator::read(root.section("operator"), secrets),
            identity: Identity::read(root.section("identity")),
            ceilings: ceilings::read(root.section("ceilings")),
            policies: Policies::read(root.section("policies")),
            key_value: KeyValue::read(root.section("key-value"), secrets),
            system: Nats::read_other(root.section("system"), SYSTEM, WHY, secrets),
            exchange: Exchange::read(root.section("exchange"), root.has("operator")),
            health: Health::read(root.section("health")),
            records: records::read(root.section("records"), secrets),
            telemetry: Telemetry::read(root.section("telemetry"), secrets),
            log: Log::read(root.section("log")),
        };
        root.finish();
        if let (Some(callout), Some(operator)) = (&parts.callout, &parts.operator) {
            let ceilings = parts.ceilings.as_ref();
            let records = parts.records.as_ref();
            consistency::check(document, callout, operator.as_ref(), ceilings, records);
        }
        if let Some(policies) = &parts.policies {
            consistency::check_state_directory(document, policies, secrets);
        }
        parts
    }

    fn whole(self, document: &Document<'_>) -> Option<Config> {
        let records = self.records?;
        Some(Config {
            file: document.file().to_path_buf(),
            nats: self.nats?,
            callout: self.callout?,
            operator: self.operator?,
            identity: self.identity?,
            ceilings: self.ceilings?,
            policies: self.policies?,
            key_value: self.key_value?,
            system: self.system?,
            exchange: self.exchange?,
            health: self.health?,
            records: records.options,
            records_nats: records.stream_nats,
            telemetry: self.telemetry?,
            log: self.log?,
            source: SourceText::new(document.text()),
        })
    }
}

/// Maximum size of the configuration, in bytes.
const MAX_SIZE: u64 = 4 << 20;

/// Returns the text of the configuration, and a warning if every user can change it.
pub(crate) fn read_text(file: &Path) -> Result<(String, Option<Problem>), Problems> {
    let broken = |message: String| Problems::from(Problem::error(file, message));
    let content = portcullis_files::read(file, MAX_SIZE).map_err(|error| {
        broken(format!(
            "cannot read: {error}; `portcullis init` makes a configuration"
        ))
    })?;
    let text = String::from_utf8(content.bytes);
    let text = text.map_err(|_| broken("is not text: expected UTF-8".to_owned()))?;
    let warning = if content.access.is_writable_by_others() {
        let message = "every user of this machine can change it: run `chmod o-w` on it";
        Some(Problem::warning(file, message))
    } else {
        replaceable_in(file).map(|directory| {
            let place = directory.display();
            let message =
                format!("every user of this machine can replace it: run `chmod o-w` on `{place}`");
            Problem::warning(file, message).about(directory)
        })
    };
    let warning = warning.map(|warning| warning.with_code("configuration-exposed"));
    Ok((text, warning))
}

/// Returns the directory in which every user may replace the file at `path`. `None` without such.
/// In a directory with the sticky bit, such as `/tmp`, users replace their own files only.
pub(crate) fn replaceable_in(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    let directory = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let mode = fs::metadata(directory).ok()?.mode();
    (mode & 0o002 != 0 && mode & 0o1000 == 0).then_some(directory)
}
