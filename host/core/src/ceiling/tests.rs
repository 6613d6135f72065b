//! Permits under ceilings, compared with a model of the server.

mod model;
mod work;

use std::time::Duration;

use proptest::prelude::*;

pub(crate) use self::model::{decides, matches, server_allows};
use self::model::{delivers_in, is_within, server_publishes};
use super::*;
use crate::PermissionSubject;

fn apply(ceiling: &Ceiling, permissions: &Permissions) -> Result<Permissions, CeilingExceeded> {
    ceiling.apply(
        permissions,
        DenyFilter::Overlapping,
        &mut WorkBudget::default(),
    )
}

/// Returns literal subjects and queue groups to try. The empty string stands for no queue group.
fn tries() -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    for first in ["a", "b", "c"] {
        for queue in ["", "q", "r", "q.r", "q.x"] {
            all.push((first.to_owned(), queue));
            for second in ["a", "b", "c"] {
                all.push((format!("{first}.{second}"), queue));
                for third in ["a", "c"] {
                    all.push((format!("{first}.{second}.{third}"), queue));
                }
            }
        }
    }
    all
}

fn filter() -> impl Strategy<Value = DenyFilter> {
    prop_oneof![Just(DenyFilter::Overlapping), Just(DenyFilter::Containing)]
}

fn on_excess() -> impl Strategy<Value = OnExcess> {
    prop_oneof![Just(OnExcess::Clip), Just(OnExcess::Refuse)]
}

/// Returns the permissions as the host writes them into a user JWT, `None` if a ceiling refuses
/// them.
fn issued(
    asked: SubjectPermission,
    ceilings: &[&Ceiling],
    filter: DenyFilter,
) -> Option<Permissions> {
    let mut held = permissions(asked);
    for ceiling in ceilings {
        held = ceiling
            .apply(&held, filter, &mut WorkBudget::default())
            .ok()?;
    }
    let literal = held.literal(filter, &mut WorkBudget::default()).unwrap();
    Some(literal.extended.unwrap_or(held))
}

fn subject() -> impl Strategy<Value = PermissionSubject> {
    "([ab*]\\.){0,2}[ab*>]( (q|r|q\\.r|q\\.\\*|\\*|>))?".prop_map(|text| text.parse().unwrap())
}

fn side() -> impl Strategy<Value = SubjectPermission> {
    let list = || proptest::collection::vec(subject(), 0..4);
    (list(), list()).prop_map(|(allow, deny)| SubjectPermission { allow, deny })
}

fn plain_side() -> impl Strategy<Value = SubjectPermission> {
    let subject = || "([ab*]\\.){0,2}[ab*>]".prop_map(|text| text.parse().unwrap());
    let list = move || proptest::collection::vec(subject(), 0..4);
    (list(), list()).prop_map(|(allow, deny)| SubjectPermission { allow, deny })
}

fn permissions(subscribe: SubjectPermission) -> Permissions {
    Permissions {
        subscribe,
        ..Permissions::default()
    }
    .closed()
}

