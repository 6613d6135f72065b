//! What templates make, and what they can never make.

use proptest::prelude::*;

use super::escape::escaped;
use super::*;
use crate::Request;

fn subjects(allow: &[&str], deny: &[&str]) -> SubjectTemplates {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let subjects = Subjects {
        allow: owned(allow),
        deny: owned(deny),
    };
    SubjectTemplates::parse(&subjects, &["1"]).unwrap()
}

fn alice() -> Request {
    Request::builder()
        .oidc(
            "https://idp.example",
            r#"{ "sub": "alice", "email": "alice@example.com", "teams": ["a", "b.c", ""], "none": "", "n": 7 }"#,
        )
        .principal("alice")
        .group("x y")
        .build()
}

fn allowed(template: &str) -> Vec<String> {
    let request = alice();
    let values = Values::of(&request).with("1", "*");
    subjects(&[template], &[]).expand(&values).unwrap().allow
}

#[test]
fn places_are_filled_in() {
    for (template, expected) in [
        ("plain.>", vec!["plain.>"]),
        ("app.{{claim.sub}}.>", vec!["app.alice.>"]),
        ("{{ principal }}", vec!["alice"]),
        ("u-{{claim.email}}", vec!["u-alice@example%2Ecom"]),
        ("{{claim.n}}.{{1}}", vec!["7.%2A"]),
        (
            "{{claim./sub}}.{{groups}} {{groups}}",
            vec!["alice.x%20y x%20y"],
        ),
        ("{{issuer}}", vec!["https://idp%2Eexample"]),
        ("t.{{claim.teams}}", vec!["t.a", "t.b%2Ec"]),
        (
            "{{claim.teams}}.{{claim.teams}}",
            vec!["a.a", "a.b%2Ec", "b%2Ec.a", "b%2Ec.b%2Ec"],
        ),
    ] {
        assert_eq!(allowed(template), expected, "{template}");
    }
}

#[test]
fn without_a_value_an_allowed_subject_is_dropped_and_a_denied_one_is_an_error() {
    let request = alice();
    let values = Values::of(&request);
    for place in ["claim.none", "claim.missing", "nkey", "username"] {
        let template = format!("a.{{{{{place}}}}}");
        let allow = subjects(&[&template, "b"], &[]).expand(&values).unwrap();
        assert_eq!(allow.allow, ["b"], "{place}");
        let error = subjects(&["b"], &[&template]).expand(&values).unwrap_err();
        assert_eq!(error, TemplateError::NoValue(place.to_owned()));
    }
}

#[test]
fn there_is_a_bound_on_combinations() {
    let teams: Vec<String> = (0..17).map(|number| format!("t{number}")).collect();
    let claims = serde_json::json!({ "teams": teams }).to_string();
    let request = Request::builder().claims(&claims).build();
    let values = Values::of(&request);
    let once = subjects(&["{{claim.teams}}"], &[]).expand(&values).unwrap();
    assert_eq!(once.allow.len(), 17);
    let twice = subjects(&["{{claim.teams}}.{{claim.teams}}"], &[]);
    assert_eq!(twice.expand(&values), Err(TemplateError::TooMany));
}

#[test]
fn a_value_is_asked_for_once_and_only_if_it_has_a_place() {
    let request = alice();
    let values = Values::of(&request);
    let templates = subjects(&["{{principal}}", "a.{{principal}}"], &["{{principal}}"]);
    templates.expand(&values).unwrap();
    assert_eq!(request.questions(), ["identity.principal"]);
}

#[test]
fn bad_templates_say_what_is_wrong() {
    for (text, complaint) in [
        (
            "a.{{principal",
            "`a.{{principal` has a place that is not closed; write `{{` and `}}`",
        ),
        (
            "a.principal}}",
            "`a.principal}}` closes a place that was not opened; write `{{` and `}}`",
        ),
        (
            "{{}}",
            "unknown place `{{}}`: there are `{{1}}`, `{{principal}}`, `{{username}}`, `{{issuer}}`, `{{nkey}}`, `{{groups}}` and `{{claim.PATH}}`",
        ),
    ] {
        let error = Template::parse(text, &["1"]).unwrap_err();
        assert_eq!(error.to_string(), complaint);
    }
    for text in ["{{claim.}}", "{{claim}}", "{{2}}", "{{{{principal}}}}"] {
        assert!(Template::parse(text, &["1"]).is_err(), "{text}");
    }
    let lists = Subjects {
        allow: vec!["{{".to_owned()],
        deny: vec!["a".to_owned(), "}}".to_owned()],
    };
    let problems = SubjectTemplates::parse(&lists, &[]).unwrap_err();
    let lists: Vec<_> = problems.iter().map(|(list, _)| *list).collect();
    assert_eq!(lists, ["allow", "deny"]);
}

/// As NATS matches, token by token.
fn matches(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some("*"), Some(_)) => {}
            (Some(expected), Some(found)) if expected == found => {}
            _ => return false,
        }
    }
}

/// Whatever a token may say: the characters that mean something to NATS come often.
fn value() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        ".", "*", ">", "$", " ", "\t", "%", "%2E", "\0", "é", "\u{202e}", "a",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(special, 1..6).prop_map(|parts| parts.concat()),
    ]
    .prop_filter("empty values are none", |value| !value.is_empty())
}

proptest! {
    #[test]
    fn no_value_widens_a_subject(
        value in value(),
        (template, wide) in prop::sample::select(vec![
            ("app.{{1}}.>", "app.*.>"),
            ("{{1}}", "*"),
            ("{{1}}.b", "*.b"),
            ("{{1}}.{{1}}", "*.*"),
            ("a.{{1}}", "a.*"),
        ]),
    ) {
        let request = Request::builder().build();
        let values = Values::of(&request).with("1", &value);
        let made = subjects(&[template], &[]).expand(&values).unwrap().allow;
        let [subject] = made.as_slice() else { panic!("{made:?}") };
        prop_assert_eq!(subject.split('.').count(), wide.split('.').count());
        let tokens = template.split('.').zip(subject.split('.'));
        for (in_template, token) in tokens {
            if in_template.contains("{{") {
                prop_assert!(!token.is_empty() && token != "*" && token != ">", "{}", subject);
                prop_assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "{}", subject);
                prop_assert!(!token.starts_with('$'), "{}", subject);
            } else {
                prop_assert_eq!(in_template, token);
            }
        }
        let literal = subject.replace('>', "rest");
        prop_assert!(matches(wide, &literal), "{} {}", wide, literal);
    }

    #[test]
    fn no_two_values_are_written_alike(first in value(), second in value()) {
        prop_assert_eq!(first == second, escaped(&first) == escaped(&second));
    }

    #[test]
    fn what_is_written_can_be_read(value in value()) {
        let mut bytes = Vec::new();
        let written = escaped(&value);
        let mut rest = written.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
            } else {
                bytes.push(byte);
            }
        }
        prop_assert_eq!(String::from_utf8(bytes).unwrap(), value);
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[a{}.1 ]{0,12}") {
        if let Ok(template) = Template::parse(&text, &["1"]) {
            prop_assert!(!template.sample().contains("{{"));
        }
    }
}
