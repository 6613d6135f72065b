//! Checks that need no server: configuration, policies, state directory, credentials.

use std::io;
use std::time::{Duration, UNIX_EPOCH};

use portcullis_toml::Problem;

use crate::doctor::evidence::{Credential, Evidence, WriteTrial};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Time before the end of credentials at which they count as about to expire, in seconds.
const SOON: u64 = 7 * 24 * 60 * 60;

/// Turns the problems of `portcullis check` into findings.
pub(super) fn configuration(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    checked.examine(None);
    for problem in &evidence.problems {
        checked.examine(Some(finding_of(evidence, problem)));
    }
    checked
}

fn finding_of(evidence: &Evidence, problem: &Problem) -> Finding {
    let is_of_configuration = problem.file() == evidence.file;
    let code = match (problem.code(), is_of_configuration, problem.is_error()) {
        (Some("configuration-exposed"), ..) => Code::ConfigurationExposed,
        (Some("secret-exposed"), ..) => Code::SecretExposed,
        (Some("policies-missing"), ..) => Code::PoliciesInvalid,
        (Some("policies-exposed"), ..) => Code::PoliciesExposed,
        (Some("state-directory-unused"), ..) => Code::StateDirectoryUnused,
        (_, true, true) => Code::ConfigurationInvalid,
        (_, true, false) => Code::ConfigurationDoubtful,
        (_, false, true) => Code::PoliciesInvalid,
        (_, false, false) => Code::PoliciesDoubtful,
    };
    let remedy = match code {
        Code::ConfigurationExposed | Code::PoliciesExposed => {
            "take the right to write from other users"
        }
        Code::SecretExposed => {
            "take the right to read from other users, and replace the secret if they may have read it"
        }
        Code::StateDirectoryUnused => "give the directory to the user of the host, with mode 0700",
        _ => {
            "change the place that the evidence names; `portcullis check` repeats this check alone"
        }
    };
    let line = problem.line().map(|line| format!(":{line}"));
    let key = problem.key().map(|key| format!(": {key}"));
    let place = format!(
        "`{}`{}{}",
        problem.file().display(),
        line.unwrap_or_default(),
        key.unwrap_or_default()
    );
    Finding::new(code, problem.message(), remedy).because(place)
}

/// Compares the trial of the state directory with what the host needs.
pub(super) fn state_directory(evidence: &Evidence) -> Checked {
    let Some(state) = &evidence.state else {
        return Checked::impossible("the configuration is invalid");
    };
    let mut checked = Checked::default();
    let path = state.path.display();
    match &state.trial {
        WriteTrial::Absent => checked.skip(format!(
            "`{path}` does not exist yet; the host makes it at its start"
        )),
        WriteTrial::Written => checked.examine(None),
        WriteTrial::Failed { bytes, kind, error } => checked.examine(Some(
            Finding::new(
                Code::StateDirectoryFull,
                format!("the state directory `{path}` cannot be written to"),
                way_out_of(*kind),
            )
            .because(format!("a file of {bytes} bytes is not written: {error}")),
        )),
    }
    checked
}

/// Returns how a directory becomes one that the host can write to, by the reason why it is not.
const fn way_out_of(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied => {
            "give the directory to the user of the host (`chown`), with mode 0700; run this command as that user"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "set `state-directory` under [policies] to a directory on a file system that the host may write to; a systemd \
             unit has it in `StateDirectory=`, a container in a volume"
        }
        _ => {
            "make room on its file system, or set `state-directory` under [policies] to a directory with room"
        }
    }
}

/// Compares the expiry of user JWTs with the time.
pub(super) fn credentials(evidence: &Evidence) -> Checked {
    if evidence.settings.is_none() {
        return Checked::impossible("the configuration is invalid");
    }
    let mut checked = Checked::default();
    // Seeds, passwords and tokens have no end.
    checked.examine(None);
    for credential in &evidence.credentials {
        checked.examine(expiry(credential, evidence.now));
    }
    checked
}

fn expiry(credential: &Credential, now: u64) -> Option<Finding> {
    let end = credential.expires_at?;
    let remedy =
        "issue a new user JWT and replace the file; the host reads it again for every connection";
    let date =
        |seconds| humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds));
    let place = &credential.place;
    if end <= now {
        let cause = format!("the user JWT in {place} has expired");
        let ended = format!("it ended at {}, and it is {} now", date(end), date(now));
        return Some(Finding::new(Code::CredentialsExpired, cause, remedy).because(ended));
    }
    (end.saturating_sub(now) < SOON).then(|| {
        let cause = format!("the user JWT in {place} expires soon");
        let ends = format!("it ends at {}", date(end));
        Finding::new(Code::CredentialsExpireSoon, cause, remedy).because(ends)
    })
}
