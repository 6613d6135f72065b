use serde_json::Value;

use super::*;

/// Returns the record of a login of this user from this address at this time, with `more` members.
fn record(user: &str, address: &str, at: u64, more: &Value) -> DecisionRecord {
    let mut record = json!({
        "format": 1,
        "id": "4f2a-1",
        "host": { "name": "portcullis", "version": "0.1.0", "start": "4f2a", "sequence": 1 },
        "time": "2026-11-29T03:12:07.123Z",
        "received-at": at,
        "outcome": "denied",
        "verdict": "deny",
        "user-nkey": "U",
        "login": {
            "identity": { "method": "password", "principal": user, "proved": false },
            "client": { "host": address, "id": 7 },
            "server": { "name": "n1", "id": "N" },
        },
        "reply": "sent",
        "elapsed-us": 1,
    });
    let members = record.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    serde_json::from_value(record).unwrap()
}

fn counted(by: Fact, records: &[DecisionRecord]) -> Groups {
    let mut groups = Groups::new();
    for record in records {
        groups.entry(value(by, record)).or_default().add(record);
    }
    groups
}

#[test]
fn logins_are_counted_by_a_fact_with_their_addresses_and_times() {
    let denied = json!({ "class": "policy-denied", "reason": "wrong password" });
    let rejected = json!({ "outcome": "rejected", "verdict": "permit" });
    let records = [
        record("alice", "10.0.0.2", 1_795_300_900, &denied),
        record("bob", "10.0.0.1", 1_795_300_800, &denied),
        record("alice", "10.0.0.1", 1_795_300_862, &rejected),
    ];
    let by_user: Vec<_> = counted(Fact::User, &records).into_iter().collect();
    insta::assert_snapshot!(render(Fact::User, &by_user), @r"
    USER   LOGINS  FIRST                 LAST                  ADDRESSES
    alice       2  2026-11-21T22:41:02Z  2026-11-21T22:41:40Z  2: 10.0.0.1, 10.0.0.2
    bob         1  2026-11-21T22:40:00Z  2026-11-21T22:40:00Z  1: 10.0.0.1
    ");
    let by_class: Vec<_> = counted(Fact::Class, &records).into_keys().collect();
    // A login that the server refused has no class of a denial.
    assert_eq!(by_class, ["policy-denied", "rejected"]);
    let (alice, group) = &by_user[0];
    assert_eq!(
        as_json(Fact::User, alice, group),
        json!({
            "user": "alice",
            "logins": 2,
            "addresses": ["10.0.0.1", "10.0.0.2"],
            "first": "2026-11-21T22:41:02Z",
            "last": "2026-11-21T22:41:40Z",
        })
    );
}

#[test]
fn a_login_without_the_fact_has_a_line_too_and_few_addresses_are_named() {
    let records: Vec<_> = (1..=5)
        .map(|number| record("a", &format!("10.0.0.{number}"), 0, &json!({})))
        .collect();
    let groups: Vec<_> = counted(Fact::Account, &records).into_iter().collect();
    let table = render(Fact::Account, &groups);
    let row = table.lines().nth(1).unwrap();
    assert!(row.starts_with("-  "), "{table}");
    assert!(
        row.ends_with("5: 10.0.0.1, 10.0.0.2, 10.0.0.3, …"),
        "{table}"
    );
    let (value, group) = &groups[0];
    assert_eq!(as_json(Fact::Account, value, group)["account"], Value::Null);
}

#[test]
fn a_line_whose_logins_all_came_from_a_network_is_told_from_others() {
    let denied = json!({ "class": "policy-denied", "reason": "wrong password" });
    let records = [
        record("alice", "10.0.0.2", 1, &denied),
        record("alice", "10.0.0.3", 1, &denied),
        record("bob", "10.0.0.2", 1, &denied),
        record("bob", "192.0.2.1", 1, &denied),
    ];
    let groups = counted(Fact::User, &records);
    let network = network("10.0.0.0/24").unwrap();
    assert!(groups["alice"].came_from(network));
    assert!(!groups["bob"].came_from(network));
    assert!(!Group::default().came_from(network));
    let by_server: Vec<_> = counted(Fact::Server, &records).into_keys().collect();
    assert_eq!(by_server, ["n1"]);
}
