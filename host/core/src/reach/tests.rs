//! Sets of subjects, compared with every subscription that a client could try on a model of the
//! server.

use proptest::prelude::*;

use super::*;
use crate::SubjectPermission;
use crate::ceiling::tests::{decides, matches, server_allows};

/// Tokens of the messages. No list names `c`.
const TOKENS: [&str; 3] = ["a", "b", "c"];
/// Maximum number of tokens of a message. Lists have up to three.
const LONGEST: usize = 4;

fn subjects(texts: &[&str]) -> Vec<PermissionSubject> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn side(allow: &[&str], deny: &[&str]) -> SubjectPermission {
    SubjectPermission {
        allow: subjects(allow),
        deny: subjects(deny),
    }
}

fn permissions(publish: SubjectPermission, subscribe: SubjectPermission) -> Permissions {
    Permissions {
        publish,
        subscribe,
        responses: None,
    }
}

fn subscribing(allow: &[&str], deny: &[&str]) -> Permissions {
    permissions(side(&[], &[">"]), side(allow, deny))
}

fn subject(text: &str) -> PermissionSubject {
    text.parse().unwrap()
}

fn work() -> WorkBudget {
    WorkBudget::new(1 << 30)
}

/// Returns whether `pattern` matches `text`, whose wildcards are ordinary tokens.
/// Returns the texts of up to `longest` tokens, with `last` as possible last tokens too.
fn texts(tokens: &[&str], last: &[&str], longest: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut begun = vec![String::new()];
    for _ in 0..longest {
        let longer = |begun: &String, token: &str| match begun.as_str() {
            "" => token.to_owned(),
            begun => format!("{begun}.{token}"),
        };
        all.extend(
            begun
                .iter()
                .flat_map(|begun| last.iter().map(move |token| longer(begun, token))),
        );
        begun = begun
            .iter()
            .flat_map(|begun| tokens.iter().map(move |token| longer(begun, token)))
            .collect();
        all.extend(begun.iter().cloned());
    }
    all
}

fn server_publishes(side: &SubjectPermission, subject: &str) -> bool {
    let hit = |list: &[PermissionSubject]| list.iter().any(|own| matches(own.as_str(), subject));
    (side.allow.is_empty() || hit(&side.allow)) && !hit(&side.deny)
}

/// Returns whether a server delivers `message` for an accepted subscription.
fn server_delivers(
    side: &SubjectPermission,
    subscription: &str,
    message: &str,
    filter: DenyFilter,
) -> bool {
    let deny = || side.deny.iter().filter(|deny| deny.queue().is_none());
    let denies = || deny().any(|deny| matches(deny.as_str(), message));
    let is_wildcard = subscription
        .split('.')
        .any(|token| matches!(token, "*" | ">"));
    let asked = self::subject(subscription);
    let filters = is_wildcard
        && side.deny.iter().any(|deny| {
            let plain = self::subject(deny.as_str().split(' ').next().unwrap());
            match filter {
                DenyFilter::Overlapping => plain.overlaps(&asked),
                DenyFilter::Containing => asked.covers(&plain),
            }
        });
    matches(subscription, message) && !(filters && denies())
}

/// Returns whether a client in `queue` can receive `message` by any subscription.
fn receives(side: &SubjectPermission, message: &str, queue: &str, filter: DenyFilter) -> bool {
    let subscriptions = texts(&["a", "b", "c", "*"], &[">"], LONGEST);
    subscriptions.iter().any(|subscription| {
        server_delivers(side, subscription, message, filter)
            && decides(side, subscription, queue, filter)
    })
}

fn any_subject() -> impl Strategy<Value = PermissionSubject> {
    "([ab*]\\.){0,2}[ab*>]".prop_map(|text| text.parse().unwrap())
}

fn any_queued() -> impl Strategy<Value = PermissionSubject> {
    "([ab*]\\.){0,2}[ab*>]( (q|r|q\\.r|q\\.\\*|\\*|>))?".prop_map(|text| text.parse().unwrap())
}

