//! The roles of the target account.

use portcullis_claims::{ResponseRule, RoleTemplate, SubjectRule};

/// The roles of the target account. Where it is possible, users may ask what they may do.
pub(super) fn roles() -> Vec<(&'static str, RoleTemplate)> {
    let mut roles = expanded();
    roles.extend(odd());
    roles
}

/// Roles whose templates come to something.
fn expanded() -> Vec<(&'static str, RoleTemplate)> {
    let everything_of_a_user = role(
        &["in.{{name()}}.x", "plain"],
        &["never"],
        &[
            "{{subject()}}.>",
            "team.{{tag(team)}}.>",
            "{{Tag(Team)}}.upper",
        ],
    );
    vec![
        (
            "reader",
            RoleTemplate {
                responses: Some(ResponseRule {
                    max: 3,
                    ttl: 1_000_000_000,
                }),
                ..everything_of_a_user
            },
        ),
        (
            "account",
            role(
                &["acc.{{account-name()}}.{{account-subject()}}.{{account-tag(region)}}"],
                &[],
                &[],
            ),
        ),
        (
            "within",
            role(
                &["pre-{{name()}}.x", "a.{{name()}}-{{tag(team)}}"],
                &[],
                &[],
            ),
        ),
    ]
}

/// Roles whose templates deny, come to nothing, or are wrong.
fn odd() -> Vec<(&'static str, RoleTemplate)> {
    vec![
        ("spaced", role(&["sp.{{ name() }}.x"], &[], &[])),
        (
            "product",
            role(&["{{tag(team)}}.{{tag(site)}}.{{tag(team)}}"], &[], &[]),
        ),
        (
            "queue",
            role(&["p.{{name()}}"], &[], &["s.{{name()}}", "jobs workers"]),
        ),
        ("denying", role(&[], &["no.{{tag(team)}}"], &[])),
        ("denying-name", role(&[], &["no.{{name()}}"], &[])),
        (
            "emptied",
            RoleTemplate {
                publish: SubjectRule {
                    allow: list(&["t.{{tag(nothing)}}"]),
                    deny: Vec::new(),
                },
                ..RoleTemplate::default()
            },
        ),
        ("silent", RoleTemplate::default()),
        ("many", role(&["{{tag(team)}}.{{tag(site)}}"], &[], &[])),
        (
            "proxied",
            RoleTemplate {
                proxy_required: true,
                ..role(&[], &[], &[])
            },
        ),
        ("room", role(&[], &[], &["{{tag(room)}}"])),
        ("own", role(&[], &[], &["{{name()}}"])),
        ("blank", role(&[], &[], &["\u{a0}"])),
        ("unknown", role(&["x.{{oops()}}"], &[], &[])),
    ]
}

fn role(publish: &[&str], deny: &[&str], subscribe: &[&str]) -> RoleTemplate {
    let allow: Vec<_> = ["$SYS.REQ.USER.INFO"]
        .iter()
        .chain(publish)
        .copied()
        .collect();
    let subscribe: Vec<_> = ["_INBOX.>"].iter().chain(subscribe).copied().collect();
    RoleTemplate {
        publish: SubjectRule {
            allow: list(&allow),
            deny: list(deny),
        },
        subscribe: SubjectRule {
            allow: list(&subscribe),
            deny: Vec::new(),
        },
        ..RoleTemplate::default()
    }
}

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
