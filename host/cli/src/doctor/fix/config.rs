//! Keys of `portcullis.toml` whose value the servers show.

use std::path::Path;

use portcullis_callout::Obstacle;
use portcullis_config::Config;
use portcullis_toml::changed_keys;

use super::change::Change;
use crate::doctor::evidence::{Evidence, Greeting, Login, Server, Settings};
use crate::doctor::finding::Code;

/// Maximum size of the configuration, in bytes.
const MAX_SIZE: u64 = 4 << 20;

/// A key with the value that ends a finding.
struct Wanted {
    code: Code,
    table: &'static str,
    key: &'static str,
    /// The value in TOML.
    value: String,
}

/// Plans the change of the configuration. `None` if no finding has a value that is known.
pub(super) fn plan(evidence: &Evidence) -> Option<(Vec<Code>, Change)> {
    let settings = evidence.settings.as_ref()?;
    let wanted: Vec<_> = tls_first(evidence, settings)
        .into_iter()
        .chain(account(evidence, settings))
        .collect();
    if wanted.is_empty() {
        return None;
    }
    let content = portcullis_files::read(&evidence.file, MAX_SIZE).ok()?;
    let before = String::from_utf8(content.bytes).ok()?;
    let after = wanted.iter().try_fold(before.clone(), |text, wanted| {
        set(&evidence.file, &text, wanted)
    })?;
    let codes = wanted.iter().map(|wanted| wanted.code).collect();
    let file = evidence.file.clone();
    Some((
        codes,
        Change::Content {
            file,
            before,
            after,
        },
    ))
}

/// Returns what the servers want of `tls-first`, if all of them agree.
fn tls_first(evidence: &Evidence, settings: &Settings) -> Option<Wanted> {
    let differs = |server: &&Server| {
        matches!(server.login, Login::Failed(_))
            && match &server.greeting {
                Greeting::TlsFirst => !settings.tls_first,
                Greeting::Info(_) => settings.tls_first,
                Greeting::Silent | Greeting::Failed(_) => false,
            }
    };
    let all = evidence.servers.iter().all(|server| differs(&server));
    (all && !evidence.servers.is_empty()).then(|| Wanted {
        code: Code::TlsFirstDiffers,
        table: "nats",
        key: "tls-first",
        value: (!settings.tls_first).to_string(),
    })
}

/// Returns the account that the host's user is in, if every server names the same, and it is the
/// one of the server's `auth_callout`.
fn account(evidence: &Evidence, settings: &Settings) -> Option<Wanted> {
    if settings.operator_mode {
        return None;
    }
    let mut actual: Vec<_> = evidence.servers.iter().map(actual_account).collect();
    actual.dedup();
    let [Some(account)] = actual.as_slice() else {
        return None;
    };
    let conf = evidence
        .server_conf
        .as_ref()
        .and_then(|it| it.as_ref().ok());
    let there = conf.and_then(|conf| conf.callout.as_ref());
    if there.is_some_and(|callout| callout.account != *account) {
        return None;
    }
    Some(Wanted {
        code: Code::AccountDiffers,
        table: "callout",
        key: "account",
        value: toml_text(account)?,
    })
}

fn actual_account(server: &Server) -> Option<&str> {
    let obstacles = &server.user.as_ref()?.obstacles;
    obstacles.iter().find_map(|obstacle| match obstacle {
        Obstacle::WrongAccount { actual, .. } => Some(actual.as_str()),
        _ => None,
    })
}

/// Returns a text in TOML. `None` for characters that need escapes.
fn toml_text(text: &str) -> Option<String> {
    let is_plain = |c: char| !c.is_control() && c != '"' && c != '\\';
    text.chars().all(is_plain).then(|| format!("\"{text}\""))
}

/// Returns `text` with the key set. `None` if the result does not differ in this key alone, or is
/// not valid.
fn set(file: &Path, text: &str, wanted: &Wanted) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let header = format!("[{}]", wanted.table);
    let start = lines.iter().position(|line| line.trim() == header)?;
    let body = lines.iter().skip(start.saturating_add(1));
    let length = body
        .clone()
        .take_while(|line| !line.trim_start().starts_with('['));
    let length = length.count();
    let is_key = |line: &&String| {
        let name = line.split_once('=').map(|(name, _)| name.trim());
        name == Some(wanted.key)
    };
    let found = body.take(length).position(|line| is_key(&line));
    let new = format!("{} = {}", wanted.key, wanted.value);
    let first = start.saturating_add(1);
    match found {
        Some(place) => *lines.get_mut(first.saturating_add(place))? = new,
        None => lines.insert(first, new),
    }
    let after = format!("{}\n", lines.join("\n"));
    let changed = changed_keys(text, &after);
    let key = format!("{}.{}", wanted.table, wanted.key);
    let is_alone = changed.len() == 1 && changed.contains(&key);
    (is_alone && Config::parse(file, &after).is_ok()).then_some(after)
}
