//! The host's rules for a permit, for tests that have no host.

mod bounds;

use super::Permit;
use super::subject::{is_blank, is_literal_token, subject_problem};

/// The maximum length of a user name, account name or tag, in bytes.
const MAX_TEXT: usize = 256;

/// Returns all problems of the permit, in the host's words.
pub(super) fn problems(permit: &Permit) -> Vec<String> {
    let lists = [
        ("publish-allow", &permit.publish.allow),
        ("publish-deny", &permit.publish.deny),
        ("subscribe-allow", &permit.subscribe.allow),
        ("subscribe-deny", &permit.subscribe.deny),
    ];
    let mut problems = Vec::new();
    problems.extend(account_problem(&permit.account));
    problems.extend(
        permit
            .user_name
            .iter()
            .filter_map(|name| text_problem("user name", name)),
    );
    for (side, subjects) in lists {
        let with_queue = side.starts_with("subscribe");
        problems.extend(subjects.iter().filter_map(|subject| {
            let problem = subject_problem(subject, with_queue)?;
            let shown = subject.escape_debug();
            Some(format!("{side}: invalid subject `{shown}`: {problem}"))
        }));
    }
    if permit
        .lifetime
        .is_some_and(|lifetime| lifetime.as_secs() == 0)
    {
        problems.push("the permit expires within a second of the request".to_owned());
    }
    problems.extend(
        permit
            .role
            .iter()
            .filter_map(|role| text_problem("role", role)),
    );
    problems.extend(bounds::problems(&permit.bounds));
    problems.extend(
        permit
            .tags
            .iter()
            .filter_map(|tag| text_problem("tag", tag)),
    );
    problems.extend(template_problem(permit));
    problems
}

/// Returns the problem of a user name or tag that the template of the permit's role cannot take.
fn template_problem(permit: &Permit) -> Option<String> {
    let role = permit.role.as_ref()?;
    let name = permit
        .user_name
        .iter()
        .map(|name| ("user name", name, &**name));
    let tags = permit.tags.iter().filter_map(|tag| {
        let (_, value) = tag.split_once(':')?;
        Some(("tag", tag, value))
    });
    let (what, text, _) = name
        .chain(tags)
        .find(|(_, _, value)| !is_literal_token(value))?;
    let (text, role) = (text.escape_debug(), role.escape_debug());
    Some(format!(
        "{what} `{text}` beside role `{role}`: the role's template puts it into subjects, so it has to be one token \
         without `.`, `*`, `>`, braces, white space, control characters and a leading `$`; escape it (`template::escape` \
         of the policy SDK)"
    ))
}

fn account_problem(account: &str) -> Option<String> {
    if account.is_empty() {
        return Some("the permit names no account".to_owned());
    }
    let invalid = account.len() > MAX_TEXT || account.chars().any(is_blank);
    invalid.then(|| {
        let shown = account.escape_debug();
        format!(
            "invalid account name `{shown}`: white space and control characters are not possible"
        )
    })
}

fn text_problem(what: &str, text: &str) -> Option<String> {
    let valid = !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control);
    (!valid).then(|| {
        format!("invalid {what}: expected 1 to {MAX_TEXT} bytes without control characters")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Subject;

    #[test]
    fn a_good_permit_has_no_problems() {
        let permit = Permit::new("$G")
            .with_user_name("alice smith")
            .allow_publish(["a", "a.*.c", ">", "$JS.API.>", "a*b"])
            .allow_subscribe(["a.>", "a.b workers", "a q.*"])
            .add_tags(["team:a"]);
        assert_eq!(permit.problems(), [""; 0]);
    }

    #[test]
    fn every_bad_subject_is_named_with_its_side() {
        let cases = [
            ("", "it is empty"),
            ("a..b", "it has an empty token; remove the extra `.`"),
            (".a", "it has an empty token; remove the extra `.`"),
            ("a\\tb", "it contains white space or a control character"),
            (">.a", "`>` stands before the last token"),
            ("a.>.b", "`>` stands before the last token"),
        ];
        for (subject, problem) in cases {
            let subject_with_tab = Subject::from_checked(subject.replace("\\t", "\t"));
            let permit = Permit::new("APP").deny_subscribe([subject_with_tab]);
            let expected = format!("subscribe-deny: invalid subject `{subject}`: {problem}");
            assert_eq!(permit.problems(), [expected]);
        }
        let permit = Permit::new("APP")
            .allow_publish(["a queue"])
            .deny_publish([Subject::from_checked("a".repeat(1025))]);
        let problems = permit.problems();
        assert!(problems[0].ends_with("a queue group is only possible in subscribe permissions"));
        assert!(problems[1].ends_with("it is longer than 1024 bytes"));
    }

    #[test]
    fn accounts_names_tags_and_lifetimes_are_checked() {
        let permit = Permit::new("A P")
            .with_user_name("")
            .add_tags(["a\n"])
            .limit_lifetime(std::time::Duration::from_millis(900));
        assert_eq!(
            permit.problems(),
            [
                "invalid account name `A P`: white space and control characters are not possible",
                "invalid user name: expected 1 to 256 bytes without control characters",
                "the permit expires within a second of the request",
                "invalid tag: expected 1 to 256 bytes without control characters",
            ]
        );
        assert_eq!(Permit::new("").problems(), ["the permit names no account"]);
    }

    #[test]
    fn beside_a_role_names_and_tags_are_one_literal_token() {
        use crate::template::escape;

        let permit = |name: &str, tag: &str| {
            Permit::new("APP")
                .with_user_name(name)
                .add_tags([tag])
                .with_role("r")
        };
        for (name, tag) in [
            ("a.b", "t:1"),
            (">\u{a0}a", "t:1"),
            ("a", "t:\u{a0}"),
            ("$JS", "t:1"),
        ] {
            let problems = permit(name, tag).problems();
            assert!(
                matches!(problems.as_slice(), [one] if one.contains("beside role `r`")),
                "{problems:?}"
            );
            let (_, value) = tag.split_once(':').unwrap();
            let escaped = permit(&escape(name), &format!("t:{}", escape(value)));
            assert_eq!(escaped.problems(), [""; 0]);
        }
    }
}
