//! `portcullis policy diff`: the access that logins gain and lose with a new version.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use portcullis_catalog::{
    Prover, RecordedLogins, RecordedSecrets, VersionDiff, Versions, diff_versions,
};
use portcullis_core::PermissionSubject;
use portcullis_identity::PasswordVerifier;
use portcullis_toml::text::one_line;
use serde_json::json;

use super::read_policies;
use crate::author;
use crate::author::crate_build::require_module;
use crate::check::engine_with;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{NotDone, Output, render_json};

/// The line about a comparison that says nothing of what the versions grant. A guard grants
/// nothing.
const NOTHING_PERMITTED: &str = "warning: neither version permits one of these logins, so no permissions were compared: describe logins of users in NAME.tests.toml, or give recorded ones with `--decisions FILE`";

/// The versions to compare, and what the command refuses.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiffArguments {
    /// The module of the old version, with NAME.toml and NAME.tests.toml next to it, or the folder
    /// of its crate, which is built first.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The module of the new version, or the folder of its crate, likewise.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// The configuration, portcullis.toml, whose limits, grants, rules and assertions apply.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file with recorded decisions, which both versions decide too: JSON objects one after the
    /// other, as `decide --json` prints them or as logins in the format of policy tests.
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Fail if a login gains access.
    #[arg(long)]
    no_new_access: bool,
    /// Fail if a login reaches this subject with the new version; can be given several times.
    #[arg(long, value_name = "SUBJECT")]
    never: Vec<PermissionSubject>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Compares two versions of a policy. `prover` loads them.
///
/// # Errors
///
/// Fails if the configuration or the recorded decisions are invalid, or if a version cannot be
/// loaded.
pub(crate) fn diff(arguments: &DiffArguments, prover: &Prover) -> Result<Output, NotDone> {
    let (options, key_value, assertions) = if let Some(config) = &arguments.config {
        let tables = read_policies(config)?;
        let assertions = tables.assertions();
        (tables.options(prover), tables.key_value, assertions)
    } else {
        let directory = arguments.new.parent().unwrap_or(Path::new("."));
        (author::options(directory, prover), None, None)
    };
    let (old, new) = (
        require_module(&arguments.old)?,
        require_module(&arguments.new)?,
    );
    let recorded = arguments.decisions.as_deref().map(read_decisions);
    let recorded = recorded.transpose()?.unwrap_or_default();
    let verifier = RecordedSecrets(Arc::<PasswordVerifier>::default());
    let engine = engine_with(Arc::new(verifier), key_value.as_ref())?;
    let versions = Versions {
        old: &old,
        new: &new,
        assertions: assertions.as_ref(),
        recorded: &recorded,
        never: &arguments.never,
    };
    let diff = diff_versions(&engine, &options, versions)
        .map_err(|error| Failure::new(ExitCode::BadPolicies, error))?;
    let text = if arguments.json {
        render_json(&as_json(&diff))?
    } else {
        tell(&diff)
    };
    Ok(Output {
        text,
        code: code(&diff, arguments.no_new_access),
    })
}

/// Reads recorded decisions.
fn read_decisions(file: &Path) -> Result<RecordedLogins, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        let context = format!("cannot read `{}`", file.display());
        let error = anyhow::Error::new(error).context(context);
        Failure::new(ExitCode::NotFound, error)
    })?;
    RecordedLogins::read(&text).map_err(|error| {
        let error = anyhow::anyhow!("`{}`, {error}", file.display());
        Failure::new(ExitCode::BadConfiguration, error)
    })
}

fn code(diff: &VersionDiff, no_new_access: bool) -> ExitCode {
    let gains = diff
        .changes
        .iter()
        .any(|(_, changes)| !changes.gained.is_empty());
    if !diff.forbidden.is_empty() {
        ExitCode::ForbiddenAccess
    } else if no_new_access && gains {
        ExitCode::NewAccess
    } else {
        ExitCode::Success
    }
}

fn as_json(diff: &VersionDiff) -> serde_json::Value {
    let changes = diff.changes.iter().map(|(login, changes)| {
        json!({ "login": login, "gained": changes.gained, "lost": changes.lost })
    });
    let forbidden = diff.forbidden.iter().map(|(login, subject, example)| {
        json!({ "login": login, "subject": subject.as_str(), "example": example })
    });
    json!({
        "old": diff.old.to_string(),
        "new": diff.new.to_string(),
        "logins": diff.logins,
        "permitted": diff.permitted,
        "changes": changes.collect::<Vec<_>>(),
        "forbidden": forbidden.collect::<Vec<_>>(),
    })
}

