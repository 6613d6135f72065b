//! The inbox prefix that a client has to use with a permit.

use portcullis_claims::deny_filter;
use portcullis_core::{
    AuthorizationRequest, PermissionSubject, Permit, Reach, WorkBudget, WorkExceeded,
};

/// The first token of the default inboxes of clients.
const INBOX: &str = "_INBOX";

/// The inbox of a login, for the answers to its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inbox {
    /// The client has to use one of these prefixes.
    Prefix(Vec<String>),
    /// Every inbox: the client needs no prefix, and can read the inboxes of others.
    Any,
    /// The template of a role has the permissions, and the host does not know it.
    Role,
    /// The login receives no answers.
    None,
}

impl Inbox {
    /// Returns the inbox of a login with `permit`, which the host gave in answer to `request`.
    ///
    /// A prefix `P` is one with an allowed subject `P.>` without wildcards in `P`, whose first
    /// token begins with `_INBOX`, and of which no deny takes a part.
    ///
    /// # Errors
    ///
    /// Fails if the comparison costs more than the budget of a login.
    pub(super) fn of(
        permit: &Permit,
        request: &AuthorizationRequest,
    ) -> Result<Self, WorkExceeded> {
        if permit.role().is_some() {
            return Ok(Self::Role);
        }
        let version = request.server.version.as_deref();
        let filter = deny_filter(version.and_then(|version| version.parse().ok()));
        let reach = Reach::new(permit.permissions(), filter);
        let mut work = WorkBudget::default();
        let mut receives_all = |subject: &str| match subject.parse::<PermissionSubject>() {
            Ok(subject) => Ok(reach.not_received(&subject, &mut work)?.is_none()),
            Err(_) => Ok(false),
        };
        if receives_all(&format!("{INBOX}.>"))? {
            return Ok(Self::Any);
        }
        let mut prefixes = Vec::new();
        for subject in &permit.permissions().subscribe.allow {
            let prefix = subject.as_str().strip_suffix(".>");
            let prefix = prefix.filter(|prefix| prefix.starts_with(INBOX) && is_literal(prefix));
            if let Some(prefix) = prefix
                && receives_all(subject.as_str())?
            {
                let prefix = prefix.to_owned();
                if !prefixes.contains(&prefix) {
                    prefixes.push(prefix);
                }
            }
        }
        Ok(if prefixes.is_empty() {
            Self::None
        } else {
            Self::Prefix(prefixes)
        })
    }
}

/// Returns whether a subject has no wildcard and no queue group.
fn is_literal(subject: &str) -> bool {
    !subject.contains([' ', '\t']) && subject.split('.').all(|token| token != "*" && token != ">")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(allow: &[&str], deny: &[&str]) -> Inbox {
        let mut permit = Permit::builder("APP", 0);
        for subject in allow {
            permit.subscribe_allow(subject);
        }
        for subject in deny {
            permit.subscribe_deny(subject);
        }
        let described = portcullis_catalog::DescribedLogin::read(serde_json::json!({}), 0);
        Inbox::of(&permit.finish().unwrap(), &described.unwrap().request).unwrap()
    }

    #[test]
    fn a_prefix_is_one_whose_inboxes_are_all_allowed() {
        let prefix = |text: &str| Inbox::Prefix(vec![text.to_owned()]);
        assert_eq!(
            inbox(&["a.>", "_INBOX.alice.>"], &[]),
            prefix("_INBOX.alice")
        );
        assert_eq!(inbox(&["_INBOX_bob.>"], &["a"]), prefix("_INBOX_bob"));
        assert_eq!(
            inbox(&["_INBOX.a.>", "_INBOX.a.>"], &[]),
            prefix("_INBOX.a")
        );
        assert_eq!(inbox(&["_INBOX.alice.>"], &["_INBOX.alice.x"]), Inbox::None);
        assert_eq!(inbox(&["_INBOX.*.>", "_INBOX.a.> q"], &[]), Inbox::None);
        assert_eq!(inbox(&["a.>"], &[]), Inbox::None);
        assert_eq!(inbox(&["_INBOX.>"], &[]), Inbox::Any);
        assert_eq!(inbox(&[">"], &[]), Inbox::Any);
    }
}
