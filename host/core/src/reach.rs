//! The subjects that a login reaches with its permissions, as servers apply them.
//!
//! Lists of subjects do not show what they let through. Denies win, an empty list allows
//! everything, a final `*` of a subscribe permission admits `>`, a queue group excludes others, and
//! with `responses` a client publishes on any subject that another client names as the reply. Here,
//! permissions are sets of subjects, and every answer has an example.

use std::collections::BTreeSet;
use std::fmt;

use crate::subject::Pattern;
use crate::work::{WorkBudget, WorkExceeded};
use crate::{DenyFilter, PermissionSubject, Permissions, ResponsePermission};

mod search;
mod side;

use search::Families;
use side::Subjects;

/// The subjects that a login reaches with its permissions.
///
/// The answers are exact for servers that filter by [`DenyFilter::Overlapping`], if no deny names a
/// queue group. For denies of queue groups, and for [`DenyFilter::Containing`], a login never
/// reaches more than the answers say, and may reach less.
///
/// ```
/// use portcullis_core::{
///     DenyFilter, PermissionSubject, Permissions, Reach, SubjectPermission, WorkBudget,
/// };
///
/// let subject = |text: &str| text.parse::<PermissionSubject>().unwrap();
/// let permissions = Permissions {
///     subscribe: SubjectPermission { allow: vec![subject("a.*")], deny: vec![] },
///     ..Permissions::default()
/// }
/// .closed();
/// let reach = Reach::new(&permissions, DenyFilter::Overlapping);
/// let below = reach.some_received(&subject("a.b.c"), &mut WorkBudget::default())?;
/// assert_eq!(below.unwrap().to_string(), "`a.b.c`, with a subscription to `a.>`");
/// # Ok::<(), portcullis_core::WorkExceeded>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    permissions: &'a Permissions,
    filter: DenyFilter,
}

/// An example of a subject that a login reaches, and of the way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The subject.
    pub subject: String,
    /// The way to the subject, where the lists do not show it.
    pub by: Option<Way>,
}

/// A way to a subject that lists of subjects do not show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// A subscription to this subject, with a queue group if one follows.
    Subscription(String),
    /// A reply to a message whose sender named the subject.
    Reply,
}

/// A right that a login has with some permissions and lacks with others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gain {
    /// A subject that the login may publish on.
    Publish {
        /// The entry of the list that allows it.
        entry: String,
        /// An example.
        example: Reached,
    },
    /// A subject whose messages the login can receive.
    Subscribe {
        /// The subscription that the server accepts, with a queue group if one follows.
        entry: String,
        /// An example.
        example: Reached,
    },
    /// More replies, or a longer time for them.
    Responses {
        /// The limits on replies before. `None` if no replies were allowed.
        before: Option<ResponsePermission>,
        /// The limits on replies now.
        now: ResponsePermission,
    },
}

impl<'a> Reach<'a> {
    /// Returns what a login with `permissions` reaches on servers that filter by `filter`. Empty
    /// allow lists allow everything, as to a server.
    pub const fn new(permissions: &'a Permissions, filter: DenyFilter) -> Self {
        Self {
            permissions,
            filter,
        }
    }

    /// Returns an example of `subject` that the login may not publish on. `None` if it may publish
    /// on every subject that `subject` matches. Replies do not count.
    ///
    /// # Errors
    ///
    /// Fails if the comparison costs more than the budget.
    pub fn not_published(
        &self,
        subject: &PermissionSubject,
        work: &mut WorkBudget,
    ) -> Result<Option<String>, WorkExceeded> {
        Subjects::published(&self.permissions.publish).lacking(&subject.pattern(), work)
    }

