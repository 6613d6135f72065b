//! Table `[records]`: the decision records.

use portcullis_authority::{RecordedFacts, WhenRecordsFull};
use portcullis_records::{FileOptions, OtlpOptions, RecordOptions, StreamOptions};
use portcullis_toml::kinds::{SIZE, SOME_TIME, WORD};
use portcullis_toml::{InvalidValue, Kind, Read, Section};

use crate::otlp;
use crate::sources::NamedSecrets;

/// The table of the collector of records.
pub(crate) const COLLECTOR: &str = "records.otlp";

/// Maximum of `max-files`.
const MAX_FILES: usize = 10_000;

/// Maximum of `max-pending`, in bytes.
const MAX_PENDING: u64 = 1 << 30;

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

/// Reads the table `[records]`.
pub(crate) fn read(mut section: Section<'_>, secrets: &NamedSecrets) -> Option<RecordOptions> {
    let defaults = RecordOptions::default();
    let facts = section.value("facts", &FACTS, defaults.facts);
    let when_full = section.value("when-full", &WHEN_FULL, defaults.when_full);
    let pending = u64::try_from(defaults.max_pending).unwrap_or(MAX_PENDING);
    let max_pending = section.value("max-pending", &PENDING, pending);
    let file = read_file(section.section("file"));
    let stream = read_stream(section.section("stream"));
    let otlp = read_otlp(section.section("otlp"), secrets);
    section.finish();
    Some(RecordOptions {
        facts: facts?,
        when_full: when_full?,
        max_pending: usize::try_from(max_pending?).unwrap_or(defaults.max_pending),
        file: file?,
        stream: stream?,
        otlp: otlp?,
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

/// Reads `[records.stream]`, which names a subject if it is on.
fn read_stream(mut section: Section<'_>) -> Read<Option<StreamOptions>> {
    let subject = match section.setting("subject") {
        None => Some(None),
        Some(setting) => setting.parse(&SUBJECT).map(Some),
    };
    let domain = match section.setting("jetstream-domain") {
        None => Some(None),
        Some(setting) => setting.parse(&WORD).map(Some),
    };
    section.finish();
    let (subject, domain) = (subject?, domain?);
    Some(subject.map(|subject| StreamOptions { subject, domain }))
}

/// Reads `[records.otlp]`, which names an address if it is on.
fn read_otlp(mut section: Section<'_>, secrets: &NamedSecrets) -> Read<Option<OtlpOptions>> {
    let collector = otlp::read(&mut section, &otlp::LOGS, secrets);
    section.finish();
    collector
}
