//! Checks of the connections of the host other than those that carry logins.

use portcullis_connect::RequiredPermission;

use crate::doctor::evidence::{Evidence, OtherConnection};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Finds connections that are not made, and permissions that their users lack.
pub(super) fn others(evidence: &Evidence) -> Checked {
    if evidence.settings.is_none() {
        return Checked::impossible("the configuration is invalid");
    }
    let mut checked = Checked::default();
    // A host without such connections lacks nothing.
    checked.examine(None);
    for OtherConnection { table, missing } in &evidence.connections {
        match missing {
            Err(error) => checked.examine(Some(not_made(table, error))),
            Ok(Some(missing)) => {
                for lacks in missing {
                    checked.examine(Some(lacking(table, lacks)));
                }
            }
            Ok(None) => checked.skip(format!(
                "the server does not say which permissions the user of [{table}] has: allow it to publish \
                 `$SYS.REQ.USER.INFO` and to subscribe to its own inbox"
            )),
        }
    }
    checked
}

fn not_made(table: &str, error: &str) -> Finding {
    let loses = match table {
        "records.stream.nats" => "decision records wait, and are lost in the end",
        "key-value.nats" => "look-ups and locks use an earlier copy, or fail",
        "system" => "`portcullis lock add` closes no open connections",
        _ => "no new account is made or signed",
    };
    let finding = Finding::new(
        Code::ConnectionFailed,
        format!("the connection of [{table}] is not made"),
        format!("do what the evidence says about servers, login or TLS under [{table}]"),
    );
    finding
        .because(error)
        .because(format!("without it, {loses}"))
}

fn lacking(table: &str, lacks: &RequiredPermission) -> Finding {
    let (side, subject, purpose) = (lacks.side, &lacks.subject, lacks.purpose);
    Finding::new(
        Code::PermissionMissing,
        format!("the user of [{table}] may not {side} `{subject}`"),
        format!("allow the user to {side} `{subject}`"),
    )
    .because(format!("without it the host cannot {purpose}"))
}