fn subjects(texts: &[&str]) -> Vec<PermissionSubject> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn allow(texts: &[&str]) -> SubjectPermission {
    SubjectPermission {
        allow: subjects(texts),
        deny: vec![],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_clipped_permit_allows_what_both_allow(asked in side(), most in side()) {
        let ceiling = Ceiling { subscribe: most.clone(), ..Ceiling::default() };
        let (asked, most) = (permissions(asked), permissions(most));
        match apply(&ceiling, &asked) {
            Ok(clipped) => for (subject, queue) in tries() {
                let both = server_allows(&asked.subscribe, &subject, queue)
                    && server_allows(&most.subscribe, &subject, queue);
                let allowed = server_allows(&clipped.subscribe, &subject, queue);
                prop_assert_eq!(allowed, both, "{} {}: {:?}", subject, queue, clipped);
            },
            Err(CeilingExceeded::MixedQueues { subject, ceiling, plain }) => {
                prop_assert!(subject.queue().is_some() && ceiling.queue().is_some() && plain.queue().is_none());
            }
            Err(CeilingExceeded::OpenTail(open)) => prop_assert!(open.below.is_some()),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }

    // For every subject that a client subscribes to, and every queue group, the `*` of a ceiling is
    // one token.
    #[test]
    fn a_hostile_client_gets_nothing_beyond_the_ceilings(
        asked in side(),
        (most, on_excess) in (side(), on_excess()),
        (other, on_other) in (proptest::option::of(side()), on_excess()),
        filter in filter(),
        subscription in "([ab*]\\.){0,3}[ab*>]",
        queue in "(|q|r|x|q\\.r|q\\.x)",
        message in "([ab]\\.){0,3}[ab]",
    ) {
        let ceiling = |subscribe, on_excess| Ceiling { subscribe, on_excess, ..Ceiling::default() };
        let ceilings: Vec<_> = std::iter::once(ceiling(most, on_excess))
            .chain(other.map(|other| ceiling(other, on_other)))
            .collect();
        let ceilings: Vec<_> = ceilings.iter().collect();
        if let Some(issued) = issued(asked, &ceilings, filter)
            && delivers_in(&issued.subscribe, (&subscription, &queue), &message, filter)
        {
            for ceiling in ceilings {
                let most = permissions(ceiling.subscribe.clone()).subscribe;
                prop_assert!(
                    is_within(&most, &message, &queue, filter),
                    "{subscription} {queue} gets {message} beyond {most:?}: {issued:?}"
                );
            }
        }
    }

    // A literal `*` or `>` in a published subject is a token like any other.
    #[test]
    fn a_hostile_client_publishes_nothing_beyond_the_ceiling(
        asked in plain_side(),
        (most, on_excess) in (plain_side(), on_excess()),
        filter in filter(),
        published in "([ab*>]\\.){0,3}[abc*>]",
    ) {
        let ceiling = Ceiling { publish: most.clone(), on_excess, ..Ceiling::default() };
        let sided = |publish| Permissions { publish, ..Permissions::default() }.closed();
        if let Ok(held) = ceiling.apply(&sided(asked), filter, &mut WorkBudget::default()) {
            let literal = held.literal(filter, &mut WorkBudget::default()).unwrap();
            let issued = literal.extended.unwrap_or(held).publish;
            prop_assert!(
                !server_publishes(&issued, &published) || server_publishes(&sided(most).publish, &published),
                "{published}: {issued:?}"
            );
        }
    }

    // The denies that the host adds for older servers take nothing away on any server.
    #[test]
    fn denies_for_older_servers_mean_the_same(
        mut asked in side(),
        subscription in "([ab*]\\.){0,2}[ab*>]",
        queue in "(|q|r|x|q\\.r|q\\.x)",
        message in "([ab]\\.){0,2}[ab]",
    ) {
        let to = (&*subscription, &*queue);
        let before = delivers_in(&asked, to, &message, DenyFilter::Overlapping);
        let overlooked = asked.overlooked(&mut WorkBudget::default()).unwrap();
        asked.deny.extend(overlooked);
        prop_assert_eq!(delivers_in(&asked, to, &message, DenyFilter::Overlapping), before);
        // On older servers, no deny of another queue group gets around a plain deny any more.
        prop_assert_eq!(
            decides(&asked, &subscription, &queue, DenyFilter::Containing),
            decides(&asked, &subscription, &queue, DenyFilter::Overlapping)
        );
    }

    #[test]
    fn a_permit_that_is_not_refused_allows_nothing_beyond(asked in side(), most in side()) {
        let ceiling = Ceiling { subscribe: most.clone(), on_excess: OnExcess::Refuse, ..Ceiling::default() };
        let (asked, most) = (permissions(asked), permissions(most));
        if let Ok(kept) = apply(&ceiling, &asked) {
            prop_assert_eq!(&kept, &asked);
            for (subject, queue) in tries() {
                let beyond = server_allows(&kept.subscribe, &subject, queue)
                    && !server_allows(&most.subscribe, &subject, queue);
                prop_assert!(!beyond, "{} {}", subject, queue);
            }
        }
    }

    // A clipped permit stays within the ceiling, and clipping it again changes nothing for a
    // server.
    #[test]
    fn a_clipped_permit_is_clipped_once(asked in side(), most in side()) {
        let ceiling = Ceiling { subscribe: most, ..Ceiling::default() };
        if let Ok(once) = apply(&ceiling, &permissions(asked))
            && let Ok(twice) = apply(&ceiling, &once)
        {
            for (subject, queue) in tries() {
                prop_assert_eq!(
                    server_allows(&once.subscribe, &subject, queue),
                    server_allows(&twice.subscribe, &subject, queue),
                );
            }
        }
    }
}

#[test]
fn a_permit_is_cut_down_to_what_both_allow() {
    let ceiling = Ceiling {
        publish: SubjectPermission {
            allow: subjects(&["orders.>", "$JS.API.>"]),
            deny: subjects(&["orders.internal.>", "orders.internal.audit"]),
        },
        subscribe: allow(&["_INBOX.>", "jobs.*"]),
        ..Ceiling::default()
    };
    let asked = Permissions {
        publish: allow(&[">", "orders.eu.>"]),
        subscribe: allow(&["jobs.> workers", "_INBOX.alice.>", "secrets"]),
        responses: None,
    };
    let clipped = apply(&ceiling, &asked).unwrap();
    assert_eq!(clipped.publish.allow, subjects(&["$JS.API.>", "orders.>"]));
    assert_eq!(clipped.publish.deny, subjects(&["orders.internal.>"]));
    assert_eq!(
        clipped.subscribe.allow,
        subjects(&["_INBOX.alice.>", "jobs.* workers"])
    );
}

#[test]
fn nothing_in_common_is_nothing_at_all() {
    let ceiling = Ceiling {
        publish: allow(&["a"]),
        ..Ceiling::default()
    };
    let asked = Permissions {
        publish: allow(&["b"]),
        subscribe: allow(&["b"]),
        responses: None,
    };
    let clipped = apply(&ceiling, &asked).unwrap();
    for side in [clipped.publish, clipped.subscribe] {
        assert_eq!((side.allow, side.deny), (vec![], subjects(&[">"])));
    }
}

#[test]
fn a_refusal_names_the_first_subject_that_goes_beyond() {
    let ceiling = Ceiling {
        publish: SubjectPermission {
            allow: subjects(&["a.>"]),
            deny: subjects(&["a.secret"]),
        },
        subscribe: allow(&[">"]),
        responses: None,
        on_excess: OnExcess::Refuse,
    };
    let refused = |asked: Permissions| apply(&ceiling, &asked.closed()).unwrap_err().to_string();
    assert_eq!(
        refused(Permissions {
            publish: allow(&["a.b", "b", "c"]),
            ..Permissions::default()
        }),
        "the permit's publish-allow `b` is covered by no subject of the ceiling's publish-allow"
    );
    assert_eq!(
        refused(Permissions {
            publish: allow(&["a.*"]),
            ..Permissions::default()
        }),
        "the permit's publish-allow `a.*` reaches into `a.secret`, which the ceiling's publish-deny takes out; \
         deny it in the permit too"
    );
    assert_eq!(
        refused(Permissions {
            responses: Some(ResponsePermission::default()),
            ..Permissions::default()
        }),
        "the permit's responses (1 reply within 120s) go beyond the ceiling's (none); grant fewer, or raise \
         `responses` of the ceiling"
    );
    let below = Permissions {
        publish: SubjectPermission {
            allow: subjects(&["a.*"]),
            deny: subjects(&["a.secret"]),
        },
        ..Permissions::default()
    };
    assert!(apply(&ceiling, &below.closed()).is_ok());
}

#[test]
fn replies_are_clipped_with_the_servers_defaults_in_mind() {
    let responses = |max, seconds| {
        Some(ResponsePermission {
            max,
            ttl: Duration::from_secs(seconds),
        })
    };
    for (asked, most, expected) in [
        (None, responses(5, 5), None),
        (responses(5, 5), None, None),
        (responses(0, 0), responses(5, 5), responses(1, 5)),
        (responses(9, 9), responses(0, 0), responses(1, 9)),
        (responses(9, 900), responses(5, 0), responses(5, 120)),
    ] {
        let ceiling = Ceiling {
            responses: most,
            ..Ceiling::default()
        };
        let asked = Permissions {
            responses: asked,
            ..Permissions::default()
        };
        assert_eq!(apply(&ceiling, &asked).unwrap().responses, expected);
    }
}

#[test]
fn lists_that_no_list_can_say_are_refused() {
    let ceiling = Ceiling {
        subscribe: allow(&[">", "a q"]),
        ..Ceiling::default()
    };
    let error = apply(&ceiling, &permissions(allow(&["a *"]))).unwrap_err();
    assert!(
        matches!(error, CeilingExceeded::MixedQueues { .. }),
        "{error}"
    );
}

#[test]
fn the_product_of_two_lists_is_bounded() {
    let many = |pattern: fn(usize) -> String, count| {
        let texts: Vec<_> = (0..count).map(pattern).collect();
        allow(&texts.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let ceiling = Ceiling {
        publish: many(|number| format!("{number}.*"), 100),
        ..Ceiling::default()
    };
    let asked = |count| Permissions {
        publish: many(|number| format!("*.{number}"), count),
        ..Permissions::default()
    };
    assert!(apply(&ceiling, &asked(40)).is_ok());
    for count in [42, 4096] {
        let error = apply(&ceiling, &asked(count)).unwrap_err();
        assert_eq!(error, CeilingExceeded::TooMany { limit: 4096 });
    }
    let long = "x".repeat(600);
    let ceiling = Ceiling {
        publish: allow(&[&format!("{long}.*")]),
        ..Ceiling::default()
    };
    let asked = Permissions {
        publish: allow(&[&format!("*.{long}")]),
        ..Permissions::default()
    };
    let error = apply(&ceiling, &asked).unwrap_err();
    assert!(matches!(error, CeilingExceeded::TooLong { .. }), "{error}");
}

#[test]
fn a_star_that_cannot_be_held_to_one_token_counts_as_everything_below() {
    let under = |most: &[&str], asked: &[&str], on_excess| {
        let ceiling = Ceiling {
            subscribe: allow(most),
            on_excess,
            ..Ceiling::default()
        };
        apply(&ceiling, &permissions(allow(asked))).map(|clipped| clipped.subscribe.allow)
    };
    for on_excess in [OnExcess::Clip, OnExcess::Refuse] {
        let error = under(&["a.*", "a.b.c"], &["a.*", "a.b.c"], on_excess).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the permit goes beyond what the ceiling allows below `a.*`: clients can subscribe to `a.>` with the \
             subscribe-allow `a.*`: `a.b.c` is allowed too, so that no deny closes it; name literal subjects, or a final `>`"
        );
        assert_eq!(
            under(&["a.>"], &["a.*", "a.b.c"], on_excess),
            Ok(subjects(&["a.*", "a.b.c"]))
        );
        assert_eq!(under(&["a.*"], &["a.*"], on_excess), Ok(subjects(&["a.*"])));
    }
    let old = Ceiling {
        subscribe: allow(&["*.*"]),
        ..Ceiling::default()
    };
    let asked = permissions(allow(&["*.*"]));
    let error = old.apply(&asked, DenyFilter::Containing, &mut WorkBudget::default());
    assert!(
        matches!(error, Err(CeilingExceeded::OpenTail(_))),
        "{error:?}"
    );
}

#[test]
fn a_refusing_ceiling_wants_its_denies_below_an_open_star_too() {
    let under = |denied: &[&str]| {
        let side = |allow, denied| SubjectPermission {
            allow: subjects(allow),
            deny: subjects(denied),
        };
        let ceiling = Ceiling {
            subscribe: side(&[">"], &["a.*"]),
            on_excess: OnExcess::Refuse,
            ..Ceiling::default()
        };
        apply(&ceiling, &permissions(side(&["*", "a.a.>"], denied)))
    };
    let error = under(&["b.*"]).unwrap_err();
    assert!(matches!(error, CeilingExceeded::OpenTail(_)), "{error:?}");
    for denied in ["a.*", "*.*"] {
        assert!(under(&[denied]).is_ok(), "{denied}");
    }
}