    /// Returns an example of `subject` that the login may publish on by its lists. `None` if it may
    /// publish on no subject that `subject` matches. Replies do not count: see
    /// [`replies_anywhere`](Self::replies_anywhere).
    ///
    /// # Errors
    ///
    /// Fails if the comparison costs more than the budget.
    pub fn some_published(
        &self,
        subject: &PermissionSubject,
        work: &mut WorkBudget,
    ) -> Result<Option<Reached>, WorkExceeded> {
        let published = Subjects::published(&self.permissions.publish);
        let common = published.common(&subject.pattern(), work)?;
        Ok(common.map(|subject| Reached { subject, by: None }))
    }

    /// Returns whether another client can make the login publish on any subject: the login may
    /// reply, and can receive a message.
    ///
    /// # Errors
    ///
    /// Fails if the comparison costs more than the budget.
    pub fn replies_anywhere(&self, work: &mut WorkBudget) -> Result<bool, WorkExceeded> {
        if self.permissions.responses.is_none() {
            return Ok(false);
        }
        let everything = PermissionSubject::everything();
        Ok(self.some_received(&everything, work)?.is_some())
    }

    /// Returns an example of `subject` that the login does not receive with the subscription
    /// `subject`: the subscription is refused, or a deny keeps some of its messages back. `None` if
    /// the login receives them all.
    ///
    /// # Errors
    ///
    /// Fails if the comparison costs more than the budget.
    pub fn not_received(
        &self,
        subject: &PermissionSubject,
        work: &mut WorkBudget,
    ) -> Result<Option<String>, WorkExceeded> {
        let side = &self.permissions.subscribe;
        if !side::accepts(side, subject, work)? {
            return Ok(Some(subject.to_string()));
        }
        let pattern = subject.pattern().plain();
        for deny in side.deny.iter().filter(|deny| deny.queue().is_none()) {
            work.spend(pattern.size())?;
            if let Some(common) = pattern.subject_in_common(&deny.pattern()) {
                return Families::new([vec![common.tokens()]]).find(|mask| mask == 1, work);
            }
        }
        Ok(None)
    }

    /// Returns an example of `subject` that the login can receive by some subscription. `None` if
    /// it receives nothing that `subject` matches. Without a queue group in `subject`, every queue
    /// group counts.
    ///
    /// # Errors
    ///
    /// Fails if the comparison costs more than the budget.
    pub fn some_received(
        &self,
        subject: &PermissionSubject,
        work: &mut WorkBudget,
    ) -> Result<Option<Reached>, WorkExceeded> {
        let wanted = subject.pattern();
        for queue in queue_groups(&[self.permissions], subject.queue(), work)? {
            let is_wanted = queue.as_ref().map_or(!wanted.has_queue(), |queue| {
                !wanted.has_queue() || wanted.names_queue(queue)
            });
            if !is_wanted {
                continue;
            }
            let received = self.received(queue.as_deref(), work)?;
            let common = received.common(&wanted.clone().plain(), work)?;
            if let Some(subject) = common {
                return Ok(Some(self.received_by(subject, &received, queue.as_deref())));
            }
        }
        Ok(None)
    }

    /// Returns what the login reaches and does not reach with `before`, with up to `limit`
    /// examples.
    ///
    /// # Errors
    ///
    /// Fails if the comparison costs more than the budget.
    pub fn gains_over(
        &self,
        before: &Self,
        limit: usize,
        work: &mut WorkBudget,
    ) -> Result<Vec<Gain>, WorkExceeded> {
        let mut gains = Vec::new();
        let published = Subjects::published(&self.permissions.publish);
        let before_published = Subjects::published(&before.permissions.publish);
        for entry in published.unshared(&before_published) {
            if let Some(subject) = published.gained(entry, &before_published, work)? {
                gains.push(Gain::Publish {
                    entry: entry.tokens().join("."),
                    example: Reached { subject, by: None },
                });
            }
            if gains.len() >= limit {
                return Ok(gains);
            }
        }
        for queue in queue_groups(&[self.permissions, before.permissions], None, work)? {
            let queue = queue.as_deref();
            let (now, then) = (self.received(queue, work)?, before.received(queue, work)?);
            for entry in now.unshared(&then) {
                let Some(subject) = now.gained(entry, &then, work)? else {
                    continue;
                };
                let plain = entry.tokens().join(".");
                let is_known =
                    |gain: &Gain| matches!(gain, Gain::Subscribe { entry, .. } if *entry == plain);
                if !gains.iter().any(is_known) {
                    gains.push(Gain::Subscribe {
                        entry: with_queue(plain, queue),
                        example: self.received_by(subject, &now, queue),
                    });
                }
                if gains.len() >= limit {
                    return Ok(gains);
                }
            }
        }
        gains.extend(self.more_responses(before));
        Ok(gains)
    }

