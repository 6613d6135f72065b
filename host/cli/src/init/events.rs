//! Login events, which `portcullis init --login-events` turns on.

use portcullis_connect::RequiredPermission;
use portcullis_records::{EventOptions, RecordOptions};

/// The subject of the events of all accounts, as servers write it.
const SUBJECTS: &str = "portcullis.logins.*";

/// Returns the permissions that the host's user needs.
pub(super) fn permissions() -> Vec<RequiredPermission> {
    // A test holds the template to its rules.
    let subject = subject_of("{account}").parse().ok();
    let options = RecordOptions {
        events: subject.map(EventOptions::new),
        ..RecordOptions::default()
    };
    options.required_permissions(None, false)
}

/// Renders the table in portcullis.toml.
pub(super) fn table() -> String {
    let subject = subject_of("{account}");
    format!(
        "
[records.events]
# A short message for each login, which the account of the login imports.
subject = {subject:?}
"
    )
}

/// Renders the export of the callout account in nats-server.conf.
pub(super) fn export() -> String {
    // The token is counted from 1.
    let position = subject_of("*").split('.').count();
    format!(
        "    # Login events: an account can import those with its own name.
    exports: [ {{ stream: {SUBJECTS:?}, account_token_position: {position} }} ]
"
    )
}

/// Renders the import of an account in nats-server.conf.
pub(super) fn import(account: &str) -> String {
    let subject = subject_of(account);
    format!("imports: [ {{ stream: {{ account: AUTH, subject: {subject:?} }}, to: \"logins\" }} ]")
}

fn subject_of(account: &str) -> String {
    SUBJECTS.replace('*', account)
}
