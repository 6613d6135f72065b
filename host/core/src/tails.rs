//! Subscribe permissions that end in `*`, and the denies that make servers treat that `*` as one
//! token.
//!
//! A server compares the subject that a client subscribes to with its permissions token by token.
//! A literal `>` counts as a token like any other there. So `a.*` lets a client subscribe to `a.>`,
//! and the client then receives `a.b.c`. Servers check denies again on delivery, so a deny of
//! `a.*.>` closes the subscription.

use crate::subject::{Entry, SubjectSet};
use crate::work::{WorkBudget, WorkExceeded};
use crate::{PermissionSubject, SubjectPermission};

/// The wildcard subscriptions that a server checks against denies on delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyFilter {
    /// Subscriptions that overlap a deny: nats-server 2.11.16 and later of 2.11, and from 2.12.7
    /// on.
    Overlapping,
    /// Subscriptions that contain all of a deny: nats-server before 2.11.16, and 2.12.0 to 2.12.6.
    /// On these servers, a deny of `*.*.>` does not affect a subscription to `a.>`.
    Containing,
}

/// The subscribe permissions that end in `*`: denies that close them, and those that stay open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tails {
    /// Denies that hold permissions to one token.
    pub closing_denies: Vec<PermissionSubject>,
    /// Permissions that no deny can hold to one token.
    pub open: Vec<OpenTail>,
}

/// A subscribe permission that ends in `*` and that servers treat as if it ended in `>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "clients can subscribe to `{}` with the subscribe-allow `{subject}`: {}",
    .subject.open_ended(), why_open(.below.as_ref())
)]
pub struct OpenTail {
    /// The permission.
    pub subject: PermissionSubject,
    /// Another allowed subject that a deny would take away. `None` if the reason is that the server
    /// does not apply the deny to the subscription.
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
    /// Returns the subject with `>` in place of its last token.
    fn open_ended(&self) -> String {
        let subject = self.pattern().open_ended();
        subject.subject().as_ref().unwrap_or(self).to_string()
    }

    /// Returns whether the last token is `*`, queue groups ignored.
    pub(crate) fn ends_in_star(&self) -> bool {
        let subject = self.as_str().split(' ').next().unwrap_or_default();
        subject == "*" || subject.ends_with(".*")
    }
}

impl SubjectPermission {
    /// Returns the denies and the open ends of the allowed subjects that end in `*`, for subscribe
    /// permissions.
    ///
    /// A deny is added where no other allowed subject reaches below. If another one covers
    /// everything below, no deny is needed.
    ///
    /// # Errors
    ///
    /// Fails if the comparison costs more than the budget.
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
    /// assert_eq!(tails.closing_denies, [subject("a.*.>")]);
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
                // If the list also allows one more token below, that entry is the one to close.
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
            // The deny is added even if the permission stays open: it closes some subscriptions.
            let new = |closing: &PermissionSubject| {
                !known.iter().any(|deny| is_as_good(deny, closing, filter))
            };
            tails.closing_denies.extend(closing.filter(new));
        }
        tails.closing_denies.sort_unstable();
        tails.closing_denies.dedup();
        Ok(tails)
    }
}

/// Returns whether `deny`, which covers `closing`, replaces it. With [`DenyFilter::Containing`], a
/// wider deny does not, because a client's subscription may not contain all of it.
fn is_as_good(deny: &Entry<'_>, closing: &PermissionSubject, filter: DenyFilter) -> bool {
    match filter {
        DenyFilter::Overlapping => !deny.pattern.has_queue(),
        DenyFilter::Containing => deny.subject == closing,
    }
}

#[cfg(test)]
pub(crate) mod tests;
