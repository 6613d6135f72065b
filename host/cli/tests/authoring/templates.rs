//! The templates of `policy new`.

use std::fs;

use rstest::rstest;
use serde_json::Value;

use crate::support::{Author, cargo, portcullis_in};

#[rstest]
#[case("empty", 2)]
#[case("users", 3)]
#[case("oidc", 3)]
#[case("devices", 4)]
#[case("workload", 3)]
#[case("tenants", 3)]
fn every_template_builds_and_passes_its_tests_outside_the_repository(
    #[case] template: &str,
    #[case] tests: usize,
) {
    let author = Author::new();
    let folder = author.new_policy(&format!("my-{template}"), template);

    let native = cargo(&folder, &["test"]);
    assert_eq!(native.code, Some(0), "{native:?}");
    assert!(native.output.contains("test result: ok. "), "{native:?}");
    let warned = native.output.contains("warning: ");
    assert!(!warned, "a new crate has warnings: {native:?}");

    let tested = portcullis_in(&folder, &["policy", "test"]);
    assert_eq!(tested.code, Some(0), "{tested:?}");
    let summary = format!("tests: {tests} run, 0 failed");
    assert!(tested.output.contains(&summary), "{tested:?}");

    let module = format!("my-{template}.wasm");
    let inspected = portcullis_in(&folder, &["inspect", &module]);
    let settings = inspected.output.split("  settings:").nth(1);
    let is_known = settings.is_some_and(|settings| !settings.starts_with(" unknown"));
    assert!(is_known, "{inspected:?}");

    let linted = portcullis_in(&folder, &["policy", "lint"]);
    assert_eq!(linted.code, Some(0), "{linted:?}");
}

#[test]
fn a_build_tells_size_digest_and_imports() {
    let author = Author::new();
    author.new_policy("first", "empty");
    let built = author.portcullis(&["policy", "build", "first"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let module = fs::read(author.home().join("first/first.wasm")).unwrap();
    for part in [
        format!("size: {} bytes", module.len()),
        "digest: sha256:".to_owned(),
        "portcullis:policy/identity@".to_owned(),
        ": method\n".to_owned(),
        "tests: 2, 0 failed".to_owned(),
    ] {
        assert!(built.output.contains(&part), "`{part}` in {built:?}");
    }
    assert!(module.len() < 256 << 10, "{} bytes", module.len());
    let printed = author.portcullis(&["policy", "build", "first", "--json"]);
    // The output of cargo comes after the object.
    let mut values = serde_json::Deserializer::from_str(&printed.output).into_iter::<Value>();
    let printed = values.next().unwrap().unwrap();
    assert_eq!(printed["size"], module.len());
    assert_eq!(printed["tests"].as_array().unwrap().len(), 2);
    assert_eq!(printed["error"], Value::Null);
}

#[test]
fn a_module_is_tested_without_a_configuration() {
    let author = Author::new();
    author.new_policy("first", "empty");
    let built = author.portcullis(&["policy", "build", "first"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let arguments = [
        "policy",
        "test",
        "first/first.wasm",
        "--filter",
        "credentials",
        "--json",
        "--junit",
        "report.xml",
    ];
    let tested = author.portcullis(&arguments);
    assert_eq!(tested.code, Some(0), "{tested:?}");
    let report: serde_json::Value = serde_json::from_str(&tested.output).unwrap();
    assert_eq!(report["run"], 1, "{report}");
    let name = &report["policies"][0]["tests"][0]["name"];
    assert_eq!(name, "a client without credentials is denied");
    let xml = fs::read_to_string(author.home().join("report.xml")).unwrap();
    assert!(xml.contains("tests=\"1\" failures=\"0\""), "{xml}");

    let nothing = author.portcullis(&["policy", "test", "second"]);
    assert_eq!(nothing.code, Some(66), "{nothing:?}");
    assert!(
        nothing.output.contains("`second` does not exist"),
        "{nothing:?}"
    );
}

#[test]
fn a_folder_that_exists_is_refused() {
    let author = Author::new();
    fs::create_dir(author.home().join("taken")).unwrap();
    let refused = author.portcullis(&["policy", "new", "taken"]);
    assert_eq!(refused.code, Some(73), "{refused:?}");
    assert!(
        refused.output.contains("`taken` exists already"),
        "{refused:?}"
    );
}

#[rstest]
#[case("Users", "Users")]
#[case("../up", "../up")]
#[case("fn", "keyword")]
fn a_bad_name_is_refused(#[case] name: &str, #[case] part: &str) {
    let author = Author::new();
    let refused = author.portcullis(&["policy", "new", name]);
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(refused.output.contains(part), "{refused:?}");
    assert_eq!(author.home().read_dir().unwrap().count(), 0);
}
