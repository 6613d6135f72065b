//! Permits under ceilings, against what a server makes of both.

use proptest::prelude::*;

use super::*;

/// Literal subjects and queue groups to try; the empty queue group is none.
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

fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.split('.'), text.split('.'));
    loop {
        match (pattern.next(), text.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some(wanted), Some(token)) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
}

/// As a server decides on a subscription (`canSubscribe`), written down from its source and not from ours.
fn server_allows(side: &SubjectPermission, subject: &str, queue: &str) -> bool {
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
    let denied = plain || (!queue.is_empty() && one_of(&queues));
    allowed && !denied
}

fn subject() -> impl Strategy<Value = PermissionSubject> {
    "([ab*]\\.){0,2}[ab*>]( (q|r|q\\.r|q\\.\\*|\\*|>))?".prop_map(|text| text.parse().unwrap())
}

fn side() -> impl Strategy<Value = SubjectPermission> {
    let list = || proptest::collection::vec(subject(), 0..4);
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
        match ceiling.apply(&asked) {
            Ok(clipped) => for (subject, queue) in tries() {
                let both = server_allows(&asked.subscribe, &subject, queue)
                    && server_allows(&most.subscribe, &subject, queue);
                let allowed = server_allows(&clipped.subscribe, &subject, queue);
                prop_assert_eq!(allowed, both, "{} {}: {:?}", subject, queue, clipped);
            },
            Err(CeilingExceeded::MixedQueues { subject, ceiling, plain }) => {
                prop_assert!(subject.queue().is_some() && ceiling.queue().is_some() && plain.queue().is_none());
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }

    #[test]
    fn a_permit_that_is_not_refused_allows_nothing_beyond(asked in side(), most in side()) {
        let ceiling = Ceiling { subscribe: most.clone(), on_excess: OnExcess::Refuse, ..Ceiling::default() };
        let (asked, most) = (permissions(asked), permissions(most));
        if let Ok(kept) = ceiling.apply(&asked) {
            prop_assert_eq!(&kept, &asked);
            for (subject, queue) in tries() {
                let beyond = server_allows(&kept.subscribe, &subject, queue)
                    && !server_allows(&most.subscribe, &subject, queue);
                prop_assert!(!beyond, "{} {}", subject, queue);
            }
        }
    }

    // What is clipped stays below, and clipping it again changes nothing a server sees.
    #[test]
    fn a_clipped_permit_is_clipped_once(asked in side(), most in side()) {
        let ceiling = Ceiling { subscribe: most, ..Ceiling::default() };
        if let Ok(once) = ceiling.apply(&permissions(asked))
            && let Ok(twice) = ceiling.apply(&once)
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
    let clipped = ceiling.apply(&asked).unwrap();
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
    let clipped = ceiling.apply(&asked).unwrap();
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
    let refused = |asked: Permissions| ceiling.apply(&asked.closed()).unwrap_err().to_string();
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
        "the permit's responses (1 within 120s) go beyond the ceiling's (none)"
    );
    let below = Permissions {
        publish: SubjectPermission {
            allow: subjects(&["a.*"]),
            deny: subjects(&["a.secret"]),
        },
        ..Permissions::default()
    };
    assert!(ceiling.apply(&below.closed()).is_ok());
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
        assert_eq!(ceiling.apply(&asked).unwrap().responses, expected);
    }
}

#[test]
fn lists_that_no_list_can_say_are_refused() {
    let ceiling = Ceiling {
        subscribe: allow(&[">", "a q"]),
        ..Ceiling::default()
    };
    let error = ceiling.apply(&permissions(allow(&["a *"]))).unwrap_err();
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
    assert!(ceiling.apply(&asked(40)).is_ok());
    for count in [42, 4096] {
        let error = ceiling.apply(&asked(count)).unwrap_err();
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
    let error = ceiling.apply(&asked).unwrap_err();
    assert!(matches!(error, CeilingExceeded::TooLong { .. }), "{error}");
}
