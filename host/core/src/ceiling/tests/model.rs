//! What servers do with permissions, written from their source and independent of the code under
//! test.

use crate::tails::tests::filters;
use crate::{DenyFilter, PermissionSubject, SubjectPermission};

pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.split('.'), text.split('.'));
    loop {
        match (pattern.next(), text.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some(wanted), Some(token)) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
}

/// Decides on a subscription as a server does (`canSubscribe`). Written from the server's source,
/// independent of the code under test.
pub(crate) fn server_allows(side: &SubjectPermission, subject: &str, queue: &str) -> bool {
    decides(side, subject, queue, DenyFilter::Overlapping)
}

/// Decides on a subscription as [`server_allows`] does, or as servers with
/// [`DenyFilter::Containing`] do: there, a deny of another queue group replaces the plain denies.
pub(crate) fn decides(
    side: &SubjectPermission,
    subject: &str,
    queue: &str,
    filter: DenyFilter,
) -> bool {
    let hits = |list: &[PermissionSubject]| {
        let (mut plain, mut queues) = (false, Vec::new());
        for entry in list {
            match entry.as_str().split_once(' ') {
                None => plain |= matches(entry.as_str(), subject),
                Some((pattern, queue)) if matches(pattern, subject) => {
                    queues.push(queue.to_owned());
                }
                Some(_) => {}
            }
        }
        (plain, queues)
    };
    let one_of = |queues: &[String]| queues.iter().any(|pattern| matches(pattern, queue));
    let (plain, queues) = hits(&side.allow);
    let mut allowed = plain || side.allow.is_empty();
    if !queue.is_empty() && !queues.is_empty() {
        allowed = one_of(&queues);
    }
    let (plain, queues) = hits(&side.deny);
    let named = !queue.is_empty() && !queues.is_empty();
    let denied = match filter {
        DenyFilter::Containing if named => one_of(&queues),
        _ => plain || (named && one_of(&queues)),
    };
    allowed && !denied
}

/// Returns the denies that count on delivery. Older servers do not look at those with queue groups.
fn plain_denies(side: &SubjectPermission) -> impl Iterator<Item = &str> {
    let plain = side.deny.iter().filter(|deny| deny.queue().is_none());
    plain.map(PermissionSubject::as_str)
}

/// Returns whether a server lets a client in `queue` subscribe and then delivers `message`.
pub(super) fn delivers_in(
    side: &SubjectPermission,
    (subscription, queue): (&str, &str),
    message: &str,
    filter: DenyFilter,
) -> bool {
    decides(side, subscription, queue, filter)
        && matches(subscription, message)
        && !(filters(plain_denies(side), subscription, filter)
            && plain_denies(side).any(|deny| matches(deny, message)))
}

/// Returns whether some subscription of a client in `queue` is within `most` if every `*` is one
/// token, and receives `message`. On servers with [`DenyFilter::Containing`], denies with wildcards
/// do not hold all subscriptions, so only literal ones count.
pub(super) fn is_within(
    most: &SubjectPermission,
    message: &str,
    queue: &str,
    filter: DenyFilter,
) -> bool {
    let is_literal = |deny: &&str| filter == DenyFilter::Overlapping || !deny.contains(['*', '>']);
    let denied = || {
        plain_denies(most)
            .filter(is_literal)
            .any(|deny| matches(deny, message))
    };
    let mut literal = most.clone();
    literal.deny.retain(|deny| deny.queue().is_some());
    subscriptions().iter().any(|subscription| {
        let widened = |entry: &&PermissionSubject| {
            let entry = entry.as_str().split(' ').next().unwrap_or_default();
            entry.ends_with('*') && subscription.ends_with('>')
        };
        let mut literal = literal.clone();
        literal.allow.retain(|entry| !widened(&entry));
        // An empty list allows everything to the model of the server.
        !literal.allow.is_empty()
            && matches(subscription, message)
            && decides(&literal, subscription, queue, filter)
    }) && !denied()
}

/// Returns the subscriptions of up to four tokens.
fn subscriptions() -> &'static [String] {
    static ALL: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let mut all = Vec::new();
        let mut begun = vec![String::new()];
        for _ in 0..4 {
            all.extend(begun.iter().map(|begun| format!("{begun}>")));
            let longer = |begun: &String| ["a", "b", "*"].map(|token| format!("{begun}{token}"));
            let whole: Vec<_> = begun.iter().flat_map(longer).collect();
            begun = whole.iter().map(|begun| format!("{begun}.")).collect();
            all.extend(whole);
        }
        all
    });
    &ALL
}

pub(super) fn server_publishes(side: &SubjectPermission, subject: &str) -> bool {
    let hit = |list: &[PermissionSubject]| list.iter().any(|own| matches(own.as_str(), subject));
    (side.allow.is_empty() || hit(&side.allow)) && !hit(&side.deny)
}
