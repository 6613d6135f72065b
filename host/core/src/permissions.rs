//! What a login may publish, subscribe to and reply to.

use std::time::Duration;

use crate::PermissionSubject;

/// The permissions of one login, as NATS understands them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Publish permissions.
    pub publish: SubjectPermission,
    /// Subscribe permissions.
    pub subscribe: SubjectPermission,
    /// Permission to publish on reply subjects of received messages.
    pub responses: Option<ResponsePermission>,
}

/// Allowed and denied subjects of one side. Deny wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectPermission {
    /// Allowed subjects.
    pub allow: Vec<PermissionSubject>,
    /// Denied subjects.
    pub deny: Vec<PermissionSubject>,
}

/// Permission to reply (`resp`). Zeroes mean the server's defaults: one message, two minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponsePermission {
    /// How many replies to one message.
    pub max: u32,
    /// For how long after the message.
    pub ttl: Duration,
}

impl Permissions {
    /// Makes every side say what it means to a NATS server: a side that allows nothing becomes deny `>`.
    ///
    /// NATS reads an empty allow list as *everything*, and a deny list beside it as *everything
    /// else*; a permit that allows nothing means nothing.
    #[must_use]
    pub fn closed(self) -> Self {
        Self {
            publish: self.publish.closed(),
            subscribe: self.subscribe.closed(),
            ..self
        }
    }
}

impl SubjectPermission {
    fn closed(self) -> Self {
        if self.allow.is_empty() {
            Self {
                allow: Vec::new(),
                deny: vec![PermissionSubject::everything()],
            }
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> PermissionSubject {
        text.parse().unwrap()
    }

    #[test]
    fn a_side_that_allows_nothing_is_closed() {
        let permissions = Permissions {
            publish: SubjectPermission {
                allow: vec![],
                deny: vec![subject("a")],
            },
            subscribe: SubjectPermission {
                allow: vec![subject("b")],
                deny: vec![subject("b.c")],
            },
            responses: Some(ResponsePermission::default()),
        };
        let closed = permissions.clone().closed();
        assert_eq!(closed.publish.allow, []);
        assert_eq!(closed.publish.deny, [subject(">")]);
        assert_eq!(closed.subscribe, permissions.subscribe);
        assert_eq!(closed.responses, permissions.responses);
    }
}
