//! Table `[operator.account-requests]`: accounts that signed themselves, and ask to be signed.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_accounts::AccountRequestOptions;
use portcullis_authority::AccountPattern;
use portcullis_toml::kinds::SOME_TIME;
use portcullis_toml::{InvalidValue, Kind, Read, Section};

use crate::account_caps::{read_count, read_limits, read_names, read_store, read_system_account};
use crate::nats::Nats;
use crate::sources::NamedSecrets;

/// The table `[operator.account-requests]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRequestTable {
    /// Subject of the requests, in the system account.
    pub subject: String,
    /// Names that accounts may ask for, at least one.
    pub names: Vec<AccountPattern>,
    /// Directory of the store, which has the operator and a seed that signs accounts.
    pub store: PathBuf,
    /// Time in which a request is decided. Default: 750 ms.
    pub deadline: Duration,
    /// Maximum number of requests in progress; the host refuses others. Default: 16.
    pub max_in_flight: usize,
    /// Caps, and the limits that no account exceeds.
    pub options: AccountRequestOptions,
    /// Table `[operator.account-requests.nats]`: the connection to the system account.
    pub nats: Box<Nats>,
}

/// Name of the connection, as servers show it.
const NAME: &str = "portcullis-account-requests";

/// Default of `deadline`: shorter than the time for which a resolver waits, 1 s.
const DEADLINE: Duration = Duration::from_millis(750);

/// Default of `max-in-flight`.
const MAX_IN_FLIGHT: usize = 16;

const SUBJECT: Kind<String> = Kind {
    expected: "a subject such as `portcullis.account.requests`",
    parse: |text| {
        let is_token = |token: &str| {
            let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'>' | b'.');
            !token.is_empty() && token.bytes().all(plain)
        };
        // Servers themselves listen there, and the host would take their messages for requests.
        let is_own = text.starts_with("$SYS.");
        if !is_own && text.len() <= 256 && text.split('.').all(is_token) {
            return Ok(text.to_owned());
        }
        let expected = "a subject without wildcards and not below `$SYS`, such as `portcullis.account.requests`";
        Err(InvalidValue::unexpected(expected, text))
    },
};

impl AccountRequestTable {
    /// Reads the table. The inner `None` means that the table is absent, which is no problem.
    pub(crate) fn read(mut section: Section<'_>, secrets: &NamedSecrets) -> Read<Option<Self>> {
        if !section.is_present() {
            section.finish();
            return Some(None);
        }
        let defaults = AccountRequestOptions::default();
        let subject = read_subject(&mut section);
        let names = read_names(&mut section);
        let store = read_store(&mut section);
        let deadline = section.value("deadline", &SOME_TIME, DEADLINE);
        let max_in_flight = match section.setting("max-in-flight") {
            None => Some(MAX_IN_FLIGHT),
            Some(setting) => setting.count(1024),
        };
        let max_accounts = read_count(&mut section, "max-accounts", defaults.max_accounts);
        let max_per_hour = read_count(&mut section, "max-per-hour", defaults.max_per_hour);
        let limits = section.section("limits");
        let limits = read_limits(limits, defaults.limits, true);
        let why = "the connections of [nats] are enough for logins";
        let nats = read_system_account(&mut section, NAME, why, secrets);
        section.finish();
        Some(Some(Self {
            subject: subject?,
            names: names?,
            store: store?,
            deadline: deadline?,
            max_in_flight: max_in_flight?,
            options: AccountRequestOptions {
                max_accounts: max_accounts?,
                max_per_hour: max_per_hour?,
                limits: limits?,
                ..defaults
            },
            nats: nats?,
        }))
    }
}

fn read_subject(section: &mut Section<'_>) -> Option<String> {
    let Some(setting) = section.setting("subject") else {
        let missing = "missing: the subject of the requests, which `portcullis resolver --sign-subject` names too";
        section.report_missing("subject", missing);
        return None;
    };
    setting.parse(&SUBJECT)
}
