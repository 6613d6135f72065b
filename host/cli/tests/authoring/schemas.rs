//! The settings of modules, as `inspect` and `schema` tell them.

use std::fs;

use serde_json::Value;

use crate::support::Author;

/// A module of an SDK that did not describe its settings.
const OLD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../engine/tests/contract/0.1.0/permits.wasm"
);

#[test]
fn an_editor_gets_the_settings_of_a_module_too() {
    let author = Author::new();
    let module = portcullis_test_support::policy("static-users").unwrap();
    fs::write(author.home().join("users.wasm"), module).unwrap();
    let schema = ["schema", "settings", "--module"];
    let printed = author.portcullis(&[&schema[..], &["users.wasm"]].concat());
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let printed: Value = serde_json::from_str(&printed.output).unwrap();
    let limits = &printed["properties"]["limits"]["properties"];
    assert_eq!(limits["comparisons"]["type"], "integer", "{printed}");
    let settings = &printed["properties"]["settings"];
    let user = &settings["properties"]["users"]["additionalProperties"];
    assert_eq!(user["required"], serde_json::json!(["profile"]));
    let wanted = ["abstain", "deny"];
    let verdicts = &settings["properties"]["unknown-users"]["enum"];
    assert_eq!(*verdicts, serde_json::json!(wanted));

    for (arguments, code, problem) in [
        (["tests", "--module", "users.wasm"], 64, "goes with"),
        (["settings", "--module", "absent.wasm"], 66, "absent.wasm"),
        (
            ["settings", "--module", OLD],
            65,
            "does not say what its settings are",
        ),
    ] {
        let failed = author.portcullis(&[&["schema"][..], &arguments].concat());
        assert_eq!(failed.code, Some(code), "{failed:?}");
        assert!(failed.output.contains(problem), "{failed:?}");
    }
}

#[test]
fn inspect_lists_the_settings_or_says_that_the_module_does_not() {
    let author = Author::new();
    let module = portcullis_test_support::policy("static-users").unwrap();
    fs::write(author.home().join("users.wasm"), module).unwrap();
    let inspected = author.portcullis(&["inspect", "users.wasm"]).output;
    for line in [
        "unknown-users: one of `abstain`, `deny`, default `\"abstain\"` (verdict on logins of users that are not listed)",
        "profiles.NAME.publish.allow: list, each: text, default `[]` (allowed subjects)",
        "profiles.NAME.intents.streams.NAME.manage: true or false, default `false` (whether the login may manage the stream)",
        "users.NAME.expires-in: text (maximum lifetime of a connection. Default: unlimited; a duration like \"30s\", \
         \"15m\", \"1h30m\" or \"2d\")",
        "users.NAME.profile: text, required (name of a profile)",
    ] {
        assert!(
            inspected.contains(&format!("\n    {line}\n")),
            "`{line}` in {inspected}"
        );
    }
    let printed = author
        .portcullis(&["inspect", "users.wasm", "--json"])
        .output;
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["file"], "users.wasm");
    assert!(
        printed["settings-schema"]["properties"].is_object(),
        "{printed:#}"
    );
    assert_eq!(printed["signature"], Value::Null);
    assert!(printed["limits"]["deadline"].is_string(), "{printed:#}");
    let uses = printed["uses"].as_object().unwrap();
    assert!(
        uses.keys()
            .all(|name| name.starts_with("portcullis:policy/")),
        "{uses:?}"
    );
    let old = author.portcullis(&["inspect", OLD]).output;
    assert!(
        old.contains("  settings: unknown, because the module does not"),
        "{old}"
    );
}

#[test]
fn a_setting_that_does_not_fit_is_named_with_line_type_and_nearest_name() {
    let author = Author::new();
    let module = portcullis_test_support::policy("static-users").unwrap();
    fs::write(author.home().join("users.wasm"), module).unwrap();
    for (settings, problem) in [
        (
            "[settings]\ndefault-account = \"APP\"\nunknwon-users = \"deny\"\n",
            "line 3: settings refused: unknwon-users: unknown field `unknwon-users`, did you mean `unknown-users`?",
        ),
        (
            "[settings]\nunknown-users = \"denny\"\n",
            "line 2: settings refused: unknown-users: expected one of `abstain`, `deny`; did you mean `deny`?",
        ),
        (
            "[settings.profiles.p]\npublish.allow = \"a\"\n",
            "line 2: settings refused: profiles.p.publish.allow: expected a list, found a string",
        ),
        (
            "[settings.profiles.p]\nresponses = { max = \"one\" }\n",
            "line 2: settings refused: profiles.p.responses.max: expected a whole number from 0 to 4294967295, found a \
             string",
        ),
        (
            "[settings.profiles.p]\npublish = { allow = [\"a.{{user-name}}.>\"] }\n",
            "line 2: settings refused: profiles.p.publish.allow: `{{user-name}}` in `a.{{user-name}}.>`: this policy \
             offers no places; write a profile for each user",
        ),
    ] {
        fs::write(author.home().join("users.toml"), settings).unwrap();
        let inspected = author.portcullis(&["inspect", "users.wasm"]);
        assert_eq!(inspected.code, Some(65), "{inspected:?}");
        assert!(
            inspected.output.contains(problem),
            "`{problem}` in {inspected:?}"
        );
    }
}
