//! Rights in JSON.

use portcullis_core::{AuthorizationRequest, PermissionSubject, Permit, SubjectPermission};
use serde_json::{Value, json};

use super::inbox::Inbox;

/// Returns what a permit allows.
pub(super) fn access(permit: &Permit, request: &AuthorizationRequest) -> Value {
    let side = |side: &SubjectPermission| json!({ "allow": texts(&side.allow), "deny": texts(&side.deny) });
    let permissions = permit.permissions();
    let responses = permissions.responses.map(|responses| {
        let responses = responses.effective();
        let ttl = u64::try_from(responses.ttl.as_millis()).unwrap_or(u64::MAX);
        json!({ "max": responses.max, "ttl-ms": ttl })
    });
    let inbox = match Inbox::of(permit, request) {
        Ok(Inbox::Prefix(prefixes)) => json!(prefixes),
        Ok(Inbox::Any) => json!(["_INBOX"]),
        Ok(Inbox::None) => json!([]),
        Ok(Inbox::Role) | Err(_) => Value::Null,
    };
    json!({
        "account": permit.account().as_str(),
        "role": permit.role(),
        "user-name": permit.user_name(),
        "publish": side(&permissions.publish),
        "subscribe": side(&permissions.subscribe),
        "responses": responses,
        "expires-at": permit.expires_at(),
        "inbox-prefixes": inbox,
    })
}

/// Returns subjects as texts.
pub(super) fn texts(subjects: &[PermissionSubject]) -> Vec<String> {
    subjects.iter().map(ToString::to_string).collect()
}