    fn more_responses(&self, before: &Self) -> Option<Gain> {
        let now = self.permissions.responses?.effective();
        let before = before
            .permissions
            .responses
            .map(ResponsePermission::effective);
        let is_more = before.is_none_or(|before| now.max > before.max || now.ttl > before.ttl);
        is_more.then_some(Gain::Responses { before, now })
    }

    fn received(
        &self,
        queue: Option<&str>,
        work: &mut WorkBudget,
    ) -> Result<Subjects<'a>, WorkExceeded> {
        Subjects::received(&self.permissions.subscribe, self.filter, queue, work)
    }

    /// Returns the example of a message on `subject`, which `received` contains.
    fn received_by(
        &self,
        subject: String,
        received: &Subjects<'_>,
        queue: Option<&str>,
    ) -> Reached {
        let message = Pattern::new(&subject);
        let allow = &self.permissions.subscribe.allow;
        let mut plain = allow.iter().filter(|entry| entry.queue().is_none());
        let is_listed = allow.is_empty() || plain.any(|entry| entry.pattern().covers(&message));
        let by = (!is_listed || queue.is_some())
            .then(|| received.allow.iter().find(|shape| shape.covers(&message)))
            .flatten()
            .map(|shape| Way::Subscription(with_queue(shape.tokens().join("."), queue)));
        Reached { subject, by }
    }
}

fn with_queue(subject: String, queue: Option<&str>) -> String {
    match queue {
        Some(queue) => format!("{subject} {queue}"),
        None => subject,
    }
}

/// Returns one queue group for each set of the entries' queue groups that it can be in, `wanted`
/// included, and `None` for no queue group.
fn queue_groups(
    permissions: &[&Permissions],
    wanted: Option<&str>,
    work: &mut WorkBudget,
) -> Result<Vec<Option<String>>, WorkExceeded> {
    let sides = permissions.iter().map(|permissions| &permissions.subscribe);
    let subjects = sides.flat_map(|side| side.allow.iter().chain(&side.deny));
    let queues: BTreeSet<_> = subjects
        .filter_map(PermissionSubject::queue)
        .chain(wanted)
        .collect();
    let queues: Vec<Vec<&str>> = queues
        .iter()
        .map(|queue| queue.split('.').collect())
        .collect();
    let mut groups = vec![None];
    if !queues.is_empty() {
        let families = Families::new(queues.iter().map(|queue| vec![queue.as_slice()]));
        groups.extend(families.samples(work)?.into_iter().map(Some));
    }
    Ok(groups)
}

impl fmt::Display for Reached {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.subject)?;
        match &self.by {
            None => Ok(()),
            Some(Way::Subscription(subscription)) => {
                write!(formatter, ", with a subscription to `{subscription}`")
            }
            Some(Way::Reply) => write!(formatter, ", as a reply (`responses`)"),
        }
    }
}

impl fmt::Display for Gain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish { entry, example } => {
                write!(formatter, "may publish `{entry}`, such as {example}")
            }
            Self::Subscribe { entry, example } => {
                write!(
                    formatter,
                    "may subscribe to `{entry}`, and receives {example}"
                )
            }
            Self::Responses { before, now } => {
                write!(formatter, "may send {now}, before ")?;
                match before {
                    Some(before) => before.fmt(formatter),
                    None => formatter.write_str("none"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
