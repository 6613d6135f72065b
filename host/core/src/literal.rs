//! Permissions that servers apply as they are written.

use crate::work::{WorkBudget, WorkExceeded};
use crate::{DenyFilter, OpenTail, Permissions};

/// Permissions with the denies that make servers apply every `*` as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiteralPermissions {
    /// The permissions with the denies that they lacked. `None` if they lacked none.
    pub extended: Option<Permissions>,
    /// The subscribe permissions that no deny can hold to one token.
    pub open: Vec<OpenTail>,
}

impl Permissions {
    /// Adds the denies that hold a final `*` of a subscribe permission to one token
    /// ([`SubjectPermission::tails`](crate::SubjectPermission::tails)), and those that older
    /// servers overlook ([`SubjectPermission::overlooked`](crate::SubjectPermission::overlooked)).
    ///
    /// # Errors
    ///
    /// Fails if the comparison costs more than the budget.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_core::{
    ///     DenyFilter, PermissionSubject, Permissions, SubjectPermission, WorkBudget,
    /// };
    ///
    /// let subject = |text: &str| text.parse::<PermissionSubject>().unwrap();
    /// let permissions = Permissions {
    ///     subscribe: SubjectPermission { allow: vec![subject("a.*")], deny: vec![] },
    ///     ..Permissions::default()
    /// };
    /// let literal = permissions.literal(DenyFilter::Overlapping, &mut WorkBudget::default())?;
    /// assert_eq!(literal.extended.unwrap().subscribe.deny, [subject("a.*.>")]);
    /// # Ok::<(), portcullis_core::WorkExceeded>(())
    /// ```
    pub fn literal(
        &self,
        filter: DenyFilter,
        work: &mut WorkBudget,
    ) -> Result<LiteralPermissions, WorkExceeded> {
        let tails = self.subscribe.tails(filter, work)?;
        let mut extended = None;
        if !tails.closing_denies.is_empty() {
            let permissions: &mut Self = extended.get_or_insert_with(|| self.clone());
            permissions.subscribe.deny.extend(tails.closing_denies);
        }
        let present = extended.as_ref().unwrap_or(self);
        let publish = present.publish.overlooked(work)?;
        let subscribe = present.subscribe.overlooked(work)?;
        if !publish.is_empty() || !subscribe.is_empty() {
            let permissions = extended.get_or_insert_with(|| self.clone());
            permissions.publish.deny.extend(publish);
            permissions.subscribe.deny.extend(subscribe);
        }
        Ok(LiteralPermissions {
            extended,
            open: tails.open,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PermissionSubject, SubjectPermission};

    fn list(subjects: &[&str]) -> Vec<PermissionSubject> {
        let subjects = subjects.iter().map(|subject| subject.parse().unwrap());
        subjects.collect()
    }

    #[test]
    fn denies_are_added_on_both_sides_and_to_those_that_close() {
        let deny = list(&["a.*", "a.b.c"]);
        let permissions = Permissions {
            publish: SubjectPermission {
                allow: list(&[">"]),
                deny,
            },
            subscribe: SubjectPermission {
                allow: list(&["x.y.*"]),
                deny: list(&["x.*"]),
            },
            responses: None,
        };
        let literal = permissions.literal(DenyFilter::Overlapping, &mut WorkBudget::default());
        let extended = literal.unwrap().extended.unwrap();
        assert_eq!(extended.publish.deny, list(&["a.*", "a.b.c", "a.b"]));
        assert_eq!(extended.subscribe.deny, list(&["x.*", "x.y.*.>", "x.y"]));
    }

    #[test]
    fn permissions_that_lack_no_deny_stay_as_they_are() {
        let permissions = Permissions::default();
        let literal = permissions.literal(DenyFilter::Overlapping, &mut WorkBudget::default());
        assert_eq!(literal.unwrap(), LiteralPermissions::default());
    }
}
