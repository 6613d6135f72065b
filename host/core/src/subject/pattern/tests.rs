//! Wildcards, compared with an oracle that tries every subject over a small alphabet.

use proptest::prelude::*;

use super::*;

/// Returns every subject of one to four tokens.
fn subjects() -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut longest = vec![String::new()];
    for _ in 0..4 {
        longest = longest
            .iter()
            .flat_map(|start| ["a", "b", "c"].map(|token| format!("{start}.{token}")))
            .collect();
        all.extend(
            longest
                .iter()
                .map(|subject| subject.trim_start_matches('.').to_owned()),
        );
    }
    all
}

/// Matches a literal subject as a server does.
fn matches(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some(wanted), Some(token)) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
}

fn a_pattern() -> impl Strategy<Value = String> {
    "([ab*]\\.){0,3}[ab*>]"
}

proptest! {
    #[test]
    fn common_subjects_are_those_that_both_match(one in a_pattern(), other in a_pattern()) {
        let (left, right) = (one.parse::<PermissionSubject>().unwrap(), other.parse().unwrap());
        let common = left.intersection(&right);
        let mut any = false;
        for subject in subjects() {
            let both = matches(&one, &subject) && matches(&other, &subject);
            let in_common = common.as_ref().is_some_and(|common| matches(common.as_str(), &subject));
            prop_assert_eq!(in_common, both, "{} in {:?}", subject, common);
            any |= both;
        }
        prop_assert_eq!(left.overlaps(&right), any);
        prop_assert_eq!(common.is_some(), any);
        prop_assert_eq!(right.intersection(&left), common);
    }

    // No pattern contains the token `c`, so that `*` differs from `a` and `b` together. The longest
    // subjects are longer than the longest pattern only where `>` matters.
    #[test]
    fn a_subject_covers_those_it_matches_all_of(one in a_pattern(), other in a_pattern()) {
        let (left, right) = (one.parse::<PermissionSubject>().unwrap(), other.parse().unwrap());
        let longer = |subject: &String| format!("{subject}.c");
        let subjects = subjects();
        let covered = subjects
            .iter()
            .cloned()
            .chain(subjects.iter().map(longer))
            .all(|subject| !matches(&other, &subject) || matches(&one, &subject));
        prop_assert_eq!(left.covers(&right), covered);
    }
}

#[test]
fn queue_groups_narrow() {
    let subject = |text: &str| text.parse::<PermissionSubject>().unwrap();
    for (one, other, common) in [
        ("a", "a q", Some("a q")),
        ("> q.*", "a.* q.b", Some("a.* q.b")),
        ("a.* >", "a.b q.*", Some("a.b q.*")),
        ("a q", "a r", None),
        ("a q", "b q", None),
    ] {
        let (one, other) = (subject(one), subject(other));
        assert_eq!(
            one.intersection(&other),
            common.map(subject),
            "{one} {other}"
        );
        assert_eq!(one.overlaps(&other), common.is_some(), "{one} {other}");
    }
    assert!(subject("a").covers(&subject("a q")));
    assert!(!subject("a q").covers(&subject("a")));
    assert!(subject("a q.*").covers(&subject("a q.r")));
    assert_eq!(subject("a q.*").queue(), Some("q.*"));
    assert_eq!(subject("a").queue(), None);
}

#[test]
fn what_takes_too_long_to_say_is_not_said() {
    let long = "x".repeat(600);
    let (one, other) = (format!("{long}.*"), format!("*.{long}"));
    let (one, other): (PermissionSubject, PermissionSubject) =
        (one.parse().unwrap(), other.parse().unwrap());
    assert_eq!(one.intersection(&other), None);
    assert!(one.overlaps(&other));
}
