//! Table `[operator.first-login]`: accounts that are made at their first login.

use std::path::PathBuf;

use portcullis_accounts::FirstLoginOptions;
use portcullis_authority::AccountPattern;
use portcullis_claims::{AccountLimits, JetStreamLimits};
use portcullis_toml::kinds::SIZE;
use portcullis_toml::{InvalidValue, Kind, Read, Section};

use crate::nats::Nats;
use crate::sources::NamedSecrets;

/// The table `[operator.first-login]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstLogin {
    /// Names of the accounts that may be made, at least one.
    pub names: Vec<AccountPattern>,
    /// Directory of the store, which has the operator and a seed that signs accounts.
    pub store: PathBuf,
    /// Caps, and the limits of each new account.
    pub options: FirstLoginOptions,
    /// Table `[operator.first-login.nats]`: the connection to the system account.
    pub nats: Box<Nats>,
}

/// Name of the connection, as servers show it.
const NAME: &str = "portcullis-accounts";

const PATTERN: Kind<AccountPattern> = Kind {
    expected: "a pattern of account names such as `tenant-*`",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

/// Value for "no limit" in account JWTs.
const UNLIMITED: i64 = -1;

impl FirstLogin {
    /// Reads the table. The inner `None` means that the table is absent, which is no problem.
    pub(crate) fn read(mut section: Section<'_>, secrets: &NamedSecrets) -> Read<Option<Self>> {
        if !section.is_present() {
            section.finish();
            return Some(None);
        }
        let defaults = FirstLoginOptions::default();
        let names = read_names(&mut section);
        let is_named = section.has("store");
        let store = section.path("store");
        if !is_named {
            let missing = "missing: the directory with the operator's JWT and the seed of one of its signing keys";
            section.report_missing("store", missing);
        }
        let max_accounts = read_count(&mut section, "max-accounts", defaults.max_accounts);
        let max_per_hour = read_count(&mut section, "max-per-hour", defaults.max_per_hour);
        let limits = read_limits(section.section("limits"), defaults.limits);
        let why = "accounts that exist need no connection";
        let nats = Nats::read_other(section.section("nats"), NAME, why, secrets);
        if matches!(nats, Some(None)) {
            let missing = "missing: the table with `creds-file`, a user of the system account";
            section.report_missing("nats", missing);
        }
        section.finish();
        Some(Some(Self {
            names: names?,
            store: store.filter(|_| is_named)?,
            options: FirstLoginOptions {
                max_accounts: max_accounts?,
                max_per_hour: max_per_hour?,
                limits: limits?,
            },
            nats: nats??,
        }))
    }
}

fn read_names(section: &mut Section<'_>) -> Option<Vec<AccountPattern>> {
    let Some(setting) = section.setting("names") else {
        let missing =
            "missing: list the names of accounts that may be made, for example `[\"tenant-*\"]`";
        section.report_missing("names", missing);
        return None;
    };
    let names = setting.list(&PATTERN)?;
    if names.is_empty() {
        setting.report("must list at least one pattern");
        return None;
    }
    Some(names)
}

fn read_count(section: &mut Section<'_>, key: &'static str, default: usize) -> Option<usize> {
    match section.setting(key) {
        None => Some(default),
        Some(setting) => setting.count(1_000_000),
    }
}

/// Reads the limits of a new account. `JetStream` is on if any storage is granted.
fn read_limits(mut section: Section<'_>, defaults: AccountLimits) -> Option<AccountLimits> {
    let connections = read_limit(&mut section, "connections", defaults.connections);
    let subscriptions = read_limit(&mut section, "subscriptions", defaults.subs);
    let payload = read_size(&mut section, "payload", defaults.payload);
    let memory = read_size(&mut section, "jetstream-memory", 0);
    let disk = read_size(&mut section, "jetstream-disk", 0);
    let streams = read_limit(&mut section, "jetstream-streams", 10);
    let consumers = read_limit(&mut section, "jetstream-consumers", 100);
    section.finish();
    let (memory_storage, disk_storage) = (memory?, disk?);
    let (streams, consumers) = (streams?, consumers?);
    let jetstream = match (memory_storage, disk_storage) {
        (0, 0) => JetStreamLimits::default(),
        _ => JetStreamLimits {
            memory_storage,
            disk_storage,
            streams,
            consumers,
            max_ack_pending: UNLIMITED,
            ..JetStreamLimits::default()
        },
    };
    Some(AccountLimits {
        connections: connections?,
        subs: subscriptions?,
        payload: payload?,
        jetstream,
        ..defaults
    })
}

fn read_limit(section: &mut Section<'_>, key: &'static str, default: i64) -> Option<i64> {
    match section.setting(key) {
        None => Some(default),
        Some(setting) => setting.number(1, i64::from(u32::MAX)),
    }
}

fn read_size(section: &mut Section<'_>, key: &'static str, default: i64) -> Option<i64> {
    match section.setting(key) {
        None => Some(default),
        Some(setting) => setting
            .parse(&SIZE)
            .and_then(|bytes| i64::try_from(bytes).ok()),
    }
}
