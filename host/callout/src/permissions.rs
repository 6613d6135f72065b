//! The permissions that the host's own user needs in the callout account, and those it lacks.

use portcullis_connect::{PermissionSide, RequiredPermission, USER_INFO};
use portcullis_core::PermissionSubject;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::subjects::AUTH_REQUESTS;

/// The subject on which services of the callout account describe themselves (ADR-32).
pub(crate) const SERVICE_INFO: &str = "$SRV.INFO";

/// The subjects on which servers wait for answers about logins.
const SERVER_INBOXES: &str = "$SYS._INBOX.>";

/// Returns the permissions that the host's user needs to serve logins. Key-value buckets and
/// records need more.
///
/// `inbox_prefix` is the prefix of the connections' inboxes; the client library's default is
/// `_INBOX`. With `discoverable`, the host answers NATS tools, whose inboxes begin with `_INBOX`.
pub fn required_permissions(inbox_prefix: &str, discoverable: bool) -> Vec<RequiredPermission> {
    use PermissionSide::{Publish, Subscribe};
    let required = |side, subject: &str, purpose| RequiredPermission {
        side,
        subject: subject.to_owned(),
        instead: Vec::new(),
        purpose,
    };
    let inbox = format!("{inbox_prefix}.>");
    let mut permissions = vec![
        required(Subscribe, AUTH_REQUESTS, "receive logins"),
        required(Subscribe, &inbox, "receive answers to what it asks"),
        required(
            Subscribe,
            "$SYS.ACCOUNT.CLIENT.AUTH.ERR",
            "notice permits that a server rejects",
        ),
        required(Publish, SERVER_INBOXES, "answer servers"),
        required(Publish, USER_INFO, "find out whether servers ask it"),
        required(Publish, SERVICE_INFO, "find other hosts that take part"),
    ];
    if discoverable {
        permissions.push(required(
            Subscribe,
            "$SRV.>",
            "be found by other hosts and by NATS tools",
        ));
        permissions.push(required(Publish, &inbox, "answer other hosts"));
        if inbox_prefix != "_INBOX" {
            permissions.push(required(Publish, "_INBOX.>", "answer NATS tools"));
        }
    }
    permissions
}

/// Returns whether a host without this permission receives no login or answers none.
pub(crate) fn is_vital(permission: &RequiredPermission) -> bool {
    [AUTH_REQUESTS, SERVER_INBOXES].contains(&permission.subject.as_str())
}

/// The fields of a server's answer on [`USER_INFO`] that the host reads.
#[derive(Debug, Deserialize)]
pub(crate) struct UserInfo {
    data: UserInfoData,
}

#[derive(Debug, Deserialize)]
struct UserInfoData {
    account: String,
    #[serde(default)]
    permissions: Option<Granted>,
}

/// The permissions of a user. A side that is absent is unrestricted.
#[derive(Debug, Default, Deserialize)]
struct Granted {
    #[serde(default)]
    publish: Option<Side>,
    #[serde(default)]
    subscribe: Option<Side>,
    /// The permission to answer received messages (`allow_responses`), also where `publish` forbids
    /// it.
    #[serde(default)]
    responses: Option<IgnoredAny>,
}

/// The permissions of one side. An empty list of allowed subjects allows all subjects.
#[derive(Debug, Default, Deserialize)]
struct Side {
    #[serde(default)]
    allow: Option<Vec<String>>,
    #[serde(default)]
    deny: Option<Vec<String>>,
}

impl UserInfo {
    /// Returns the account of the connection: its name in config mode, its key in operator mode.
    pub(crate) fn account(&self) -> &str {
        &self.data.account
    }

    /// Returns whether the server shows that it sends logins to services in this account. Such a
    /// server denies every user of the account to publish on the callout subject. In config mode
    /// with `allowed_accounts`, it denies that only to users of those accounts.
    pub(crate) fn callout_is_on(&self) -> bool {
        let publish = self.granted().and_then(|granted| granted.publish.as_ref());
        let denied = publish.and_then(|side| side.deny.as_deref());
        denied.is_some_and(|denied| denied.iter().any(|subject| subject == AUTH_REQUESTS))
    }

    /// Returns whether the user has `permission`. The permission to receive logins may be limited
    /// to `queue_group`.
    pub(crate) fn grants(&self, permission: &RequiredPermission, queue_group: &str) -> bool {
        let Some(granted) = self.granted() else {
            return true;
        };
        if permission.subject == SERVER_INBOXES && granted.responses.is_some() {
            return true;
        }
        let permits = |subject: &str| granted.permits(permission.side, subject, queue_group);
        let parts = &permission.instead;
        permits(&permission.subject)
            || (!parts.is_empty() && parts.iter().all(|subject| permits(subject)))
    }

    fn granted(&self) -> Option<&Granted> {
        self.data.permissions.as_ref()
    }
}

