//! Permissions in a server's configuration.

use portcullis_connect::{PermissionSide, RequiredPermission};

/// Renders permissions in the syntax of nats-server.conf.
pub(super) fn permissions(required: &[RequiredPermission]) -> String {
    let side = |side| {
        let mut subjects: Vec<String> = Vec::new();
        for permission in required.iter().filter(|permission| permission.side == side) {
            let subject = format!("\"{}\"", permission.subject);
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        let indent = " ".repeat(12);
        format!(
            "[\n{indent}{}\n          ]",
            subjects.join(&format!("\n{indent}"))
        )
    };
    format!(
        "{{\n          publish: {}\n          subscribe: {}\n        }}",
        side(PermissionSide::Publish),
        side(PermissionSide::Subscribe)
    )
}
