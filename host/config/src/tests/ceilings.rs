//! Ceilings, and tables with names that users choose.

use portcullis_authority::Ceilings;
use portcullis_core::{Ceiling, OnExcess, ResponsePermission, SubjectPermission};

use super::*;

fn text(ceilings: &str) -> String {
    format!("{}\n{ceilings}", text_with("log", ""))
}

fn problems(ceilings: &str) -> Vec<String> {
    let before = text("").lines().count();
    parse(&text(ceilings))
        .unwrap_err()
        .iter()
        .map(|problem| {
            let line = problem.line().unwrap() - before;
            let shown = problem.to_string();
            let (_, message) = shown.split_once(": ").unwrap();
            format!("{line}: {message}")
        })
        .collect()
}

#[test]
fn ceilings_are_read_by_the_names_of_accounts_and_policies() {
    let accounts = text_with("callout", "target-accounts = [\"APP\", \"a.b\"]");
    let config = parse(&format!(
        "{accounts}\n{}",
        r#"
[ceilings.accounts.APP]
publish-allow = ["orders.>"]
publish-deny = ["orders.internal.>"]
subscribe-allow = ["_INBOX.>", "jobs workers"]
responses = { max = 5 }
[ceilings.accounts."a.b"]
[ceilings.policies.static-users]
subscribe-deny = [">"]
on-excess = "refuse"
"#,
    ))
    .unwrap()
    .value;
    let subjects = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| text.parse().unwrap())
            .collect::<Vec<_>>()
    };
    let ceilings = config.ceilings;
    assert_eq!(
        ceilings.accounts["APP"],
        Ceiling {
            publish: SubjectPermission {
                allow: subjects(&["orders.>"]),
                deny: subjects(&["orders.internal.>"]),
            },
            subscribe: SubjectPermission {
                allow: subjects(&["_INBOX.>", "jobs workers"]),
                deny: vec![],
            },
            responses: Some(ResponsePermission {
                max: 5,
                ttl: Duration::from_mins(2),
            }),
            on_excess: OnExcess::Clip,
        }
    );
    assert_eq!(ceilings.accounts["a.b"], Ceiling::default());
    let policy = &ceilings.policies[&"static-users".parse().unwrap()];
    assert_eq!(policy.on_excess, OnExcess::Refuse);
    assert_eq!(policy.subscribe.deny, subjects(&[">"]));
    assert_eq!((ceilings.accounts.len(), ceilings.policies.len()), (2, 1));
}

#[test]
fn without_ceilings_there_are_none() {
    let config = parse(&text("")).unwrap().value;
    assert_eq!(config.ceilings, Ceilings::default());
}

#[test]
fn everything_wrong_with_ceilings_is_named_with_its_table() {
    let found = problems(
        r#"[ceilings.accounts.APP]
publish-allow = ["a..b"]
publish-deny = ["a queue"]
on-excess = "cut"
responses = { max = 0, maxx = "1s" }
[ceilings.accounts."a b"]
subscribe-alow = []
[ceilings.policies]
Static = {}
other = 1
[ceilings.account]
"#,
    );
    assert_eq!(
        found,
        [
            "2: ceilings.accounts.APP.publish-allow: invalid subject `a..b`: it has an empty token; remove the extra `.`",
            "3: ceilings.accounts.APP.publish-deny: invalid subject `a queue`: a queue group is only possible in subscribe permissions",
            "4: ceilings.accounts.APP.on-excess: expected `clip` or `refuse`, found `cut`",
            "5: ceilings.accounts.APP.responses.max: must be between 1 and 1000000, found `0`",
            "5: ceilings.accounts.APP.responses.maxx: unknown key, did you mean `max`?",
            "6: ceilings.accounts.\"a b\": expected a name without blanks, found `a b`",
            "7: ceilings.accounts.\"a b\".subscribe-alow: unknown key, did you mean `subscribe-allow`?",
            "9: ceilings.policies.Static: invalid policy name `Static`: use 1 to 64 lower-case letters, digits, `-` and `_`, \
             starting with a letter or digit",
            "10: ceilings.policies.other: expected a table, found a whole number",
            "11: ceilings.account: unknown key, did you mean `accounts`?",
        ]
    );
}

#[test]
fn a_ceiling_is_no_longer_than_can_be_compared_with_every_permit() {
    let many: Vec<_> = (0..257).map(|number| format!("\"a.{number}\"")).collect();
    let found = problems(&format!(
        "[ceilings.accounts.APP]\npublish-allow = [{}]",
        many.join(",")
    ));
    assert_eq!(
        found,
        ["2: ceilings.accounts.APP.publish-allow: more than 256 subjects"]
    );
}

fn warnings(ceiling: &str) -> Vec<String> {
    let config = parse(&text(&format!("[ceilings.accounts.APP]\n{ceiling}"))).unwrap();
    let about_ceilings = |problem: &String| problem.contains("ceilings.accounts.APP");
    let shown = config.warnings.iter().map(ToString::to_string);
    shown.filter(about_ceilings).collect()
}

#[test]
fn what_a_ceiling_does_not_hold_is_said() {
    for (ceiling, part) in [
        (
            "subscribe-allow = [\"a.*\", \"a.b.c\"]",
            "`a.b.c` is allowed too",
        ),
        ("subscribe-allow = [\"*.*\"]", "servers before 2.11.16"),
        (
            "publish-allow = [\"a\"]\nresponses = {}",
            "`responses` gets around `publish-allow`",
        ),
        (
            "publish-allow = [\">\"]\npublish-deny = [\"a\"]\nresponses = {}",
            "`responses` gets around",
        ),
        (
            "publish-allow = [\"$JS.API.>\"]",
            "JetStream answers to any reply subject",
        ),
        (
            "publish-allow = [\"$JS.ACK.S.C.>\"]",
            "JetStream answers to any reply subject",
        ),
    ] {
        let warnings = warnings(ceiling);
        let said = warnings.iter().any(|warning| warning.contains(part));
        assert!(said, "{ceiling}: {warnings:?}");
    }
    for filter in [
        "$JS.API.CONSUMER.CREATE.S.C.a.*",
        "$JS.hub.API.DIRECT.GET.S.a.*",
    ] {
        let warnings = warnings(&format!("publish-allow = [\"{filter}\"]"));
        assert!(
            warnings[0].contains("in the place of the last `*`"),
            "{warnings:?}"
        );
    }
    for ceiling in [
        "subscribe-allow = [\"a.*\", \"b.>\", \"c\"]\npublish-allow = [\"a.*\"]",
        "publish-allow = [\">\"]\nresponses = {}",
    ] {
        assert_eq!(warnings(ceiling), [""; 0], "{ceiling}");
    }
}
