//! Password hashes that this machine cannot compute within a login's deadline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_identity::{hash_parameters, time_of_comparison};
use portcullis_toml::Problem;

/// Maximum number of kinds of hashes that are computed. Policies have one or two.
const MAX_HASHES: usize = 16;

/// Maximum size of a settings file, in bytes: the largest that a policy can have.
const MAX_SIZE: u64 = 32 * 1024 * 1024;

/// Computes one hash of every kind in the settings in `directory`. Returns a warning for each kind
/// that takes more processor time than `deadline`. Skips unreadable settings, which other checks
/// report.
pub(super) fn slow_hashes(directory: &Path, deadline: Duration) -> Vec<Problem> {
    let Ok(listing) = portcullis_files::list(directory) else {
        return Vec::new();
    };
    let mut kinds = BTreeMap::new();
    for file in listing.entries {
        let is_settings = file
            .extension()
            .is_some_and(|extension| extension == "toml");
        let settings = is_settings.then(|| read_settings(&file)).flatten();
        if let Some(settings) = settings {
            collect(&settings, &file, &mut kinds);
        }
    }
    let slow = kinds.into_iter().filter_map(|(parameters, (hash, file))| {
        let took = time_of_comparison(&hash).ok()?;
        (took > deadline).then(|| slow_hash(&file, &parameters, took, deadline))
    });
    slow.collect()
}

fn slow_hash(file: &Path, parameters: &str, took: Duration, deadline: Duration) -> Problem {
    let milliseconds = |time: Duration| time.as_millis();
    let message = format!(
        "this machine takes {} ms of processor time for a password hash like `{parameters}$…`, longer than a decision may take ({} ms): no user \
         with such a hash gets in; make hashes that cost less (`portcullis hash`), or raise `deadline` under [callout]",
        milliseconds(took),
        milliseconds(deadline)
    );
    Problem::warning(file, message)
}

fn read_settings(file: &Path) -> Option<toml::Value> {
    let content = portcullis_files::read(file, MAX_SIZE).ok()?;
    let text = String::from_utf8(content.bytes).ok()?;
    toml::from_str(&text).ok()
}

/// Records the first hash of each kind in `value`, with its file.
fn collect(value: &toml::Value, file: &Path, kinds: &mut BTreeMap<String, (String, PathBuf)>) {
    match value {
        toml::Value::String(text) => {
            let parameters = hash_parameters(text);
            if let Some(parameters) = parameters.filter(|_| kinds.len() < MAX_HASHES) {
                kinds
                    .entry(parameters.to_owned())
                    .or_insert_with(|| (text.clone(), file.to_owned()));
            }
        }
        toml::Value::Array(values) => {
            for value in values {
                collect(value, file, kinds);
            }
        }
        toml::Value::Table(table) => {
            for (_, value) in table {
                collect(value, file, kinds);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_hash_that_takes_longer_than_the_deadline_is_told_once_for_its_kind() {
        let directory = tempfile::tempdir().unwrap();
        let hash = |salt: &str| {
            format!("$2b$05${salt}ccccccccccccccccccccuIJvLBFRt.2WA3d5nWSVtLvHnSw7vLhm")
        };
        let settings = format!(
            "[settings.users.a]\npassword = \"{}\"\n[[settings.users.b]]\npassword = \"{}\"\ntoken = \"plain:x\"\n",
            hash("c"),
            hash("d")
        );
        fs::write(directory.path().join("p.toml"), settings).unwrap();
        fs::write(directory.path().join("q.toml"), "not toml").unwrap();
        let slow = slow_hashes(directory.path(), Duration::ZERO);
        assert_eq!(slow.len(), 1, "{slow:?}");
        assert!(!slow[0].is_error());
        let text = slow[0].to_string();
        assert!(
            text.contains("p.toml") && text.contains("`$2b$05$…`"),
            "{text}"
        );
        let slow = slow_hashes(directory.path(), Duration::from_hours(1));
        assert_eq!(slow, []);
    }
}
