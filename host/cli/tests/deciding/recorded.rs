//! Recorded decisions, which `policy diff` compares two versions with.

use std::fs;

use crate::site::Site;

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
    assert_eq!(site.run(&compare).code, Some(0));

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