/// Returns the changes as lines, each once with the logins that it is about. Writing to a string
/// does not fail.
fn tell(diff: &VersionDiff) -> String {
    let mut text = String::new();
    let changes = diff.changes.iter().map(|(login, changes)| (changes, login));
    for (changes, logins) in grouped(changes) {
        let _ = writeln!(text, "{}", told(&logins));
        for (sign, changes) in [("+", &changes.gained), ("-", &changes.lost)] {
            for change in changes {
                let _ = writeln!(text, "  {sign} {}", one_line(change));
            }
        }
    }
    let forbidden = diff.forbidden.iter();
    let forbidden = forbidden.map(|(login, subject, example)| ((subject.as_str(), example), login));
    for ((subject, example), logins) in grouped(forbidden) {
        let (logins, example) = (told(&logins), one_line(example));
        let _ = writeln!(text, "{logins}: NEVER `{subject}`: {example}");
    }
    let gaining = diff
        .changes
        .iter()
        .filter(|(_, changes)| !changes.gained.is_empty());
    let losing = diff
        .changes
        .iter()
        .filter(|(_, changes)| !changes.lost.is_empty());
    let _ = writeln!(
        text,
        "logins: {} compared, {} gain access, {} lose access",
        diff.logins,
        gaining.count(),
        losing.count()
    );
    if diff.permitted == 0 {
        let _ = writeln!(text, "{NOTHING_PERMITTED}");
    }
    text
}

/// Returns each distinct value with the logins that have it, in the order of the first of them.
fn grouped<'a, T: Copy + Eq + Hash>(
    values: impl Iterator<Item = (T, &'a String)>,
) -> Vec<(T, Vec<&'a String>)> {
    let mut groups: Vec<(T, Vec<&String>)> = Vec::new();
    let mut places = HashMap::new();
    for (value, login) in values {
        let place = *places.entry(value).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, logins)) => logins.push(login),
            None => groups.push((value, vec![login])),
        }
    }
    groups
}

/// Returns the name of the first login, and the number of all if there are several. The others are
/// mostly its variations. `--json` has every name.
fn told(logins: &[&String]) -> String {
    let first = logins.first().map(|login| one_line(login));
    let first = first.unwrap_or_default();
    match logins.len() {
        0 | 1 => first.to_string(),
        count => format!("{first} ({count} logins)"),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_catalog::AccessChanges;
    use portcullis_core::Digest;

    use super::*;

    #[test]
    fn a_change_of_several_logins_is_told_once_with_their_number() {
        let gains = |subject: &str| AccessChanges {
            gained: vec![format!("may publish `{subject}`")],
            lost: Vec::new(),
        };
        let digest = Digest::from_bytes([0; 32]);
        let never = |login: &str| {
            let subject = "$SYS.>".parse().unwrap();
            (login.to_owned(), subject, "may publish `$SYS.x`".to_owned())
        };
        let diff = VersionDiff {
            old: digest,
            new: digest,
            logins: 9,
            permitted: 4,
            changes: vec![
                ("alice".to_owned(), gains("a")),
                ("alice, over MQTT".to_owned(), gains("a")),
                ("alice, as another user".to_owned(), gains("b")),
                ("alice, over WebSocket".to_owned(), gains("a")),
            ],
            forbidden: vec![never("alice"), never("alice, over MQTT")],
        };
        assert_eq!(
            tell(&diff),
            "alice (3 logins)\n  + may publish `a`\n\
             alice, as another user\n  + may publish `b`\n\
             alice (2 logins): NEVER `$SYS.>`: may publish `$SYS.x`\n\
             logins: 9 compared, 4 gain access, 0 lose access\n"
        );
        assert_eq!(as_json(&diff)["changes"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn a_comparison_of_denied_logins_only_says_that_it_shows_nothing() {
        let digest = Digest::from_bytes([0; 32]);
        let mut diff = VersionDiff {
            old: digest,
            new: digest,
            logins: 9,
            permitted: 0,
            changes: Vec::new(),
            forbidden: Vec::new(),
        };
        assert!(tell(&diff).ends_with(&format!("{NOTHING_PERMITTED}\n")));
        assert_eq!(as_json(&diff)["permitted"], 0);
        diff.permitted = 1;
        assert!(!tell(&diff).contains("warning"));
    }
}
