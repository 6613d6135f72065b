//! Denies that older servers overlook.
//!
//! A server keeps denies in a tree with a level for each token. nats-server before 2.11.12, and
//! 2.12.0 to 2.12.3, considers the `*` of the last level only if that level lacks the literal
//! token. With denies of `a.*` and `a.b.c`, the level has `b` on the way to `a.b.c`. So these
//! servers let a client publish on `a.b`, and deliver `a.b` to a subscription of `>`. A literal
//! deny of `a.b` helps.

use std::collections::BTreeSet;

use crate::work::{WorkBudget, WorkExceeded};
use crate::{PermissionSubject, SubjectPermission};

impl SubjectPermission {
    /// Returns literal denies for what older servers let through although a deny ends in `*`. The
    /// lists mean the same with them.
    ///
    /// # Errors
    ///
    /// Fails if the search costs more than the budget.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_core::{PermissionSubject, SubjectPermission, WorkBudget};
    ///
    /// let subject = |text: &str| text.parse::<PermissionSubject>().unwrap();
    /// let publish = SubjectPermission {
    ///     allow: vec![subject(">")],
    ///     deny: vec![subject("a.*"), subject("a.b.c")],
    /// };
    /// assert_eq!(publish.overlooked(&mut WorkBudget::default())?, [subject("a.b")]);
    /// # Ok::<(), portcullis_core::WorkExceeded>(())
    /// ```
    pub fn overlooked(
        &self,
        work: &mut WorkBudget,
    ) -> Result<Vec<PermissionSubject>, WorkExceeded> {
        if !self.deny.iter().any(PermissionSubject::ends_in_star) {
            return Ok(Vec::new());
        }
        let plain = self.deny.iter().map(PermissionSubject::as_str);
        let plain: BTreeSet<_> = plain.filter(|deny| !deny.contains(' ')).collect();
        let starred = plain.iter().map(|deny| parent(deny));
        let starred = starred.filter(|(_, last)| *last == "*");
        let starred: BTreeSet<_> = starred.map(|(before, _)| before).collect();
        let mut overlooked = BTreeSet::new();
        for deny in &self.deny {
            let (subject, queue) = match deny.as_str().split_once(' ') {
                Some((subject, queue)) => (subject, Some(queue)),
                None => (deny.as_str(), None),
            };
            let ends = subject.match_indices('.').map(|(end, _)| end);
            // A deny of a queue group is in the tree with all of its tokens.
            let ends = ends.chain(queue.map(|_| subject.len()));
            for way in ends.filter_map(|end| subject.get(..end)) {
                work.spend(1)?;
                let (before, last) = parent(way);
                if !matches!(last, "*" | ">") && starred.contains(before) && !plain.contains(way) {
                    overlooked.insert(way);
                }
            }
        }
        let overlooked = overlooked.into_iter().map(PermissionSubject::accepted);
        Ok(overlooked.collect())
    }
}

/// Splits off the last token. The rest of a single token is empty.
fn parent(subject: &str) -> (&str, &str) {
    subject.rsplit_once('.').unwrap_or(("", subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_tokens_on_the_way_to_another_deny_are_denied_by_themselves() {
        for (deny, expected) in [
            (&["*", "a.a"][..], &["a"][..]),
            (&["a.*", "a.b.c", "a.b.d.>"], &["a.b"]),
            (&["a.*.*", "a.*.b.c", "a.x.b.c"], &["a.*.b"]),
            (&["a.*", "a.b", "a.b.c"], &[]),
            (&["a.*", "a.*.c", "b.c.d"], &[]),
            (&["a.>", "a.b.c"], &[]),
            (&["a.*", "a.b slow"], &["a.b"]),
            (&["a.* slow", "a.b.c"], &[]),
            (&["a.*"], &[]),
        ] {
            let permission = SubjectPermission {
                allow: Vec::new(),
                deny: deny.iter().map(|deny| deny.parse().unwrap()).collect(),
            };
            let found = permission.overlooked(&mut WorkBudget::default()).unwrap();
            let found: Vec<_> = found.iter().map(PermissionSubject::as_str).collect();
            assert_eq!(found, expected, "{deny:?}");
        }
    }

    #[test]
    fn the_search_stays_within_its_budget() {
        let deny = ["a.*".to_owned(), format!("a.{}c", "b.".repeat(99))];
        let permission = SubjectPermission {
            allow: Vec::new(),
            deny: deny.iter().map(|deny| deny.parse().unwrap()).collect(),
        };
        assert!(permission.overlooked(&mut WorkBudget::new(50)).is_err());
        assert!(permission.overlooked(&mut WorkBudget::new(101)).is_ok());
    }
}