fn any_side<S: Strategy<Value = PermissionSubject>>(
    subject: fn() -> S,
) -> impl Strategy<Value = SubjectPermission> {
    let list = move || proptest::collection::vec(subject(), 0..4);
    (list(), list()).prop_map(|(allow, deny)| SubjectPermission { allow, deny })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn publishing_is_what_a_server_publishes(side in any_side(any_subject), asked in any_subject()) {
        let permissions = permissions(side, SubjectPermission::default());
        let reach = Reach::new(&permissions, DenyFilter::Overlapping);
        let asked_for = texts(&TOKENS, &[], LONGEST);
        let asked_for: Vec<_> = asked_for.iter().filter(|text| matches(asked.as_str(), text)).collect();
        let allowed = |text: &str| server_publishes(&permissions.publish, text);

        let some = reach.some_published(&asked, &mut work()).unwrap();
        prop_assert_eq!(some.is_some(), asked_for.iter().any(|text| allowed(text)), "{:?}", some);
        if let Some(some) = some {
            prop_assert!(allowed(&some.subject) && matches(asked.as_str(), &some.subject), "{some}");
        }
        let lacking = reach.not_published(&asked, &mut work()).unwrap();
        prop_assert_eq!(lacking.is_some(), asked_for.iter().any(|text| !allowed(text)), "{:?}", lacking);
        if let Some(lacking) = lacking {
            prop_assert!(!allowed(&lacking) && matches(asked.as_str(), &lacking), "{lacking}");
        }
    }

    #[test]
    fn gains_are_what_the_one_publishes_and_the_other_does_not(
        now in any_side(any_subject),
        before in any_side(any_subject),
    ) {
        let [now, before] = [now, before].map(|side| permissions(side, side_of_none()));
        let reach = |permissions| Reach::new(permissions, DenyFilter::Overlapping);
        let gains = reach(&now).gains_over(&reach(&before), 100, &mut work()).unwrap();
        let is_gained = |text: &str| {
            server_publishes(&now.publish, text) && !server_publishes(&before.publish, text)
        };
        let all = texts(&TOKENS, &[], LONGEST);
        prop_assert_eq!(!gains.is_empty(), all.iter().any(|text| is_gained(text)), "{:?}", gains);
        for gain in gains {
            let Gain::Publish { entry, example } = gain else { panic!("{gain}") };
            prop_assert!(is_gained(&example.subject) && matches(&entry, &example.subject));
        }
    }

    #[test]
    fn receiving_is_what_some_subscription_receives(
        side in any_side(any_queued),
        message in "([abc]\\.){0,2}[abc]",
        queue in "(|q|r|x|q\\.r|q\\.x)",
    ) {
        let permissions = permissions(SubjectPermission::default(), side);
        let side = &permissions.subscribe;
        let asked = if queue.is_empty() { message.clone() } else { format!("{message} {queue}") };
        for filter in [DenyFilter::Overlapping, DenyFilter::Containing] {
            let reach = Reach::new(&permissions, filter);
            let reached = if queue.is_empty() {
                let received = reach.received(None, &mut work()).unwrap();
                received.common(&Pattern::new(&message), &mut work()).unwrap().is_some()
            } else {
                reach.some_received(&subject(&asked), &mut work()).unwrap().is_some()
            };
            let receives = receives(side, &message, &queue, filter);
            match filter {
                DenyFilter::Overlapping => prop_assert_eq!(reached, receives),
                DenyFilter::Containing => prop_assert!(reached || !receives),
            }
        }
    }

    #[test]
    fn a_subscription_receives_all_or_has_an_example(
        side in any_side(any_queued),
        asked in any_subject(),
        queue in "(|q|r|x|q\\.r)",
    ) {
        let permissions = permissions(SubjectPermission::default(), side);
        let side = &permissions.subscribe;
        let whole = if queue.is_empty() { asked.to_string() } else { format!("{asked} {queue}") };
        let reach = Reach::new(&permissions, DenyFilter::Overlapping);
        let lacking = reach.not_received(&subject(&whole), &mut work()).unwrap();
        let accepted = server_allows(side, asked.as_str(), &queue);
        let all = texts(&TOKENS, &[], LONGEST);
        let mut messages = all.iter().filter(|text| matches(asked.as_str(), text));
        let lost = |text: &&String| !server_delivers(side, asked.as_str(), text, DenyFilter::Overlapping);
        prop_assert_eq!(lacking.is_none(), accepted && !messages.any(|text| lost(&text)), "{:?}", lacking);
    }

    #[test]
    fn received_gains_have_examples_that_only_the_one_receives(
        now in any_side(any_queued),
        before in any_side(any_queued),
    ) {
        let none = || side(&[], &[">"]);
        let [now, before] = [now, before].map(|side| permissions(none(), side));
        let reach = |permissions| Reach::new(permissions, DenyFilter::Overlapping);
        let gains = reach(&now).gains_over(&reach(&before), 100, &mut work()).unwrap();
        for gain in &gains {
            let Gain::Subscribe { entry, example } = gain else { panic!("{gain}") };
            let queue = entry.split_once(' ').map_or("", |(_, queue)| queue);
            prop_assert!(!receives(&before.subscribe, &example.subject, queue, DenyFilter::Overlapping));
            prop_assert!(receives(&now.subscribe, &example.subject, queue, DenyFilter::Overlapping));
        }
        if gains.is_empty() {
            for message in texts(&TOKENS, &[], 3) {
                for queue in ["", "q", "r", "x", "q.r", "q.x"] {
                    let receives = |permissions: &Permissions| {
                        receives(&permissions.subscribe, &message, queue, DenyFilter::Overlapping)
                    };
                    prop_assert!(!receives(&now) || receives(&before), "{} {}", message, queue);
                }
            }
        }
    }
}

fn side_of_none() -> SubjectPermission {
    side(&[], &[">"])
}

