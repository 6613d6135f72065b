//! `policy lint`.

use std::fs;

use serde_json::Value;

use crate::support::{Author, edit, portcullis_in};

#[test]
fn a_setting_that_the_policy_does_not_read_is_found_at_its_line() {
    let author = Author::new();
    let folder = author.new_policy("unread", "users");
    edit(
        &folder.join("src/lib.rs"),
        "#[serde(deny_unknown_fields)]\n",
        "",
    );
    edit(
        &folder.join("unread.toml"),
        "[settings]\n",
        "[settings]\nacount = \"B\"\n",
    );
    let found = portcullis_in(&folder, &["policy", "lint"]);
    assert_eq!(found.code, Some(65), "{found:?}");
    let expected = "unread.toml`, line 2: unused-setting: acount: the policy does not read this setting; correct";
    assert!(found.output.contains(expected), "{found:?}");
    assert!(found.output.contains("lint: 1 found"), "{found:?}");
}

#[test]
fn permits_that_a_policy_makes_in_code_are_linted_too() {
    let author = Author::new();
    let folder = author.new_policy("coded", "empty");
    let permit = "Permit::new(\"APP\").allow_subscribe([\"_INBOX.>\"]).into()";
    edit(
        &folder.join("src/lib.rs"),
        "Verdict::Abstain\n    }\n}\n\nexport",
        &format!("{permit}\n    }}\n}}\n\nexport"),
    );
    let permit = "permit = { account = \"APP\", subscribe = { allow = [\"_INBOX.>\"] } }";
    edit(&folder.join("coded.tests.toml"), "abstain = true", permit);
    let found = portcullis_in(&folder, &["policy", "lint", "--json"]);
    assert_eq!(found.code, Some(65), "{found:?}");
    let start = found.output.find("{\n").unwrap();
    let mut reports =
        serde_json::Deserializer::from_str(&found.output[start..]).into_iter::<Value>();
    let report = reports.next().unwrap().unwrap();
    let finding = &report["findings"][0];
    assert_eq!(finding["code"], "shared-inbox", "{report}");
    assert_eq!(finding["line"], 7, "{report}");
    assert!(
        finding["file"]
            .as_str()
            .unwrap()
            .ends_with("coded.tests.toml"),
        "{report}"
    );
    assert_eq!(
        report["errors"].as_array().map(Vec::len),
        Some(0),
        "{report}"
    );
}

#[test]
fn settings_are_linted_without_a_module() {
    let author = Author::new();
    let settings = "[settings.groups.ops]\npublish = { allow = [\"ops.**\"] }\n";
    fs::write(author.home().join("ops.toml"), settings).unwrap();
    let found = author.portcullis(&["policy", "lint", "ops.toml"]);
    assert_eq!(found.code, Some(65), "{found:?}");
    assert!(
        found
            .output
            .contains("`ops.toml`, line 2: not-a-wildcard: "),
        "{found:?}"
    );
}
