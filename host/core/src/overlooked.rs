//! Denies that older servers overlook.
//!
//! A server keeps denies in a tree with a level for each token. nats-server before 2.11.12, and
//! 2.12.0 to 2.12.3, considers the `*` of the last level only if that level lacks the literal
//! token. With denies of `a.*` and `a.b.c`, the level has `b` on the way to `a.b.c`. So these
//! servers let a client publish on `a.b`, and deliver `a.b` to a subscription of `>`. A literal
//! deny of `a.b` helps.
//!
//! A server also compares the queue group of a subscription with the denies that name one. Servers
//! with [`DenyFilter::Containing`](crate::DenyFilter::Containing) let the outcome replace that of
//! the plain denies: with denies of `a` and `* q`, a client subscribes to `a` in the queue group
//! `r`. A deny of `a >`, which names every queue group, helps.

use std::collections::BTreeSet;

use crate::subject::{Entry, SubjectSet};
use crate::work::{WorkBudget, WorkExceeded};
use crate::{PermissionSubject, SubjectPermission};

impl SubjectPermission {
    /// Returns denies for what older servers let through although a deny ends in `*`, or although
    /// a deny without a queue group is next to one with a queue group. The lists mean the same with
    /// them.
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
    /// let permission = |deny: [&str; 2]| SubjectPermission {
    ///     allow: vec![subject(">")],
    ///     deny: deny.map(subject).to_vec(),
    /// };
    /// let literal = permission(["a.*", "a.b.c"]).overlooked(&mut WorkBudget::default())?;
    /// assert_eq!(literal, [subject("a.b")]);
    /// let queues = permission(["a", "* q"]).overlooked(&mut WorkBudget::default())?;
    /// assert_eq!(queues, [subject("a >")]);
    /// # Ok::<(), portcullis_core::WorkExceeded>(())
    /// ```
    pub fn overlooked(
        &self,
        work: &mut WorkBudget,
    ) -> Result<Vec<PermissionSubject>, WorkExceeded> {
        let mut overlooked = self.overlooked_literals(work)?;
        let of_queues = self.overlooked_queues(&overlooked, work)?;
        overlooked.extend(of_queues);
        Ok(overlooked)
    }

    /// Returns literal denies for what a final `*` of a deny does not hold.
    fn overlooked_literals(
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

    /// Returns denies of every queue group for the plain denies, `literals` included, that a deny
    /// with a queue group overlaps.
    fn overlooked_queues(
        &self,
        literals: &[PermissionSubject],
        work: &mut WorkBudget,
    ) -> Result<BTreeSet<PermissionSubject>, WorkExceeded> {
        let mut overlooked = BTreeSet::new();
        if !self.deny.iter().any(|deny| deny.queue().is_some()) {
            return Ok(overlooked);
        }
        let denied = Entry::list(self.deny.iter().chain(literals));
        let (queued, plain): (Vec<_>, Vec<_>) = denied
            .into_iter()
            .partition(|deny| deny.pattern.has_queue());
        let queued = SubjectSet::new(&queued, work)?;
        for deny in &plain {
            let others = queued.overlapping(&deny.pattern, work)?;
            work.spend(others.len().saturating_mul(deny.pattern.size()))?;
            if others.is_empty() {
                continue;
            }
            // A subject of the maximum length leaves no room for a queue group. Then the other deny
            // comes to hold for every queue group, which takes away more.
            match of_every_queue(deny.subject.as_str()) {
                Some(every) => {
                    overlooked.insert(every);
                }
                None => overlooked.extend(others.iter().filter_map(|other| {
                    of_every_queue(other.subject.as_str().split(' ').next().unwrap_or_default())
                })),
            }
        }
        let known: BTreeSet<_> = self.deny.iter().collect();
        overlooked.retain(|deny| !known.contains(deny));
        Ok(overlooked)
    }
}

/// Returns the deny of a subject for every queue group. `None` if it is too long.
fn of_every_queue(subject: &str) -> Option<PermissionSubject> {
    PermissionSubject::subscribe(&format!("{subject} >")).ok()
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
            // The deny with a queue group also gets around the plain ones.
            (&["a.*", "a.b slow"], &["a.b", "a.* >", "a.b >"]),
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

    fn found(deny: &[&str]) -> Vec<String> {
        let permission = SubjectPermission {
            allow: Vec::new(),
            deny: deny.iter().map(|deny| deny.parse().unwrap()).collect(),
        };
        let found = permission.overlooked(&mut WorkBudget::default()).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn plain_denies_next_to_queue_groups_are_denied_for_every_queue_group() {
        for (deny, expected) in [
            (&["a", "* q"][..], &["a >"][..]),
            (&["a.>", "b.>", "a.b q", "a.c r"], &["a.> >"]),
            (&["a", "a q", "a >"], &[]),
            (&["a", "b q"], &[]),
            (&["a q", "* r"], &[]),
            (&["a", "*"], &[]),
        ] {
            assert_eq!(found(deny), expected, "{deny:?}");
        }
        let long = "x".repeat(PermissionSubject::MAX_LEN);
        assert_eq!(found(&[&long, "* q", "> r"]), ["* >", "> >"]);
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
