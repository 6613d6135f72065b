//! What a permitted login must and must not reach, as policy tests and assertions state it.

use portcullis_core::{
    DenyFilter, InvalidSubject, PermissionSubject, Permissions, Permit, Reach, WorkBudget,
    WorkExceeded,
};

/// The subjects that a login must and must not reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WantedAccess {
    may_publish: Vec<PermissionSubject>,
    may_not_publish: Vec<PermissionSubject>,
    may_subscribe: Vec<PermissionSubject>,
    may_not_subscribe: Vec<PermissionSubject>,
    /// Whether other clients name only subjects as replies on which the login may publish anyway.
    trust_replies: bool,
}

/// The subjects of a file, before they are checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StatedAccess<'a> {
    pub(crate) may_publish: &'a [String],
    pub(crate) may_not_publish: &'a [String],
    pub(crate) may_subscribe: &'a [String],
    pub(crate) may_not_subscribe: &'a [String],
    pub(crate) trust_replies: bool,
}

/// A subject that a login must or must not reach, and that no permission can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {source}")]
pub struct InvalidAccess {
    /// The key in the file.
    key: &'static str,
    /// What is wrong with the subject.
    source: InvalidSubject,
}

impl InvalidAccess {
    /// Returns the key in the file.
    pub(crate) const fn key(&self) -> &'static str {
        self.key
    }
}

type Parse = fn(&str) -> Result<PermissionSubject, InvalidSubject>;

impl StatedAccess<'_> {
    /// Parses the subjects.
    pub(crate) fn parse(self) -> Result<WantedAccess, InvalidAccess> {
        let list = |key, texts: &[String], parse: Parse| -> Result<Vec<_>, InvalidAccess> {
            let subjects = texts.iter().map(|text| parse(text));
            let subjects: Result<_, _> = subjects.collect();
            subjects.map_err(|source| InvalidAccess { key, source })
        };
        let (publish, subscribe): (Parse, Parse) =
            (PermissionSubject::publish, PermissionSubject::subscribe);
        Ok(WantedAccess {
            may_publish: list("may-publish", self.may_publish, publish)?,
            may_not_publish: list("may-not-publish", self.may_not_publish, publish)?,
            may_subscribe: list("may-subscribe", self.may_subscribe, subscribe)?,
            may_not_subscribe: list("may-not-subscribe", self.may_not_subscribe, subscribe)?,
            trust_replies: self.trust_replies,
        })
    }
}

impl WantedAccess {
    /// Returns whether nothing is stated.
    pub(crate) const fn is_empty(&self) -> bool {
        self.may_publish.is_empty()
            && self.may_not_publish.is_empty()
            && self.may_subscribe.is_empty()
            && self.may_not_subscribe.is_empty()
    }

    /// Returns whether the login must reach some subject.
    pub(crate) const fn needs_permit(&self) -> bool {
        !(self.may_publish.is_empty() && self.may_subscribe.is_empty())
    }

    /// Returns how the access of `permit` differs from the stated one, on servers that filter by
    /// `filter`. `None` if it does not.
    pub(crate) fn difference(&self, permit: &Permit, filter: DenyFilter) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        if let Some(role) = permit.role() {
            return Some(format!(
                "the permit names role `{role}`, and the host does not know what its template allows"
            ));
        }
        // A budget for each question, so that the number of questions does not matter.
        let differences = literal(permit.permissions(), filter).and_then(|permissions| {
            let reach = Reach::new(&permissions, filter);
            let mut differences = self.publish_differences(&reach)?;
            differences.extend(self.subscribe_differences(&reach)?);
            Ok(differences)
        });
        match differences {
            Ok(differences) => (!differences.is_empty()).then(|| differences.join(", ")),
            Err(error) => Some(format!("the permit cannot be compared: {error}")),
        }
    }

    fn publish_differences(&self, reach: &Reach<'_>) -> Result<Vec<String>, WorkExceeded> {
        let mut differences = Vec::new();
        for subject in &self.may_publish {
            if let Some(example) = reach.not_published(subject, &mut WorkBudget::default())? {
                differences.push(told("may not publish", &format!("`{example}`"), subject));
            }
        }
        for subject in &self.may_not_publish {
            if let Some(reached) = reach.some_published(subject, &mut WorkBudget::default())? {
                differences.push(told("may publish", &reached.to_string(), subject));
            }
        }
        let replies = !self.trust_replies
            && !self.may_not_publish.is_empty()
            && reach.replies_anywhere(&mut WorkBudget::default())?;
        if replies {
            differences.push(
                "it may publish on any subject that a client names as the reply (`responses`): allow `_INBOX.>` instead, \
                 or state `trust-replies = true`"
                    .to_owned(),
            );
        }
        Ok(differences)
    }

    fn subscribe_differences(&self, reach: &Reach<'_>) -> Result<Vec<String>, WorkExceeded> {
        let mut differences = Vec::new();
        for subject in &self.may_subscribe {
            if let Some(example) = reach.not_received(subject, &mut WorkBudget::default())? {
                differences.push(told("does not receive", &format!("`{example}`"), subject));
            }
        }
        for subject in &self.may_not_subscribe {
            if let Some(reached) = reach.some_received(subject, &mut WorkBudget::default())? {
                differences.push(told("receives", &reached.to_string(), subject));
            }
        }
        Ok(differences)
    }
}

