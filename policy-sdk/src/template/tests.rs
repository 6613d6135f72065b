//! Filled templates, and what values cannot do to them.

mod names;
mod properties;

use super::*;
use crate::testing::RequestBuilder;
use crate::{Method, Request};

fn subjects(template: &str, request: RequestBuilder) -> Result<Vec<String>, String> {
    let template = Template::subscribe(template, &[]).unwrap();
    let request = request.build();
    let values = Values::new(&request).account("A.P").user_name("al ice");
    template
        .subjects(&values)
        .map_err(|unfilled| unfilled.to_string())
}

fn claims(json: &str) -> RequestBuilder {
    Request::builder().claims(json)
}

fn error(template: &str) -> String {
    Template::publish(template, &["shard"])
        .unwrap_err()
        .to_string()
}

#[test]
fn without_places_a_template_is_the_plain_string() {
    for text in [">", "a.*.>", "$JS.API.>", "a b", "{a.b", "a}.}"] {
        let found = subjects(text, Request::builder());
        assert_eq!(found, Ok(vec![text.to_owned()]));
    }
}

#[test]
fn every_place_has_its_fact() {
    let request = || {
        claims(r#"{ "sub": "s", "a": { "b": 7 }, "x.y": true, "https://e.x/n": "u" }"#)
            .method(Method::Oidc)
            .principal("p")
            .proved()
            .nkey("UA")
            .groups(["g"])
            .tags(["team:red", "team:blue:2", "team", "teams:no"])
    };
    for (template, expected) in [
        ("{{claim.sub}}", "s"),
        ("{{ claim.sub }}", "s"),
        ("{{claim.a.b}}.>", "7.>"),
        ("{{claim./a/b}}", "7"),
        ("{{claim.x.y}}", "true"),
        ("{{claim.https://e.x/n}}", "u"),
        ("a.{{principal}}", "a.p"),
        ("a-{{nkey}}-b", "a-UA-b"),
        ("{{group}} {{group}}", "g g"),
        ("{{account}}", "A%2EP"),
        ("{{user-name}}", "al%20ice"),
    ] {
        let found = subjects(template, request());
        assert_eq!(found, Ok(vec![expected.to_owned()]), "{template}");
    }
    let tags = subjects("{{tag.team}}", request());
    assert_eq!(tags, Ok(vec!["red".to_owned(), "blue:2".to_owned()]));
}

#[test]
fn nothing_that_is_only_claimed_has_a_value() {
    let request = || Request::builder().username("admin").password("x");
    assert_eq!(request().build().principal().as_deref(), Some("admin"));
    assert_eq!(
        subjects("{{principal}}", request()),
        Err("the login has no `principal`".to_owned())
    );
}

#[test]
fn values_are_escaped() {
    for (value, expected) in [
        ("azAZ09-_@+=:/", "azAZ09-_@+=:/"),
        (">", "%3E"),
        ("*", "%2A"),
        ("a.b", "a%2Eb"),
        ("%2E", "%252E"),
        ("$SYS", "%24SYS"),
        (" \t\r\n\u{0}\u{7f}", "%20%09%0D%0A%00%7F"),
        ("é\u{a0}😀", "%C3%A9%C2%A0%F0%9F%98%80"),
        ("{{claim.sub}}", "%7B%7Bclaim%2Esub%7D%7D"),
    ] {
        assert_eq!(escape(value), expected);
        let claim = serde_json::json!({ "c": value }).to_string();
        let found = subjects("a.{{claim.c}}", claims(&claim));
        assert_eq!(found, Ok(vec![format!("a.{expected}")]));
    }
}

#[test]
fn several_values_make_a_subject_for_each_combination() {
    let request = || claims(r#"{ "a": ["1", "2", "1", ""], "b": ["x", "y"] }"#);
    assert_eq!(
        subjects("{{claim.a}}.{{claim.b}}", request()),
        Ok(["1.x", "1.y", "2.x", "2.y"].map(str::to_owned).to_vec())
    );
    assert_eq!(
        subjects("{{claim.a}}.>", request()),
        Ok(vec!["1.>".to_owned(), "2.>".to_owned()])
    );
}

#[test]
fn a_place_that_stands_twice_has_the_same_value_in_both() {
    let found = subjects("{{claim.a}}.b.{{claim.a}}", claims(r#"{ "a": [1, 2] }"#));
    assert_eq!(found, Ok(vec!["1.b.1".to_owned(), "2.b.2".to_owned()]));
}

#[test]
fn a_place_without_a_value_is_named() {
    for request in [
        Request::builder(),
        claims(r#"{ "sub": "" }"#),
        claims(r#"{ "sub": ["", ""] }"#),
        claims(r#"{ "sub": {} }"#),
    ] {
        assert_eq!(
            subjects("a.{{claim.sub}}", request),
            Err("the login has no `claim.sub`".to_owned())
        );
    }
}

#[test]
fn the_number_of_subjects_is_bounded() {
    let numbers = |count: usize| {
        let numbers: Vec<_> = (0..count).collect();
        serde_json::json!({ "a": numbers, "b": [0, 1] }).to_string()
    };
    let count = |template, count| {
        let found = subjects(template, claims(&numbers(count)));
        found.map(|subjects| subjects.len())
    };
    assert_eq!(count("{{claim.a}}", 256), Ok(256));
    assert_eq!(count("{{claim.a}}.{{claim.b}}", 128), Ok(256));
    for (template, values) in [("{{claim.a}}", 257), ("{{claim.a}}.{{claim.b}}", 129)] {
        let expected = format!("`{template}` stands for more than 256 subjects");
        assert_eq!(count(template, values), Err(expected));
    }
}

#[test]
fn a_value_that_makes_a_subject_too_long_is_named() {
    let claim = |length: usize| serde_json::json!({ "a": "x".repeat(length) }).to_string();
    assert!(subjects("a.{{claim.a}}", claims(&claim(1022))).is_ok());
    assert_eq!(
        subjects("a.{{claim.a}}", claims(&claim(1023))),
        Err("`a.{{claim.a}}` is longer than 1024 bytes with the login's `claim.a`".to_owned())
    );
}

#[test]
fn the_host_is_asked_once_and_only_for_what_is_needed() {
    let request = claims(r#"{ "sub": "s" }"#).build();
    let values = Values::new(&request);
    for _ in 0..2 {
        for text in ["a", "{{claim.sub}}.{{claim.sub}}", "{{shard}}"] {
            let template = Template::publish(text, &["shard"]).unwrap();
            let _ = template.subjects(&values);
        }
    }
    assert_eq!(request.questions(), ["identity.claim"]);
}

#[test]
fn the_policys_own_places_come_first_and_can_have_several_values() {
    let template = Template::publish("{{claim.sub}}.{{1}}", &["1", "claim.sub"]).unwrap();
    let request = claims(r#"{ "sub": "s" }"#).build();
    let values = Values::new(&request)
        .with("1", "a")
        .with("claim.sub", "own")
        .with("1", "b");
    assert_eq!(
        template.subjects(&values),
        Ok(vec!["own.a".to_owned(), "own.b".to_owned()])
    );
}

#[test]
fn templates_that_are_none_are_refused() {
    let unclosed = |template| {
        format!("`{{{{` without `}}}}` in `{template}`: a place is written as `{{{{claim.sub}}}}`")
    };
    for template in ["a.{{", "a.{{claim.sub", "{{claim.sub}", "{{a{{claim.sub}}"] {
        assert_eq!(error(template), unclosed(template));
    }
    for template in ["a}}", "{{claim.sub}}}}", "{claim.sub}}.a"] {
        assert_eq!(
            error(template),
            format!(
                "`}}}}` without `{{{{` in `{template}`: a place is written as `{{{{claim.sub}}}}`"
            )
        );
    }
    for place in ["", "  ", "claim.", "claim", "tag.", "tag"] {
        assert_eq!(
            error(&format!("a.{{{{{place}}}}}")),
            format!(
                "the place `{{{{{place}}}}}` in `a.{{{{{place}}}}}` names nothing: write it as `{{{{claim.sub}}}}`"
            )
        );
    }
    for place in ["user", "Claim.sub", "claims.sub", "username", "{group"] {
        assert_eq!(
            error(&format!("{{{{{place}}}}}")),
            format!(
                "unknown place `{{{{{place}}}}}` in `{{{{{place}}}}}`; there are `claim.PATH`, `tag.NAME`, `group`, \
                 `principal`, `nkey`, `account`, `user-name`, `shard`"
            )
        );
    }
}

#[test]
fn places_of_other_languages_are_refused() {
    for (template, place) in [
        ("a.{user-name}.>", "{user-name}"),
        ("a.${user}", "{user}"),
        ("{{group}}.{claim.sub} q", "{claim.sub}"),
        ("a q-{b}", "{b}"),
    ] {
        let refused = Template::subscribe(template, &[]).unwrap_err().to_string();
        let expected = format!(
            "`{place}` in `{template}` is no place: a place is written as `{{{{claim.sub}}}}`"
        );
        assert_eq!(refused, expected);
    }
    assert_eq!(
        error("a.{{name()}}.>"),
        "`{{name()}}` in `a.{{name()}}.>` is a place that servers fill for scoped signing keys; a policy fills \
         `claim.PATH`, `tag.NAME`, `group`, `principal`, `nkey`, `account`, `user-name`, `shard`"
    );
    assert!(error("a.{{tag(team)}}").contains("a place that servers fill"));
    assert!(Template::publish("a.{b", &[]).is_ok());
    assert!(NameTemplate::account("{org}", &[]).is_err());
}

#[test]
fn a_token_has_one_place_and_no_wildcard_next_to_it() {
    for template in [
        "{{group}}{{nkey}}",
        "a.{{group}}-{{nkey}}.b",
        "{{group}}{{group}}",
    ] {
        assert_eq!(
            error(template),
            format!("two places in one token in `{template}`: put a `.` between them")
        );
    }
    for template in ["*{{group}}", "{{group}}*", "a.>{{group}}", "{{group}}->.a"] {
        assert_eq!(
            error(template),
            format!(
                "a wildcard next to a place in `{template}`: put a `.` between them, or leave the wildcard out"
            )
        );
    }
    assert!(Template::subscribe("*.{{group}}.*.{{nkey}}.> q-{{group}}", &[]).is_ok());
}

#[test]
fn what_is_around_the_places_has_to_make_a_subject() {
    for (template, problem) in [
        ("", "it is empty"),
        (
            "{{group}}..a",
            "it has an empty token; remove the extra `.`",
        ),
        ("{{group}}.", "it has an empty token; remove the extra `.`"),
        (
            ">.{{group}}",
            "`>` stands before the last token; `*` stands for one token",
        ),
        (
            "{{group}} q",
            "a queue group is only possible in subscribe permissions",
        ),
    ] {
        let expected = format!("invalid subject `{template}`: {problem}");
        assert_eq!(error(template), expected);
    }
    let long = "a".repeat(1025);
    assert!(error(&long).ends_with("it is longer than 1024 bytes"));
}
