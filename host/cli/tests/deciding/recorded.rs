//! Recorded decisions, which `policy diff` compares two versions with.

use std::fs;

use serde_json::json;

use crate::site::{PASSWORD, Site};

#[test]
fn a_recorded_decision_is_decided_again() {
    let site = Site::with_alice("", r#"publish.allow = ["app.alice"]"#);
    let mut recorded = site.decide_alice(&["--json"]).json();
    recorded["received-at"] = 1_767_225_600.into();
    site.put("record.json", recorded.to_string());
    // A record has no secrets.
    let denied = site.run(&["decide", "record.json"]);
    denied.expect(
        82,
        &[
            "wrong password",
            "login at 2026-01-01T00:00:00Z",
            "note: no record has a password or token: give it with `--password`",
        ],
    );
    let decide = ["decide", "record.json", "--password", PASSWORD, "--json"];
    let again = site.run(&decide);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(again.json()["access"], recorded["access"]);

    recorded["login"] = json!("alice");
    site.put("record.json", recorded.to_string());
    let wrong = site.run(&decide);
    assert_eq!(wrong.code, Some(78), "{wrong:?}");
    assert!(wrong.stderr.contains("unknown field"), "{wrong:?}");
}

#[test]
fn a_login_by_certificate_is_decided_by_what_its_record_has() {
    let site = Site::new("");
    let module = portcullis_test_support::policy("workload").unwrap();
    site.put("policies/machines.wasm", module);
    site.put(
        "policies/machines.toml",
        "[settings]\naccount = \"APP\"\n[[settings.rules]]\nspiffe = \"spiffe://prod.example/ns/*/sa/api\"\npublish.allow = [\"api.{{1}}.>\"]\n",
    );
    // The facts of `facts = "log"`.
    let record = json!({
        "login": {
            "identity": {
                "method": "certificate", "principal": "spiffe://prod.example/ns/shop/sa/api",
                "proved": true, "issuer": "CN=ca", "expires-at": 1_767_229_200,
            },
            "client": { "host": "192.0.2.7", "kind": "Client", "transport": "nats", "id": 7 },
            "server": { "id": "NCBZ5GGBPVWMJPM2IBAI5AR4A6YGB3CWGZESM6O2DQHAE6Q2VVUHHTUE", "name": "n1" },
        },
        "received-at": 1_767_225_600,
    });
    site.put("record.json", record.to_string());
    site.run(&["decide", "record.json"]).expect(
        0,
        &[
            "permit: account `APP`, by policy `machines`",
            "login at 2026-01-01T00:00:00Z",
            "note: policy `machines` asked for certificate.",
            "which the record lacks",
            "api.shop.>",
        ],
    );
    let shown = site.run(&["decide", "record.json", "--json"]).json();
    assert_eq!(shown["notes"].as_array().unwrap().len(), 1, "{shown}");
    // The output has the certificate, so nothing is missing the second time.
    site.put("record.json", shown.to_string());
    let again = site.run(&["decide", "record.json", "--json"]).json();
    assert_eq!(again["notes"], json!([]), "{again}");
    assert_eq!(again["access"], shown["access"]);
}

#[test]
fn recorded_decisions_show_what_their_users_gain() {
    let site = Site::with_alice("", r#"publish.allow = ["app.alice"]"#);
    let settings = fs::read_to_string(site.path().join("policies/users.toml")).unwrap();
    fs::create_dir(site.path().join("new")).unwrap();
    site.put("new/users.toml", settings.replace("app.alice", "app.>"));
    let module = fs::read(site.path().join("policies/users.wasm")).unwrap();
    site.put("new/users.wasm", module);
    let compare = [
        "policy",
        "diff",
        "policies/users.wasm",
        "new/users.wasm",
        "--no-new-access",
    ];
    // Without tests and records, no login is permitted.
    site.run(&compare)
        .expect(0, &["warning: neither version permits one of these logins"]);

    let decision = site.decide_alice(&["--json"]).stdout;
    site.put("decisions.jsonl", format!("{decision}{decision}"));
    let with_records = [&compare[..], &["--decisions", "decisions.jsonl"]].concat();
    let gained = site.run(&with_records);
    let gains = [
        "recorded login 1: `alice` by password\n  + may publish `app.>`",
        "1 gain access, 0 lose access",
    ];
    gained.expect(80, &gains);

    site.put("decisions.jsonl", "{}\n[1]\n");
    let wrong = site.run(&with_records);
    assert_eq!(wrong.code, Some(78), "{wrong:?}");
    assert!(
        wrong.stderr.contains("`decisions.jsonl`, line 2: "),
        "{wrong:?}"
    );
    fs::remove_file(site.path().join("decisions.jsonl")).unwrap();
    assert_eq!(site.run(&with_records).code, Some(66));
}
