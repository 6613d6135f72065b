//! A user who reads decision records from running hosts, which `portcullis init --auditor` adds.

use portcullis_connect::RequiredPermission;
use portcullis_records::LiveOptions;

use super::permissions::permissions;

/// Returns the permissions that the host's user needs to answer the auditor.
pub(super) fn host_permissions() -> Vec<RequiredPermission> {
    LiveOptions::default().required_permissions().into()
}

/// Returns the permissions of the auditor.
pub(super) fn own_permissions() -> Vec<RequiredPermission> {
    LiveOptions::default().reader_permissions().into()
}

/// Renders the table in portcullis.toml.
pub(super) fn table() -> String {
    let subject = LiveOptions::default().subject;
    format!(
        "
[records.live]
# The newest records of logins, which the service keeps in memory. The auditor asks for them here.
subject = {subject:?}
"
    )
}

/// Renders the user with this public key in nats-server.conf.
pub(super) fn user(key: &str) -> String {
    format!(
        "      {{
        # Public key of keys/auditor.nk, for people who read decision records. The user may ask the
        # service for them, and nothing else.
        nkey: {key:?}
        permissions: {}
      }}
",
        permissions(&own_permissions())
    )
}

/// Renders the command that reads records as the auditor.
pub(super) fn command(directory: &str, login: &str) -> String {
    format!(
        "
decision records:
  read them: portcullis decisions list --live --config {directory}/portcullis.toml {login}
"
    )
}
