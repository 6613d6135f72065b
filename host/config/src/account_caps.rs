//! What the tables about accounts that the host makes or signs have in common.

use std::path::PathBuf;

use portcullis_authority::AccountPattern;
use portcullis_claims::{AccountLimits, JetStreamLimits};
use portcullis_toml::kinds::SIZE;
use portcullis_toml::{InvalidValue, Kind, Section};

use crate::nats::Nats;
use crate::sources::NamedSecrets;

const PATTERN: Kind<AccountPattern> = Kind {
    expected: "a pattern of account names such as `tenant-*`",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

/// A size of stored messages.
const STORAGE: Kind<i64> = Kind {
    expected: SIZE.expected,
    parse: |text| {
        let bytes = (SIZE.parse)(text)?;
        i64::try_from(bytes).map_err(|_| InvalidValue::above("8191PiB", text))
    },
};

/// The size of a message. Servers before 2.12 keep it in 32 bits: with a larger one, they refuse
/// every message.
const MESSAGE: Kind<i64> = Kind {
    expected: SIZE.expected,
    parse: |text| match i32::try_from((SIZE.parse)(text)?) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => Err(InvalidValue::above(i32::MAX, text)),
    },
};

/// Value for "no limit" in account JWTs.
const UNLIMITED: i64 = -1;

/// Reads `store`, the directory of a store that can sign accounts.
pub(crate) fn read_store(section: &mut Section<'_>) -> Option<PathBuf> {
    let is_named = section.has("store");
    let store = section.path("store");
    if !is_named {
        let missing = "missing: the directory with the operator's JWT and the seed of one of its signing keys";
        section.report_missing("store", missing);
    }
    store.filter(|_| is_named)
}

/// Reads `names`, which lists at least one pattern.
pub(crate) fn read_names(section: &mut Section<'_>) -> Option<Vec<AccountPattern>> {
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

/// Reads `nats`, the connection to the system account, whose name servers show. `why` says what
/// works without it.
pub(crate) fn read_system_account(
    section: &mut Section<'_>,
    name: &str,
    why: &str,
    secrets: &NamedSecrets,
) -> Option<Box<Nats>> {
    let nats = Nats::read_other(section.section("nats"), name, why, secrets);
    if matches!(nats, Some(None)) {
        let missing = "missing: the table with `creds-file`, a user of the system account";
        section.report_missing("nats", missing);
    }
    nats?
}

/// Reads a number of accounts.
pub(crate) fn read_count(
    section: &mut Section<'_>,
    key: &'static str,
    default: usize,
) -> Option<usize> {
    match section.setting(key) {
        None => Some(default),
        Some(setting) => setting.count(1_000_000),
    }
}

/// Reads the limits of an account. `JetStream` is on if any storage is granted. With `may_share`,
/// the account may have leafnodes, imports and exports of its own.
pub(crate) fn read_limits(
    mut section: Section<'_>,
    defaults: AccountLimits,
    may_share: bool,
) -> Option<AccountLimits> {
    let connections = read_limit(&mut section, "connections", defaults.connections);
    let subscriptions = read_limit(&mut section, "subscriptions", defaults.subs);
    let payload = section.value("payload", &MESSAGE, defaults.payload);
    let mut shared = |key: &'static str, default: i64| {
        if may_share {
            read_from(&mut section, key, 0, default)
        } else {
            Some(default)
        }
    };
    let leafnodes = shared("leafnodes", defaults.leafnodes);
    let imports = shared("imports", defaults.imports);
    let exports = shared("exports", defaults.exports);
    let memory = section.value("jetstream-memory", &STORAGE, 0);
    let disk = section.value("jetstream-disk", &STORAGE, 0);
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
        leafnodes: leafnodes?,
        imports: imports?,
        exports: exports?,
        jetstream,
        ..defaults
    })
}

fn read_limit(section: &mut Section<'_>, key: &'static str, default: i64) -> Option<i64> {
    read_from(section, key, 1, default)
}

fn read_from(
    section: &mut Section<'_>,
    key: &'static str,
    least: i64,
    default: i64,
) -> Option<i64> {
    match section.setting(key) {
        None => Some(default),
        // Servers before 2.12 keep these numbers in 32 bits: with a larger one, they refuse every
        // login.
        Some(setting) => setting.number(least, i64::from(i32::MAX)),
    }
}