#[test]
fn examples_name_the_way() {
    for (allow, deny, asked, found) in [
        (vec!["a.*"], vec![], "a.b", "`a.b`"),
        (
            vec!["a.*"],
            vec![],
            "a.b.c",
            "`a.b.c`, with a subscription to `a.>`",
        ),
        (
            vec!["a q"],
            vec![],
            "a",
            "`a`, with a subscription to `a q`",
        ),
        // A wildcard gets around the queue group that a literal is held to.
        (
            vec!["a.>", "a.b q"],
            vec![],
            "a.b r",
            "`a.b`, with a subscription to `a.> r`",
        ),
        (vec![">"], vec!["a"], "*", "`x`"),
    ] {
        let permissions = subscribing(&allow, &deny);
        let reach = Reach::new(&permissions, DenyFilter::Overlapping);
        let reached = reach.some_received(&subject(asked), &mut work()).unwrap();
        let reached = reached.map(|reached| reached.to_string());
        assert_eq!(reached.as_deref(), Some(found), "{allow:?} {asked}");
    }
}

/// Covers older servers, on which a deny of another queue group replaces a plain deny.
#[test]
fn a_literal_deny_is_got_around_next_to_one_of_a_queue_group() {
    for (deny, reached) in [
        (&["secret", "* q"][..], true),
        (&["secret", "* q", "secret >"], false),
        (&["secret", "other q"], false),
        (&["secret", "* r"], false),
    ] {
        let permissions = subscribing(&[">"], deny);
        let reach = Reach::new(&permissions, DenyFilter::Containing);
        let found = reach
            .some_received(&subject("secret r"), &mut work())
            .unwrap();
        assert_eq!(found.is_some(), reached, "{deny:?}: {found:?}");
    }
}

#[test]
fn a_closed_star_admits_one_token() {
    let permissions = subscribing(&["a.*"], &["a.*.>"]);
    let below = |filter| {
        let reach = Reach::new(&permissions, filter);
        reach.some_received(&subject("a.*.>"), &mut work()).unwrap()
    };
    assert_eq!(below(DenyFilter::Overlapping), None);
    let reach = Reach::new(&permissions, DenyFilter::Overlapping);
    let asked = subject("a.>");
    assert_eq!(
        reach.not_received(&asked, &mut work()).unwrap().as_deref(),
        Some("a.x.x")
    );
}

#[test]
fn replies_reach_everything_where_messages_are_received() {
    let responses = Some(ResponsePermission::default());
    let anywhere = |subscribe| {
        let permissions = Permissions {
            responses,
            ..permissions(side_of_none(), subscribe)
        };
        let reach = Reach::new(&permissions, DenyFilter::Overlapping);
        reach.replies_anywhere(&mut work()).unwrap()
    };
    assert!(anywhere(side(&["service"], &[])));
    assert!(anywhere(side(&["service q"], &[])));
    assert!(!anywhere(side_of_none()));
    assert!(!anywhere(side(&["service"], &["service"])));
}

#[test]
fn more_replies_are_a_gain_and_fewer_are_none() {
    let with = |max| Permissions {
        responses: Some(ResponsePermission {
            max,
            ..ResponsePermission::default()
        }),
        ..permissions(side_of_none(), side_of_none())
    };
    let gains = |now: &Permissions, before: &Permissions| {
        let reach = |permissions| Reach::new(permissions, DenyFilter::Overlapping);
        reach(now)
            .gains_over(&reach(before), 10, &mut work())
            .unwrap()
    };
    let (one, two) = (with(0), with(2));
    assert_eq!(gains(&one, &two), []);
    assert_eq!(
        gains(&two, &one)[0].to_string(),
        "may send 2 replies within 120s, before 1 reply within 120s"
    );
}

/// Covers the reduction of propositional logic to these sets: to tell whether patterns with `*`
/// cover `*.*.…` can take exponential time.
#[test]
fn a_search_ends_with_its_budget() {
    let tokens = 24;
    let pattern = |at: usize, token: &str| {
        let mut pattern = vec!["*"; tokens];
        pattern[at] = token;
        pattern[(at * 7 + 3) % tokens] = "b";
        pattern[(at * 5 + 1) % tokens] = "a";
        subject(&pattern.join("."))
    };
    let allow = (0..tokens)
        .flat_map(|at| [pattern(at, "a"), pattern(at, "b")])
        .collect();
    let publish = SubjectPermission {
        allow,
        deny: Vec::new(),
    };
    let permissions = permissions(publish, side_of_none());
    let reach = Reach::new(&permissions, DenyFilter::Overlapping);
    let asked = subject(&vec!["*"; tokens].join("."));
    assert!(
        reach
            .not_published(&asked, &mut WorkBudget::new(1000))
            .is_err()
    );
}

#[test]
fn the_permissions_of_a_large_permit_are_compared_within_the_budget_of_a_login() {
    let allow = |from: usize| {
        (from..from + 2000)
            .map(|n| subject(&format!("app.{n}.>")))
            .collect()
    };
    let [now, before] = [1, 0].map(|from| {
        let publish = SubjectPermission {
            allow: allow(from),
            deny: Vec::new(),
        };
        permissions(publish, side_of_none())
    });
    let reach = |permissions| Reach::new(permissions, DenyFilter::Overlapping);
    let gains = reach(&now).gains_over(&reach(&before), 10, &mut WorkBudget::default());
    assert_eq!(gains.unwrap().len(), 1);
}
