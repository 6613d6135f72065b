use portcullis_catalog::TestOutcome;

use portcullis_engine::Grants;

use super::*;

fn outcome(name: &str, failure: Option<&str>) -> TestOutcome {
    let outcome = serde_json::json!({
        "name": name, "line": 7, "fuel": 0, "memory": 0, "asked": [], "log": ["warn: a < b"],
        "doubts": ["an open inbox"], "permitted": null, "failure": failure, "transient": false,
    });
    serde_json::from_value(outcome).unwrap()
}

fn tested() -> Vec<TestedPolicy> {
    vec![TestedPolicy {
        name: "users".parse().unwrap(),
        file: "users.tests.toml".into(),
        outcomes: Ok(vec![
            outcome("alice", None),
            outcome("eve & \"co\"", Some("expected a denial")),
        ]),
        assumed: Grants::default(),
    }]
}

#[test]
fn the_grants_that_the_tests_needed_are_told_as_the_operator_writes_them() {
    let mut tested = tested();
    tested[0].assumed = Grants {
        secrets: true,
        plain_hashes: false,
        key_values: ["revoked", "teams"]
            .map(|name| name.parse().unwrap())
            .into(),
    };
    let text = text::render(&tested, Count::new(&tested), &TestOptions::default());
    let told = "users: tested with grants that portcullis.toml has to give: \
                [policies.grants.users] key-value = [\"revoked\", \"teams\"], secrets = true\n";
    assert!(text.contains(told), "{text}");
    let json = json::render(&tested, Count::new(&tested)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let assumed = &json["policies"][0]["assumed-grants"];
    assert_eq!(
        assumed["key-value"],
        serde_json::json!(["revoked", "teams"])
    );
}

#[test]
fn a_filter_that_no_test_has_is_told() {
    let mut tested = tested();
    tested[0].outcomes = Ok(Vec::new());
    let report = |filter: Option<&str>| {
        let filter = filter.map(str::to_owned);
        let options = TestOptions {
            filter,
            ..TestOptions::default()
        };
        text::render(&tested, Count::new(&tested), &options)
    };
    let count = "tests: 0 run, 0 failed\n";
    assert_eq!(report(None), format!("users: no tests\n{count}"));
    assert_eq!(
        report(Some("alcie")),
        format!("users: no test has `alcie` in its name\n{count}")
    );
}

#[test]
fn people_read_the_log_of_passing_tests_too() {
    let tested = tested();
    let text = text::render(&tested, Count::new(&tested), &TestOptions::default());
    let expected = "users: alice: ok, 0 fuel\n  log: warn: a < b\n  warning: an open inbox\n\
                    users: eve & \"co\": FAILED: users.tests.toml, line 7: expected a denial\n  \
                    log: warn: a < b\n  warning: an open inbox\n\
                    tests: 2 run, 1 failed\n";
    assert_eq!(text, expected);
}

#[test]
fn programs_read_lines_and_logs() {
    let tested = tested();
    let json = json::render(&tested, Count::new(&tested)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["failed"], 1);
    let test = &json["policies"][0]["tests"][1];
    assert_eq!(test["line"], 7);
    assert_eq!(test["passed"], false);
    assert_eq!(test["log"][0], "warn: a < b");
}

#[test]
fn build_servers_read_escaped_xml() {
    let xml = junit::render(&tested());
    for part in [
        "<testsuite name=\"users\" tests=\"2\" failures=\"1\" errors=\"0\">",
        "<testcase name=\"eve &amp; &quot;co&quot;\" classname=\"users\" file=\"users.tests.toml\" line=\"7\">",
        "<failure message=\"expected a denial\"/>",
        "<system-out>warn: a &lt; b&#10;warning: an open inbox</system-out>",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
}
