//! One side of permissions as sets of subjects, in the way that servers apply the lists.

use std::collections::BTreeSet;

use super::search::{Families, Mask};
use crate::subject::Pattern;
use crate::work::{WorkBudget, WorkExceeded};
use crate::{DenyFilter, PermissionSubject, SubjectPermission};

/// Subjects that one of `allow` matches and none of `deny`.
#[derive(Clone, Debug)]
pub(super) struct Subjects<'a> {
    /// For subscribe permissions, the subscriptions that a server accepts.
    pub(super) allow: Vec<Pattern<'a>>,
    pub(super) deny: Vec<Pattern<'a>>,
}

/// Returns whether `pattern` matches `tokens`, in which `*` and `>` are tokens like any other.
fn matches(pattern: &[&str], tokens: &[&str]) -> bool {
    for (at, own) in pattern.iter().enumerate() {
        match (*own, tokens.get(at)) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (own, Some(token)) if own == *token => {}
            _ => return false,
        }
    }
    pattern.len() == tokens.len()
}

fn refuses(list: &[&Pattern<'_>], shape: &Pattern<'_>) -> bool {
    list.iter()
        .any(|deny| matches(deny.tokens(), shape.tokens()))
}

/// Returns the patterns of a list. To a server, an empty allow list allows everything.
fn allowed(side: &SubjectPermission) -> Vec<Pattern<'_>> {
    if side.allow.is_empty() {
        vec![Pattern::everything()]
    } else {
        side.allow.iter().map(PermissionSubject::pattern).collect()
    }
}

fn denied(side: &SubjectPermission) -> Vec<Pattern<'_>> {
    side.deny.iter().map(PermissionSubject::pattern).collect()
}

impl<'a> Subjects<'a> {
    /// Returns the subjects that a client may publish on.
    pub(super) fn published(side: &'a SubjectPermission) -> Self {
        Self {
            allow: allowed(side),
            deny: denied(side),
        }
    }

    /// Returns the subjects of the messages that a client in queue group `queue` can receive by
    /// some subscription. `None` stands for subscriptions without a queue group.
    ///
    /// With [`DenyFilter::Containing`], the result can be larger than what a client receives:
    /// denies with wildcards then hold only if they cover a whole allow.
    pub(super) fn received(
        side: &'a SubjectPermission,
        filter: DenyFilter,
        queue: Option<&str>,
        work: &mut WorkBudget,
    ) -> Result<Self, WorkExceeded> {
        let (allow, deny) = (allowed(side), denied(side));
        let is_literal = |pattern: &&Pattern<'a>| {
            !pattern
                .tokens()
                .iter()
                .any(|token| matches!(*token, "*" | ">"))
        };
        let plain: Vec<_> = deny.iter().filter(|deny| !deny.has_queue()).collect();
        // Older servers let a deny of another queue group get around a plain deny.
        let is_dodged = filter == DenyFilter::Containing
            && queue.is_some()
            && deny.iter().any(Pattern::has_queue);
        let of_queue = |pattern: &&Pattern<'a>| {
            queue.is_some_and(|queue| pattern.has_queue() && pattern.names_queue(queue))
        };
        // A subscription that one of these matches is refused.
        let mut refused: Vec<_> = deny.iter().filter(of_queue).collect();
        let by_queue = refused.len();
        if !is_dodged {
            refused.extend(plain.iter().copied());
        }
        let of_others =
            |pattern: &&Pattern<'a>| queue.is_some() && pattern.has_queue() && !of_queue(pattern);
        let others: Vec<_> = allow.iter().filter(of_others).collect();
        let mut accepted = Vec::new();
        for entry in &allow {
            let mut refused = refused.clone();
            let mut has_queue = by_queue > 0;
            if !entry.has_queue() {
                // A queue group that is named for a subject excludes those that are not.
                refused.extend(others.iter().copied());
                has_queue |= !others.is_empty();
            } else if !of_queue(&entry) {
                continue;
            }
            let entry = entry.clone().plain();
            for shape in shapes(&entry, &refused, has_queue, work)? {
                work.spend(refused.len().saturating_mul(shape.size()))?;
                let open = shape.tokens() != entry.tokens() || has_queue;
                let is_refused = if open {
                    refuses(&refused, &shape)
                } else {
                    refused.iter().any(|deny| deny.covers(&shape))
                };
                if !is_refused {
                    accepted.push(shape);
                }
            }
        }
        // A client gets around a literal deny with a literal subscription, which servers do not
        // filter on delivery.
        let gets_around = |own: &&Pattern<'a>| {
            let of_queues = deny.iter().filter(|other| other.has_queue());
            let hits = of_queues.filter(|other| matches(other.tokens(), own.tokens()));
            let hits: Vec<_> = hits.collect();
            queue.is_some() && !hits.is_empty() && !hits.iter().any(of_queue)
        };
        let held = plain.into_iter();
        let deny = match filter {
            DenyFilter::Overlapping => held.cloned().collect(),
            DenyFilter::Containing => {
                let held = held.filter(is_literal).filter(|own| !gets_around(own));
                held.cloned().collect()
            }
        };
        Ok(Self {
            allow: accepted,
            deny,
        })
    }

    pub(super) fn allow_tokens(&self) -> Vec<&[&'a str]> {
        self.allow.iter().map(Pattern::tokens).collect()
    }

    pub(super) fn deny_tokens(&self) -> Vec<&[&'a str]> {
        self.deny.iter().map(Pattern::tokens).collect()
    }

    /// Returns the subjects that overlap `pattern`, so that a search for its subjects reads no
    /// others.
    pub(super) fn near(
        &self,
        pattern: &Pattern<'_>,
        work: &mut WorkBudget,
    ) -> Result<Self, WorkExceeded> {
        let mut near = |list: &[Pattern<'a>]| {
            work.spend(list.len())?;
            let near = list.iter().filter(|own| own.subject_overlaps(pattern));
            Ok(near.cloned().collect())
        };
        Ok(Self {
            allow: near(&self.allow)?,
            deny: near(&self.deny)?,
        })
    }

    /// Returns a subject whose membership `fits`: bit 0 stands for `pattern`, 1 for allow, 2 for
    /// deny.
    fn find(
        &self,
        pattern: &Pattern<'_>,
        fits: impl Fn(Mask) -> bool,
        work: &mut WorkBudget,
    ) -> Result<Option<String>, WorkExceeded> {
        let near = self.near(pattern, work)?;
        let families = [
            vec![pattern.tokens()],
            near.allow_tokens(),
            near.deny_tokens(),
        ];
        Families::new(families).find(fits, work)
    }

    /// Returns a subject that `pattern` and these subjects have in common.
    pub(super) fn common(
        &self,
        pattern: &Pattern<'_>,
        work: &mut WorkBudget,
    ) -> Result<Option<String>, WorkExceeded> {
        self.find(pattern, |mask| mask == 0b011, work)
    }

    /// Returns a subject of `pattern` that is not one of these subjects.
    pub(super) fn lacking(
        &self,
        pattern: &Pattern<'_>,
        work: &mut WorkBudget,
    ) -> Result<Option<String>, WorkExceeded> {
        self.find(pattern, |mask| mask & 1 == 1 && mask != 0b011, work)
    }

    /// Returns the entries of `allow` that `before` may lack. An entry that both allow, where
    /// `before` denies nothing more, gains nothing.
    pub(super) fn unshared(&self, before: &Self) -> impl Iterator<Item = &Pattern<'a>> {
        let tokens = |list: &[Pattern<'_>]| {
            let lists = list.iter().map(|one| one.tokens().join("."));
            lists.collect::<BTreeSet<_>>()
        };
        let no_more_denies = tokens(&before.deny).is_subset(&tokens(&self.deny));
        let known = tokens(&before.allow);
        self.allow
            .iter()
            .filter(move |entry| !(no_more_denies && known.contains(&entry.tokens().join("."))))
    }

    /// Returns a subject of `pattern`, one of `allow`, that is one of these subjects and not of
    /// those of `before`.
    pub(super) fn gained(
        &self,
        pattern: &Pattern<'_>,
        before: &Self,
        work: &mut WorkBudget,
    ) -> Result<Option<String>, WorkExceeded> {
        let (own, before) = (self.near(pattern, work)?, before.near(pattern, work)?);
        let families = [
            vec![pattern.tokens()],
            own.deny_tokens(),
            before.allow_tokens(),
            before.deny_tokens(),
        ];
        let is_gained = |mask| mask & 0b0011 == 0b0001 && mask & 0b1100 != 0b0100;
        Families::new(families).find(is_gained, work)
    }
}

