//! `policy bench`.

use std::fs;

use serde_json::Value;

use crate::support::{Author, edit, portcullis_in};

#[test]
fn the_decision_on_the_login_of_each_test_is_measured() {
    let author = Author::new();
    let folder = author.new_policy("first", "empty");
    let arguments = ["policy", "bench", "--time", "50ms", "--json"];
    let measured = portcullis_in(&folder, &arguments);
    assert_eq!(measured.code, Some(0), "{measured:?}");
    // Messages of cargo follow the report.
    let mut reports = serde_json::Deserializer::from_str(&measured.output).into_iter::<Value>();
    let report = reports.next().unwrap().unwrap();
    assert_eq!(report["policy"], "first");
    let decisions = report["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), 2, "{report}");
    for decision in decisions {
        let number = |key: &str| decision[key].as_f64().unwrap();
        assert!(
            number("fuel") > 0.0 && number("measured") >= 1.0,
            "{report}"
        );
        assert!(number("memory") >= 65_536.0, "{report}");
        assert!(number("p50-seconds") <= number("p99-seconds"), "{report}");
        assert!(number("decisions-per-second") > 0.0, "{report}");
    }

    let module = ["policy", "bench", "first.wasm", "--time", "1ms"];
    let table = portcullis_in(&folder, &module);
    assert_eq!(table.code, Some(0), "{table:?}");
    let name = "a client without credentials is denied";
    assert!(table.output.contains(name), "{table:?}");
}

#[test]
fn a_policy_without_tests_or_with_a_failing_one_is_not_measured() {
    let author = Author::new();
    let folder = author.new_policy("first", "empty");
    let tests = folder.join("first.tests.toml");
    edit(&tests, "presents nothing", "keeps silent");
    let failing = portcullis_in(&folder, &["policy", "bench"]);
    assert_eq!(failing.code, Some(65), "{failing:?}");
    assert!(failing.output.contains("keeps silent"), "{failing:?}");

    fs::remove_file(&tests).unwrap();
    let untested = portcullis_in(&folder, &["policy", "bench"]);
    assert_eq!(untested.code, Some(65), "{untested:?}");
    assert!(untested.output.contains("has no tests"), "{untested:?}");
}
