//! What a ceiling costs.

use super::*;

/// Returns a side with the maximum number of `subject` that fits into a permit.
fn side(subject: impl Fn(usize) -> String) -> SubjectPermission {
    let mut bytes = 0;
    let allow = (0..Permit::MAX_SUBJECTS).map(subject).take_while(|text| {
        bytes += text.len();
        bytes <= Permit::MAX_SUBJECT_BYTES
    });
    SubjectPermission {
        allow: allow.map(|text| text.parse().unwrap()).collect(),
        deny: vec![],
    }
}

fn cost(
    ceiling: &Ceiling,
    asked: &SubjectPermission,
) -> (u64, Result<Permissions, CeilingExceeded>) {
    let mut work = WorkBudget::default();
    let permissions = Permissions {
        subscribe: asked.clone(),
        ..Permissions::default()
    };
    let applied = ceiling.apply(&permissions, DenyFilter::Overlapping, &mut work);
    (work.spent(), applied)
}

#[test]
fn the_largest_ordinary_permits_cost_little() {
    let most: Vec<_> = (0..100).map(|number| format!("team{number}.>")).collect();
    let most: Vec<_> = most.iter().map(String::as_str).collect();
    let mut asked = side(|number| format!("team{}.orders.{number}.*", number % 100));
    // The side that allows nothing needs one subject, the deny that closes it.
    asked.allow.pop();
    assert_eq!(asked.allow.len(), Permit::MAX_SUBJECTS - 1);
    for on_excess in [OnExcess::Clip, OnExcess::Refuse] {
        let ceiling = Ceiling {
            subscribe: allow(&most),
            on_excess,
            ..Ceiling::default()
        };
        let (spent, applied) = cost(&ceiling, &asked);
        assert_eq!(applied.unwrap().subscribe.allow.len(), asked.allow.len());
        assert!(spent < WorkBudget::MAX / 16, "{spent}");
    }
}

// With these inputs, comparing every pair took seconds.
#[test]
fn hostile_permits_cost_no_more_than_the_budget() {
    let stars = |tokens: usize| "*.".repeat(tokens);
    let ceilings = [
        allow(&[">"]),
        allow(&["> g*", "a"]),
        allow(&["> g*", "> q.*", "*.>", "a.> *"]),
        side(|number| format!("*.*.{number}.*")),
    ];
    let asked = [
        side(|number| format!("{}{number}", stars(505))),
        side(|number| format!("{}*.>", stars(number % 505))),
        side(|number| format!("{}{} g{number}", stars(number % 400), number)),
        side(|number| format!("> q.{number}")),
        side(|number| format!("{}*", "*.a.".repeat(number % 250))),
        side(|number| {
            if number % 2 == 0 {
                format!("*.{number}")
            } else {
                format!("*.* g{number}")
            }
        }),
    ];
    for ceiling in ceilings {
        for asked in &asked {
            for on_excess in [OnExcess::Clip, OnExcess::Refuse] {
                let ceiling = Ceiling {
                    subscribe: ceiling.clone(),
                    on_excess,
                    ..Ceiling::default()
                };
                let (spent, applied) = cost(&ceiling, asked);
                assert!(spent <= WorkBudget::MAX, "{spent}");
                let shown = applied.err().map(|error| error.to_string());
                assert!(shown.is_none_or(|shown| !shown.is_empty()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    // The number of comparisons never exceeds what was paid for, and giving up is a named
    // error.
    #[test]
    fn no_permit_costs_more_than_its_budget(
        asked in subjects_like(), most in subjects_like(), limit in 1_u64..100_000, refuse in any::<bool>(),
    ) {
        let on_excess = if refuse { OnExcess::Refuse } else { OnExcess::Clip };
        let ceiling = Ceiling { subscribe: most, on_excess, ..Ceiling::default() };
        let mut work = WorkBudget::new(limit);
        let asked = Permissions { subscribe: asked, ..Permissions::default() };
        let compared = crate::subject::compared(|| {
            let applied = ceiling.apply(&asked, DenyFilter::Overlapping, &mut work);
            assert_eq!(
                matches!(applied, Err(CeilingExceeded::TooMuchWork(_))),
                work.is_exceeded(),
            );
        });
        prop_assert!(compared <= limit.saturating_mul(2) + 4096, "{compared} for {limit}");
    }
}

fn subjects_like() -> impl Strategy<Value = SubjectPermission> {
    let subject = "([ab*]\\.){0,60}[ab*>]( (q|r|q\\.r|q\\.\\*|\\*|>))?";
    let list =
        move || proptest::collection::vec(subject.prop_map(|text| text.parse().unwrap()), 0..200);
    (list(), list()).prop_map(|(allow, deny)| SubjectPermission { allow, deny })
}
