//! Hostile clients, against a model of servers that is written from their source.

use proptest::prelude::*;

use super::*;
use crate::ceiling::tests::matches;

fn subjects(texts: &[&str]) -> Vec<PermissionSubject> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn side(allow: &[&str], deny: &[&str]) -> SubjectPermission {
    SubjectPermission {
        allow: subjects(allow),
        deny: subjects(deny),
    }
}

fn tails(side: &SubjectPermission, filter: DenyFilter) -> Tails {
    side.tails(filter, &mut WorkBudget::default()).unwrap()
}

fn collide(one: &str, other: &str) -> bool {
    let subject = |text: &str| text.parse::<PermissionSubject>().unwrap();
    subject(one).overlaps(&subject(other))
}

fn contains(subscription: &str, deny: &str) -> bool {
    let subject = |text: &str| text.parse::<PermissionSubject>().unwrap();
    subject(subscription).covers(&subject(deny))
}

/// Returns whether a server lets a client without a queue group subscribe to `subscription` and
/// then delivers `message`.
pub(crate) fn delivers(
    side: &SubjectPermission,
    subscription: &str,
    message: &str,
    filter: DenyFilter,
) -> bool {
    let allow = || side.allow.iter().map(PermissionSubject::as_str);
    let deny = || side.deny.iter().map(PermissionSubject::as_str);
    let allowed = allow().any(|entry| matches(entry, subscription));
    let refused = deny().any(|entry| matches(entry, subscription));
    if !allowed || refused || !matches(subscription, message) {
        return false;
    }
    !(filters(deny(), subscription, filter) && deny().any(|entry| matches(entry, message)))
}

/// Returns whether a server compares the messages for `subscription` with the denies.
pub(crate) fn filters<'a>(
    mut deny: impl Iterator<Item = &'a str>,
    subscription: &str,
    filter: DenyFilter,
) -> bool {
    let is_wildcard = subscription
        .split('.')
        .any(|token| matches!(token, "*" | ">"));
    is_wildcard
        && deny.any(|entry| match filter {
            DenyFilter::Overlapping => collide(entry, subscription),
            DenyFilter::Containing => contains(subscription, entry),
        })
}

#[test]
fn a_star_at_the_end_is_held_to_one_token() {
    let cases: [(&[&str], &[&str]); 9] = [
        (&["a.*"], &["a.*.>"]),
        (&["*"], &["*.>"]),
        (&["a.* workers"], &["a.*.>"]),
        (&["a.*", "b.*.*", "c"], &["a.*.>", "b.*.*.>"]),
        // One and two tokens: a deny removes only what is below both.
        (&["a.*", "a.*.*"], &["a.*.*.>"]),
        (&["a.*", "a.*", "a.* q"], &["a.*.>"]),
        // Everything below is allowed, or no subject ends in `*`.
        (&["a.*", "a.>"], &[]),
        (&["a.*", ">"], &[]),
        (&["a.*.b", "a.b*", "a.>"], &[]),
    ];
    for (allow, closing) in cases {
        let found = tails(&side(allow, &[]), DenyFilter::Overlapping);
        assert_eq!(found.closing_denies, subjects(closing), "{allow:?}");
        assert_eq!(found.open, [], "{allow:?}");
    }
}

#[test]
fn what_cannot_be_closed_is_named() {
    let cases: [(&[&str], &str, &str); 5] = [
        (&["a.*", "a.b.c"], "a.*", "a.b.c"),
        (&["*", "_INBOX.>"], "*", "_INBOX.>"),
        (&["a.*", "a.> q"], "a.*", "a.> q"),
        (&["a.* q", "a.b.c"], "a.* q", "a.b.c"),
        (&["a.*", "a.*.*", "a.b.c.d"], "a.*.*", "a.b.c.d"),
    ];
    for (allow, open, below) in cases {
        let found = tails(&side(allow, &[]), DenyFilter::Overlapping);
        assert_eq!(found.closing_denies, [], "{allow:?}");
        let [found] = found.open.as_slice() else {
            panic!("{allow:?}: {found:?}")
        };
        assert_eq!(found.subject.as_str(), open);
        assert_eq!(found.below.as_ref().unwrap().as_str(), below);
        let shown = found.to_string();
        assert!(
            shown.contains(&format!("`{below}` is allowed too")),
            "{shown}"
        );
    }
}

#[test]
fn servers_that_want_a_deny_contained_are_told_apart() {
    let two = side(&["*.*"], &[]);
    assert_eq!(
        tails(&two, DenyFilter::Overlapping).closing_denies,
        subjects(&["*.*.>"])
    );
    let found = tails(&two, DenyFilter::Containing);
    assert_eq!(found.closing_denies, subjects(&["*.*.>"]));
    assert_eq!(found.open[0].below, None);
    let shown = found.open[0].to_string();
    assert!(
        shown.starts_with("clients can subscribe to `*.>` with"),
        "{shown}"
    );

    let wider = side(&["a.*"], &["*.*.>"]);
    assert_eq!(tails(&wider, DenyFilter::Overlapping).closing_denies, []);
    assert_eq!(
        tails(&wider, DenyFilter::Containing).closing_denies,
        subjects(&["a.*.>"])
    );
}

fn subject() -> impl Strategy<Value = PermissionSubject> {
    "([ab*]\\.){0,2}[ab*>]".prop_map(|text| text.parse().unwrap())
}

fn filter() -> impl Strategy<Value = DenyFilter> {
    prop_oneof![Just(DenyFilter::Overlapping), Just(DenyFilter::Containing)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    // For every subscription and every published message.
    #[test]
    fn a_hostile_client_gets_what_is_allowed_or_told_of(
        allow in proptest::collection::vec(subject(), 1..4),
        subscription in "([ab*]\\.){0,3}[ab*>]",
        message in "([ab]\\.){0,3}[ab]",
        filter in filter(),
    ) {
        let mut side = SubjectPermission { allow, deny: vec![] };
        let found = tails(&side, filter);
        side.deny.extend(found.closing_denies);
        if delivers(&side, &subscription, &message, filter) {
            let intended = side.allow.iter().any(|entry| matches(entry.as_str(), &message));
            let told = found.open.iter().any(|open| matches(&open.subject.open_ended(), &message));
            prop_assert!(intended || told, "{subscription} gets {message}: {side:?}");
        }
    }

    // The denies remove no allowed message from any client.
    #[test]
    fn an_honest_client_gets_what_it_got(
        allow in proptest::collection::vec(subject(), 1..4),
        message in "([ab]\\.){0,3}[ab]",
        filter in filter(),
    ) {
        let before = SubjectPermission { allow, deny: vec![] };
        let mut after = before.clone();
        after.deny.extend(tails(&before, filter).closing_denies);
        for entry in before.allow.iter().map(PermissionSubject::as_str) {
            prop_assert_eq!(
                delivers(&before, entry, &message, filter),
                delivers(&after, entry, &message, filter),
                "{} {}: {:?}", entry, message, after
            );
        }
    }
}
