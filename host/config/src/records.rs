//! Table `[records]`: the decision records.

use portcullis_authority::{RecordedFacts, WhenRecordsFull};
use portcullis_records::{
    EventOptions, EventSubject, FileOptions, LiveOptions, OtlpOptions, RecordOptions, StreamOptions,
};
use portcullis_toml::kinds::{SIZE, SOME_TIME, WORD};
use portcullis_toml::{InvalidValue, Kind, Read, Section};

use crate::nats::Nats;
use crate::otlp;
use crate::sources::NamedSecrets;
use crate::values::ACCOUNT;

/// The valid parts of the table `[records]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Records {
    /// The content and the places of the records.
    pub(crate) options: RecordOptions,
    /// Table `[records.stream.nats]`: the connection to the account of the stream. `None` selects a
    /// connection of `[nats]`.
    pub(crate) stream_nats: Option<Box<Nats>>,
}

/// The table of the collector of records.
pub(crate) const COLLECTOR: &str = "records.otlp";

/// Name of the connection to the stream, as servers show it.
const NAME: &str = "portcullis-records";

/// Maximum of `max-files`.
const MAX_FILES: usize = 10_000;

/// Maximum of `max-pending`, in bytes.
const MAX_PENDING: u64 = 1 << 30;

/// Maximum of `max-records`.
const MAX_LIVE: usize = 100_000;

const FACTS: Kind<RecordedFacts> = Kind {
    expected: "`log` or `all`",
    parse: |text| match text {
        "log" => Ok(RecordedFacts::Shown),
        "all" => Ok(RecordedFacts::All),
        _ => Err(InvalidValue::unexpected("`log` or `all`", text)),
    },
};

const WHEN_FULL: Kind<WhenRecordsFull> = Kind {
    expected: "`drop` or `block`",
    parse: |text| match text {
        "drop" => Ok(WhenRecordsFull::Drop),
        "block" => Ok(WhenRecordsFull::Block),
        _ => Err(InvalidValue::unexpected("`drop` or `block`", text)),
    },
};

const PENDING: Kind<u64> = Kind {
    expected: SIZE.expected,
    parse: |text| match (SIZE.parse)(text) {
        Ok(size) if size > MAX_PENDING => Err(InvalidValue::above("1GiB", text)),
        size => size,
    },
};

/// A subject to publish on.
const SUBJECT: Kind<String> = Kind {
    expected: "a subject such as `portcullis.decisions`",
    parse: |text| {
        let is_token = |token: &str| {
            let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '*' && c != '>';
            !token.is_empty() && token.chars().all(is_plain)
        };
        if text.split('.').all(is_token) && !text.starts_with('$') {
            Ok(text.to_owned())
        } else {
            let expected = "a subject such as `portcullis.decisions`, without wildcards";
            Err(InvalidValue::unexpected(expected, text))
        }
    },
};

/// The template of the subject of login events.
const EVENT_SUBJECT: Kind<EventSubject> = Kind {
    expected: "a subject such as `portcullis.logins.{account}`",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

/// Reads the table `[records]`.
pub(crate) fn read(mut section: Section<'_>, secrets: &NamedSecrets) -> Option<Records> {
    let defaults = RecordOptions::default();
    let facts = section.value("facts", &FACTS, defaults.facts);
    let when_full = section.value("when-full", &WHEN_FULL, defaults.when_full);
    let pending = u64::try_from(defaults.max_pending).unwrap_or(MAX_PENDING);
    let max_pending = section.value("max-pending", &PENDING, pending);
    let file = read_file(section.section("file"));
    let stream = read_stream(section.section("stream"), secrets);
    let events = read_events(section.section("events"));
    let otlp = read_otlp(section.section("otlp"), secrets);
    let live = read_live(section.section("live"));
    section.finish();
    let (stream, stream_nats) = stream?;
    let options = RecordOptions {
        facts: facts?,
        when_full: when_full?,
        max_pending: usize::try_from(max_pending?).unwrap_or(defaults.max_pending),
        file: file?,
        stream,
        otlp: otlp?,
        events: events?,
        live: live?,
    };
    Some(Records {
        options,
        stream_nats,
    })
}

/// Reads `[records.file]`, which names a path if it is on.
fn read_file(mut section: Section<'_>) -> Read<Option<FileOptions>> {
    let path = section.path("path");
    let defaults = FileOptions::new("");
    let max_size = section.value("max-size", &SIZE, defaults.max_size);
    let max_age = section.value("max-age", &SOME_TIME, defaults.max_age);
    let max_files = match section.setting("max-files") {
        None => Some(defaults.max_files),
        Some(setting) => setting.count(MAX_FILES),
    };
    section.finish();
    let (max_size, max_age, max_files) = (max_size?, max_age?, max_files?);
    Some(path.map(|path| FileOptions {
        path,
        max_size,
        max_age,
        max_files,
    }))
}

/// A stream, and the connection to its account.
type Stream = (Option<StreamOptions>, Option<Box<Nats>>);

/// Reads `[records.stream]`, which names a subject if it is on.
fn read_stream(mut section: Section<'_>, secrets: &NamedSecrets) -> Option<Stream> {
    let subject = match section.setting("subject") {
        None => Some(None),
        Some(setting) => setting.parse(&SUBJECT).map(Some),
    };
    let domain = match section.setting("jetstream-domain") {
        None => Some(None),
        Some(setting) => setting.parse(&WORD).map(Some),
    };
    let why = "records wait while the connection to their stream is lost";
    let nats = Nats::read_other(section.section("nats"), NAME, why, secrets);
    if matches!((&subject, &nats), (Some(None), Some(Some(_)))) {
        section.report("`nats` connects to no stream: set `subject`");
    }
    section.finish();
    let (subject, domain, nats) = (subject?, domain?, nats?);
    let stream = subject.map(|subject| StreamOptions { subject, domain });
    Some((stream, nats))
}

/// Reads `[records.events]`, which names a subject if it is on.
fn read_events(mut section: Section<'_>) -> Read<Option<EventOptions>> {
    let subject = match section.setting("subject") {
        None => Some(None),
        Some(setting) => setting.parse(&EVENT_SUBJECT).map(Some),
    };
    let address = section.flag("address", false);
    let denials = match section.setting("denials") {
        None => Some(None),
        Some(setting) => setting.parse(&ACCOUNT).map(Some),
    };
    section.finish();
    let (subject, address, denials) = (subject?, address?, denials?);
    Some(subject.map(|subject| EventOptions {
        address,
        denials,
        ..EventOptions::new(subject)
    }))
}

/// Reads `[records.live]`, which names a subject if it is on.
fn read_live(mut section: Section<'_>) -> Read<Option<LiveOptions>> {
    let defaults = LiveOptions::default();
    let subject = match section.setting("subject") {
        None => Some(None),
        Some(setting) => setting.parse(&SUBJECT).map(Some),
    };
    let max_records = match section.setting("max-records") {
        None => Some(defaults.max_records),
        Some(setting) => setting.count(MAX_LIVE),
    };
    let max_size = section.value("max-size", &PENDING, defaults.max_size);
    section.finish();
    let (subject, max_records, max_size) = (subject?, max_records?, max_size?);
    Some(subject.map(|subject| LiveOptions {
        subject,
        max_records,
        max_size,
    }))
}

/// Reads `[records.otlp]`, which names an address if it is on.
fn read_otlp(mut section: Section<'_>, secrets: &NamedSecrets) -> Read<Option<OtlpOptions>> {
    let collector = otlp::read(&mut section, &otlp::LOGS, secrets);
    section.finish();
    collector
}