/// Returns the widest subscriptions that `entry` admits. A wildcard in a subscription gets past the
/// lists where they name a literal.
///
/// A final `*` also admits `>`. A final `>` admits every number of tokens, which matters only where
/// lists name queue groups: `allow a.>` and `a.b q` refuse `a.b r`, and accept `a.* r`.
fn shapes<'a>(
    entry: &Pattern<'a>,
    refused: &[&Pattern<'a>],
    has_queue: bool,
    work: &mut WorkBudget,
) -> Result<Vec<Pattern<'a>>, WorkExceeded> {
    let mut shapes = vec![entry.clone()];
    match entry.tokens().last() {
        Some(&"*") => shapes.push(entry.open_ended()),
        Some(&">") if has_queue => {
            let longest = refused.iter().map(|other| other.tokens().len()).max();
            let mut shape = entry.clone();
            // Beyond the longest, only a `>` matches, and it matches every longer shape.
            while shape.tokens().len() <= longest.unwrap_or(0) {
                let literal = shape.with_last("*");
                work.spend(literal.size().saturating_mul(2))?;
                shape = literal.followed_by(">");
                shapes.push(literal);
                shapes.push(shape.clone());
            }
        }
        _ => {}
    }
    Ok(shapes)
}

/// Returns whether a server accepts the subscription `subject`, whose queue group is that of the
/// client and not a pattern.
pub(super) fn accepts(
    side: &SubjectPermission,
    subject: &PermissionSubject,
    work: &mut WorkBudget,
) -> Result<bool, WorkExceeded> {
    let asked = subject.pattern();
    let (allow, deny) = (allowed(side), denied(side));
    work.spend(
        allow
            .len()
            .saturating_add(deny.len())
            .saturating_mul(asked.size()),
    )?;
    let queue = subject.queue();
    let hits = |list: &[Pattern<'_>]| {
        let list = list
            .iter()
            .filter(|own| matches(own.tokens(), asked.tokens()));
        let (queued, plain): (Vec<_>, Vec<_>) = list.partition(|own| own.has_queue());
        let named = queued
            .iter()
            .any(|own| queue.is_some_and(|queue| own.names_queue(queue)));
        (!plain.is_empty(), !queued.is_empty(), named)
    };
    let (plain, queued, named) = hits(&allow);
    let allowed = if queue.is_some() && queued {
        named
    } else {
        plain
    };
    let (denied, _, denied_queue) = hits(&deny);
    Ok(allowed && !denied && !denied_queue)
}