impl Granted {
    fn permits(&self, side: PermissionSide, subject: &str, queue_group: &str) -> bool {
        let (side, wanted) = match side {
            PermissionSide::Publish => (self.publish.as_ref(), PermissionSubject::publish(subject)),
            PermissionSide::Subscribe if subject == AUTH_REQUESTS => {
                let of_group = format!("{subject} {queue_group}");
                let wanted = PermissionSubject::subscribe(&of_group);
                (self.subscribe.as_ref(), wanted)
            }
            PermissionSide::Subscribe => {
                let wanted = PermissionSubject::subscribe(subject);
                (self.subscribe.as_ref(), wanted)
            }
        };
        match (side, wanted) {
            (Some(side), Ok(wanted)) => side.permits(&wanted),
            // The server is the judge of an inbox prefix that is not a valid subject.
            (None, _) | (Some(_), Err(_)) => true,
        }
    }
}

impl Side {
    fn permits(&self, wanted: &PermissionSubject) -> bool {
        let read = |subject: &String| PermissionSubject::subscribe(subject).ok();
        let allow = self.allow.as_deref().unwrap_or_default();
        let deny = self.deny.as_deref().unwrap_or_default();
        let allowed = allow.is_empty() || allow.iter().filter_map(read).any(|a| a.covers(wanted));
        let denied = deny.iter().filter_map(read).any(|d| d.covers(wanted));
        allowed && !denied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(permissions: &str) -> UserInfo {
        let text =
            format!(r#"{{"server":{{}},"data":{{"user":"U","account":"AUTH"{permissions}}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn missing(info: &UserInfo) -> Vec<String> {
        let required = required_permissions("_INBOX", true).into_iter();
        let missing = required.filter(|permission| !info.grants(permission, "q"));
        missing
            .map(|permission| format!("{} {}", permission.side, permission.subject))
            .collect()
    }

    #[test]
    fn a_user_without_restrictions_lacks_nothing_and_is_asked_only_where_the_callout_is_on() {
        let unrestricted = info("");
        assert_eq!(missing(&unrestricted), Vec::<String>::new());
        assert!(!unrestricted.callout_is_on());
        let denied = info(r#","permissions":{"publish":{"deny":["$SYS.REQ.USER.AUTH"]}}"#);
        assert_eq!(missing(&denied), Vec::<String>::new());
        assert!(denied.callout_is_on());
    }

    #[test]
    fn a_user_who_may_answer_what_it_receives_may_answer_servers() {
        let publish = r#""publish":{"allow":["app.>"],"deny":["$SYS.>"]}"#;
        let lacks = |permissions: &str| {
            let info = info(&format!(r#","permissions":{{{permissions}}}"#));
            missing(&info).contains(&format!("publish {SERVER_INBOXES}"))
        };
        assert!(lacks(publish));
        assert!(lacks(&format!(r#"{publish},"responses":null"#)));
        let responses = r#""responses":{"max":1,"ttl":120000000000}"#;
        assert!(!lacks(&format!("{publish},{responses}")));
    }

    #[test]
    fn every_permission_that_is_not_granted_is_found() {
        let bare = info(
            r#","permissions":{"publish":{"allow":["app.>"]},"subscribe":{"allow":["$SYS.REQ.USER.AUTH q"]}}"#,
        );
        assert_eq!(
            missing(&bare),
            [
                "subscribe _INBOX.>",
                "subscribe $SYS.ACCOUNT.CLIENT.AUTH.ERR",
                "publish $SYS._INBOX.>",
                "publish $SYS.REQ.USER.INFO",
                "publish $SRV.INFO",
                "subscribe $SRV.>",
                "publish _INBOX.>",
            ]
        );
    }

    #[test]
    fn the_list_grants_itself() {
        let subjects = |side| {
            let all = required_permissions("_INBOX_gate", true).into_iter();
            let subjects: Vec<_> = all
                .filter(|permission| permission.side == side)
                .map(|permission| permission.subject)
                .collect();
            serde_json::to_string(&subjects).unwrap()
        };
        let granted = info(&format!(
            r#","permissions":{{"publish":{{"allow":{}}},"subscribe":{{"allow":{}}}}}"#,
            subjects(PermissionSide::Publish),
            subjects(PermissionSide::Subscribe)
        ));
        let required = required_permissions("_INBOX_gate", true);
        assert!(
            required
                .iter()
                .all(|permission| granted.grants(permission, "q"))
        );
    }

    #[test]
    fn narrower_subjects_suffice_if_all_of_them_are_granted() {
        let events = RequiredPermission {
            side: PermissionSide::Publish,
            subject: "logins.*".to_owned(),
            instead: ["logins.A", "logins.B"].map(str::to_owned).to_vec(),
            purpose: "publish login events",
        };
        let grants = |allowed: &str| {
            let granted = info(&format!(
                r#","permissions":{{"publish":{{"allow":[{allowed}]}}}}"#
            ));
            granted.grants(&events, "q")
        };
        assert!(grants(r#""logins.*""#));
        assert!(grants(r#""logins.A","logins.B""#));
        assert!(!grants(r#""logins.A""#));
        assert!(!grants(r#""logins.A.*""#));
    }

    #[test]
    fn another_queue_group_is_another_permission() {
        let bound = info(r#","permissions":{"subscribe":{"allow":["$SYS.REQ.USER.AUTH q"]}}"#);
        let receive = &required_permissions("_INBOX", true)[0];
        assert!(bound.grants(receive, "q"));
        assert!(!bound.grants(receive, "other"));
    }
}