/// Returns the permissions with the denies that the host adds, which make servers apply every `*`
/// as it is written.
pub(crate) fn literal(
    permissions: &Permissions,
    filter: DenyFilter,
) -> Result<Permissions, WorkExceeded> {
    let literal = permissions.literal(filter, &mut WorkBudget::default())?;
    Ok(literal.extended.unwrap_or_else(|| permissions.clone()))
}

fn told(what: &str, example: &str, stated: &PermissionSubject) -> String {
    let stated = stated.as_str();
    if example == format!("`{stated}`") {
        format!("it {what} {example}")
    } else {
        format!("it {what} {example} (of `{stated}`)")
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::PermitBuilder;

    use super::*;

    fn difference(
        stated: StatedAccess<'_>,
        build: impl FnOnce(&mut PermitBuilder),
    ) -> Option<String> {
        let mut permit = Permit::builder("APP", 0);
        build(&mut permit);
        let permit = permit.finish().unwrap();
        let wanted = stated.parse().unwrap();
        wanted.difference(&permit, DenyFilter::Overlapping)
    }

    fn list(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn a_difference_has_an_example() {
        let orders = |permit: &mut PermitBuilder| {
            permit.publish_allow("orders.>");
            permit.publish_deny("orders.secret");
            permit.subscribe_allow("a.*");
            permit.subscribe_allow("b.*");
            permit.subscribe_allow("b.c.d");
        };
        let stated = StatedAccess::default;
        let publish = |subject: &str| {
            let may_publish = &list(subject);
            difference(
                StatedAccess {
                    may_publish,
                    ..stated()
                },
                orders,
            )
        };
        assert_eq!(publish("orders.new"), None);
        let told = publish("orders.*").unwrap();
        assert_eq!(told, "it may not publish `orders.secret` (of `orders.*`)");
        let not_publish = |subject: &str| {
            let may_not_publish = &list(subject);
            difference(
                StatedAccess {
                    may_not_publish,
                    ..stated()
                },
                orders,
            )
        };
        assert_eq!(not_publish("orders.secret"), None);
        assert_eq!(
            not_publish("orders.new").unwrap(),
            "it may publish `orders.new`"
        );
        let subscribe = |subject: &str| {
            let may_subscribe = &list(subject);
            difference(
                StatedAccess {
                    may_subscribe,
                    ..stated()
                },
                orders,
            )
        };
        assert_eq!(subscribe("a.* q"), None);
        assert_eq!(
            subscribe("a.>").unwrap(),
            "it does not receive `a.x.x` (of `a.>`)"
        );
        assert_eq!(subscribe("c").unwrap(), "it does not receive `c`");
        let not_subscribe = |subject: &str| {
            let may_not_subscribe = &list(subject);
            difference(
                StatedAccess {
                    may_not_subscribe,
                    ..stated()
                },
                orders,
            )
        };
        // The host adds a deny, where no other subject is allowed below.
        assert_eq!(not_subscribe("a.*.>"), None);
        assert_eq!(
            not_subscribe("b.y.>").unwrap(),
            "it receives `b.y.x`, with a subscription to `b.>` (of `b.y.>`)"
        );
    }

    #[test]
    fn replies_reach_what_may_not_be_published() {
        let service = |permit: &mut PermitBuilder| {
            permit.subscribe_allow("service");
            permit.responses_allow(1, std::time::Duration::ZERO);
        };
        let may_not_publish = &list("orders.>");
        let stated = StatedAccess {
            may_not_publish,
            ..StatedAccess::default()
        };
        let told = difference(stated, service).unwrap();
        assert!(told.starts_with("it may publish on any subject"), "{told}");
        let trusting = StatedAccess {
            trust_replies: true,
            ..stated
        };
        assert_eq!(difference(trusting, service), None);
    }

    #[test]
    fn the_template_of_a_role_is_not_known() {
        let may_not_publish = &list("orders.>");
        let stated = StatedAccess {
            may_not_publish,
            ..StatedAccess::default()
        };
        let told = difference(stated, |permit| {
            permit.role("reader");
        })
        .unwrap();
        assert!(told.starts_with("the permit names role `reader`"), "{told}");
    }
}
