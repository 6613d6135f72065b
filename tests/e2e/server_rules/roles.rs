//! The roles of the target account.

use portcullis_claims::{ResponseRule, RoleTemplate, SubjectRule, TimeRule};

/// Returns the roles of the target account. Users may ask for their own permissions where that is
/// possible.
pub(super) fn roles() -> Vec<(&'static str, RoleTemplate)> {
    let mut roles = expanded();
    roles.extend(odd());
    roles.extend(bounded());
    roles
}

/// Returns roles whose templates expand to permissions.
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

/// Returns roles whose templates deny, expand to nothing, or are invalid.
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

/// Returns roles whose templates bound the times, networks and types of connections.
fn bounded() -> Vec<(&'static str, RoleTemplate)> {
    let open = || role(&[], &[], &[]);
    let times = |start: &str, end: &str| RoleTemplate {
        times: vec![TimeRule {
            start: start.to_owned(),
            end: end.to_owned(),
        }],
        times_location: Some("UTC".to_owned()),
        ..open()
    };
    let sources = |network: &str| RoleTemplate {
        sources: list(&[network]),
        ..open()
    };
    let types = |kind: &str| RoleTemplate {
        connection_types: list(&[kind]),
        ..open()
    };
    vec![
        ("never", times("08:00:00", "08:00:00")),
        ("daily", times("00:00:00", "23:59:59")),
        ("elsewhere", sources("192.0.2.0/24")),
        ("here", sources("127.0.0.0/8")),
        ("mqtt", types("MQTT")),
        ("pigeon", types("PIGEON")),
        (
            "limited",
            RoleTemplate {
                subscriptions: Some(2),
                payload: Some(1024),
                ..open()
            },
        ),
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
