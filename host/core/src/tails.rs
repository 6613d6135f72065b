//! What servers make of a `*` at the end of a subscribe permission, and the denies that hold them to one token.
//!
//! A server compares the subject that a client subscribes to with its permissions token by token, and takes a literal `>`
//! for a token like any other. `a.*` lets a client subscribe to `a.>`, and it then gets `a.b.c`. Denies are looked at once
//! more when a message is delivered, so that a deny of `a.*.>` closes the subscription.

use crate::subject::{Entry, SubjectSet};
use crate::work::{WorkBudget, WorkExceeded};
use crate::{PermissionSubject, SubjectPermission};

/// Which wildcard subscriptions a server holds to its denies when it delivers messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyFilter {
    /// Those that overlap a deny.
    Overlapping,
    /// Those that contain all of a deny: nats-server before 2.11.16, and 2.12.0 to 2.12.6. A deny of `*.*.>` does not hold
    /// for a subscription to `a.>` there.
    Containing,
}

/// The subscribe permissions that end in `*`, and what becomes of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tails {
    /// Denies that hold those that can be held to one token.
    pub closing: Vec<PermissionSubject>,
    /// Those that cannot be held to one token.
    pub open: Vec<OpenTail>,
}

/// A subscribe permission that ends in `*` and that servers read as if it ended in `>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "clients can subscribe to `{}` with the subscribe-allow `{subject}`: {}",
    .subject.open_ended(), why_open(.below.as_ref())
)]
pub struct OpenTail {
    /// The permission.
    pub subject: PermissionSubject,
    /// Another allowed subject that a deny would take away. Without one, it is the server that does not hold the
    /// subscription to the deny.
    pub below: Option<PermissionSubject>,
}

fn why_open(below: Option<&PermissionSubject>) -> String {
    below.map_or_else(
        || "servers before 2.11.16, and 2.12.0 to 2.12.6, hold no deny against it".to_owned(),
        |below| {
            format!("`{below}` is allowed too, so that no deny closes it; name literal subjects, or a final `>`")
        },
    )
}

impl PermissionSubject {
    /// The subject with `>` in the place of its last token.
    fn open_ended(&self) -> String {
        let subject = self.pattern().open_ended();
        subject.subject().as_ref().unwrap_or(self).to_string()
    }

    /// Whether the last token, queue groups aside, is `*`.
    fn ends_in_star(&self) -> bool {
        let subject = self.as_str().split(' ').next().unwrap_or_default();
        subject == "*" || subject.ends_with(".*")
    }
}

impl SubjectPermission {
    /// What becomes of the allowed subjects that end in `*`, for subscribe permissions.
    ///
    /// A deny is written where no other allowed subject reaches below; where one covers everything below, none is needed.
    ///
    /// # Errors
    ///
    /// It takes more than the budget.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_core::{DenyFilter, PermissionSubject, SubjectPermission, WorkBudget};
    ///
    /// let subject = |text: &str| text.parse::<PermissionSubject>().unwrap();
    /// let subscribe = SubjectPermission {
    ///     allow: vec![subject("a.*"), subject("b.*"), subject("b.c.d")],
    ///     deny: vec![],
    /// };
    /// let tails = subscribe.tails(DenyFilter::Overlapping, &mut WorkBudget::default())?;
    /// assert_eq!(tails.closing, [subject("a.*.>")]);
    /// assert_eq!(tails.open[0].subject, subject("b.*"));
    /// # Ok::<(), portcullis_core::WorkExceeded>(())
    /// ```
    pub fn tails(&self, filter: DenyFilter, work: &mut WorkBudget) -> Result<Tails, WorkExceeded> {
        let mut tails = Tails::default();
        if !self.allow.iter().any(PermissionSubject::ends_in_star) {
            return Ok(tails);
        }
        let (allow, deny) = (Entry::list(&self.allow), Entry::list(&self.deny));
        let (allowed, denied) = (
            SubjectSet::new(&allow, work)?,
            SubjectSet::new(&deny, work)?,
        );
        for entry in allow.iter().filter(|entry| entry.subject.ends_in_star()) {
            let below = entry.pattern.followed_by(">");
            let reach = allowed.overlapping(&below, work)?;
            work.spend(reach.len().saturating_mul(below.size()))?;
            if let Some(first) = reach.first() {
                // Where the list allows one token more below and ends there, that entry is the one to close.
                let one_more = entry.pattern.followed_by("*");
                let goes_on = |other: &&Entry<'_>| other.pattern.covers(&one_more);
                if !reach.iter().any(goes_on) {
                    tails.open.push(OpenTail {
                        subject: entry.subject.clone(),
                        below: Some(first.subject.clone()),
                    });
                }
                continue;
            }
            let closing = below.plain();
            let known = denied.covering(&closing, work)?;
            let before = entry
                .pattern
                .tokens()
                .split_last()
                .map_or(&[][..], |(_, before)| before);
            let closing = closing.subject();
            let holds = filter == DenyFilter::Overlapping || !before.contains(&"*");
            if !holds || closing.is_none() {
                tails.open.push(OpenTail {
                    subject: entry.subject.clone(),
                    below: None,
                });
            }
            // A deny that does not hold for every subscription holds for some.
            let new = |closing: &PermissionSubject| {
                !known.iter().any(|deny| is_as_good(deny, closing, filter))
            };
            tails.closing.extend(closing.filter(new));
        }
        tails.closing.sort_unstable();
        tails.closing.dedup();
        Ok(tails)
    }
}

/// Whether `deny`, which covers `closing`, takes its place. A wider one may not be contained in what clients subscribe to.
fn is_as_good(deny: &Entry<'_>, closing: &PermissionSubject, filter: DenyFilter) -> bool {
    match filter {
        DenyFilter::Overlapping => !deny.pattern.has_queue(),
        DenyFilter::Containing => deny.subject == closing,
    }
}

#[cfg(test)]
pub(crate) mod tests;
