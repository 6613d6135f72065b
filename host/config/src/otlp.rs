//! Tables of OTLP collectors, such as `[records.otlp]`.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_connect::SecretSource;
use portcullis_core::with_causes;
use portcullis_records::OtlpOptions;
use portcullis_toml::kinds::SOME_TIME;
use portcullis_toml::{InvalidValue, Keyed, Kind, Problem, Read, Section};
use url::Url;

use crate::sources::{NamedSecrets, SecretKind};

/// Maximum of `max-queued`.
const MAX_QUEUED: usize = 1 << 16;

/// The address of a collector of logs.
pub(crate) const LOGS: Kind<Url> = Kind {
    expected: "an address such as `https://collector.example.com:4318`",
    // The error does not show the text, which may have a password.
    parse: |text| OtlpOptions::logs_url(text).map_err(InvalidValue::rule),
};

/// The address of a collector of traces.
pub(crate) const TRACES: Kind<Url> = Kind {
    expected: LOGS.expected,
    parse: |text| OtlpOptions::traces_url(text).map_err(InvalidValue::rule),
};

/// The name of a header field. Names in HTTP have no case, and the map is sorted by the name as it
/// is sent.
const HEADER: Kind<String> = Kind {
    expected: "the name of a header such as `authorization`",
    parse: |text| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name = text.to_ascii_lowercase();
        let is_own = matches!(
            name.as_str(),
            "content-type" | "content-length" | "host" | "transfer-encoding" | "connection"
        );
        if text.is_empty() || !text.chars().all(is_plain) {
            let expected = "the name of a header: letters, digits, `-`, `_` and `.`";
            Err(InvalidValue::unexpected(expected, text))
        } else if is_own {
            Err(InvalidValue::unexpected(
                "a header that requests do not have already",
                text,
            ))
        } else {
            Ok(name)
        }
    },
};

/// Reads the keys of a collector, whose table names an `address` if it is on.
pub(crate) fn read(
    section: &mut Section<'_>,
    address: &Kind<Url>,
    secrets: &NamedSecrets,
) -> Read<Option<OtlpOptions>> {
    let url = read_url(section, address);
    let timeout = section.value("timeout", &SOME_TIME, OtlpOptions::TIMEOUT);
    let max_queued = match section.setting("max-queued") {
        None => Some(None),
        Some(setting) => setting.count(MAX_QUEUED).map(Some),
    };
    let has_ca_file = section.has("ca-file");
    let ca_file = section.path("ca-file");
    let headers = read_headers(section.section("headers"), secrets);
    let (url, timeout, max_queued, headers) = (url?, timeout?, max_queued?, headers?);
    if has_ca_file && ca_file.is_none() {
        return None;
    }
    Some(url.map(|url| {
        let defaults = OtlpOptions::new(url);
        OtlpOptions {
            headers,
            timeout,
            ca_file,
            max_queued: max_queued.unwrap_or(defaults.max_queued),
            ..defaults
        }
    }))
}

/// Reads the address. The inner `None` means that the table has none, which is no problem.
fn read_url(section: &mut Section<'_>, address: &Kind<Url>) -> Read<Option<Url>> {
    let allow_http = section.flag("allow-http", false);
    let Some(setting) = section.setting("url") else {
        return allow_http.map(|_| None);
    };
    let url = setting.parse(address)?;
    match OtlpOptions::check_privacy(&url, allow_http?) {
        Ok(()) => Some(Some(url)),
        Err(error) => {
            setting.report(error.to_string());
            None
        }
    }
}

/// Returns the places of the values of headers, for the table `table`.
pub(crate) fn secrets(table: &str, options: &OtlpOptions) -> Vec<Keyed<SecretSource>> {
    let headers = options.headers.iter();
    let keyed = headers.map(|(name, source)| {
        let key = match source {
            SecretSource::Environment(_) => "value-env",
            _ => "value-file",
        };
        Keyed {
            key: format!("{table}.headers.{name}.{key}"),
            value: source.clone(),
        }
    });
    keyed.collect()
}

/// Returns a problem if the file of certificates of the table `table` cannot be used.
pub(crate) fn check(file: &Path, table: &str, options: &OtlpOptions) -> Option<Problem> {
    let error = options.check_files().err()?;
    let problem = Problem::error(file, with_causes(&error));
    Some(problem.at_key(format!("{table}.ca-file")))
}

/// Reads the tables `headers.NAME`.
fn read_headers(
    section: Section<'_>,
    secrets: &NamedSecrets,
) -> Option<BTreeMap<String, SecretSource>> {
    section.named(&HEADER, |mut section| {
        let value = secrets.read(&mut section, "value-file", "value-env", SecretKind::Header);
        if !section.has("value-file") && !section.has("value-env") {
            let message = "missing: name the file with the value of the header or, in `value-env`, \
                           an environment variable";
            section.report_missing("value-file", message);
        }
        section.finish();
        value.map(|Keyed { value, .. }| value)
    })
}
