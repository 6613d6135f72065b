//! Permissions to publish, subscribe and reply.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::PermissionSubject;

/// The permissions of one login, with NATS semantics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Permissions {
    /// Publish permissions.
    pub publish: SubjectPermission,
    /// Subscribe permissions.
    pub subscribe: SubjectPermission,
    /// Permission to publish on reply subjects of received messages. `None` allows no replies.
    pub responses: Option<ResponsePermission>,
}

/// Allowed and denied subjects of one side. Deny wins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct SubjectPermission {
    /// Allowed subjects.
    pub allow: Vec<PermissionSubject>,
    /// Denied subjects.
    pub deny: Vec<PermissionSubject>,
}

/// Permission to reply (`resp`). A zero stands for the server's default: one message, two minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct ResponsePermission {
    /// Maximum number of replies to one message.
    pub max: u32,
    /// Time span after the message in which replies are allowed.
    pub ttl: Duration,
}

impl ResponsePermission {
    const DEFAULT_TTL: Duration = Duration::from_mins(2);

    /// Returns this permission with the server's defaults in place of zeroes.
    #[must_use]
    pub fn effective(self) -> Self {
        Self {
            max: self.max.max(1),
            ttl: if self.ttl.is_zero() {
                Self::DEFAULT_TTL
            } else {
                self.ttl
            },
        }
    }
}

/// Displays the effective permission: `1 reply within 120s`.
impl fmt::Display for ResponsePermission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max, ttl } = self.effective();
        let replies = if max == 1 { "reply" } else { "replies" };
        write!(formatter, "{max} {replies} within {ttl:?}")
    }
}

impl Permissions {
    /// Returns the number of subjects in all lists.
    pub fn subject_count(&self) -> usize {
        let count = |side: &SubjectPermission| side.allow.len().saturating_add(side.deny.len());
        count(&self.publish).saturating_add(count(&self.subscribe))
    }

    /// Makes every side explicit for a NATS server: a side that allows nothing becomes deny `>`.
    ///
    /// NATS reads an empty allow list as *everything*, and an empty allow list with denies as
    /// *everything else*. In a permit, an empty allow list allows nothing.
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
    fn replies_are_shown_as_servers_count_them() {
        let shown = |max, ttl| ResponsePermission { max, ttl }.to_string();
        assert_eq!(shown(0, Duration::ZERO), "1 reply within 120s");
        assert_eq!(
            shown(5, Duration::from_millis(250)),
            "5 replies within 250ms"
        );
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
