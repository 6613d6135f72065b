//! Tests of the errors about bad texts and settings.

use portcullis_sdk::testing::take_log;

use super::*;

fn refusal(text: &str) -> String {
    with_text(SETTINGS, text).err().unwrap().to_string()
}

#[test]
fn an_error_of_the_text_has_its_line_and_column() {
    for (text, place, message) in [
        (
            "permit (principal, action, resource);\n\nallow (principal, action, resource);",
            "line 3, column 1: ",
            "invalid policy effect: allow",
        ),
        (
            "permit (principal, action, resource)\n  when { principal.nme == \"ä\" };",
            "line 2, column ",
            "nme",
        ),
        (
            "permit (principal, action == Action::\"conect\", resource);",
            "line 1, column ",
            "conect",
        ),
    ] {
        let refusal = refusal(text);
        let shown = refusal.strip_prefix("cedar-text: ").unwrap();
        assert!(shown.starts_with(place), "{refusal}");
        assert!(shown.contains(message), "{refusal}");
        assert!(!refusal.contains('\n'), "{refusal}");
    }
}

#[test]
fn columns_count_characters() {
    let refusal = refusal("permit (principal, action, resource) when { \"ä\" == principal.nme };");
    assert!(refusal.contains("line 1, column 52: "), "{refusal}");
}

#[test]
fn a_claim_that_is_not_declared_or_not_asked_for_is_an_error() {
    for condition in [
        "principal.claims.org == \"a\"",
        "principal.claims.clearance > 1",
    ] {
        let refusal = refusal(&format!(
            "permit (principal, action, resource) when {{ {condition} }};"
        ));
        assert!(
            refusal.starts_with("cedar-text: line 1, column "),
            "{refusal}"
        );
    }
}

#[test]
fn names_that_the_settings_do_not_have_are_errors() {
    let text = r#"
        @id("a") permit (principal, action == Action::"connect", resource == Account::"APQ");
        permit (principal, action == Action::"use", resource) when { resource == Profile::"read" };
    "#;
    assert_eq!(
        refusal(text),
        "cedar-text: `a` names `Account::\"APQ\"`, which `accounts` of the settings does not have; \
         `policy1` names `Profile::\"read\"`, which `profiles` of the settings does not have"
    );
}

#[test]
fn a_text_that_can_permit_no_login_is_an_error() {
    assert!(refusal(" \n").starts_with("cedar-text: no policies, so no login is permitted"));
    let template = refusal("permit (principal == ?principal, action, resource);");
    assert!(template.contains("is a template"), "{template}");
}

#[test]
fn a_warning_of_the_validator_is_in_the_log() {
    let _ = take_log();
    let text = "permit (principal, action, resource);\nforbid (principal, action, resource) when { false };";
    assert!(with_text(SETTINGS, text).is_ok());
    let lines = take_log();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].message.contains("line 2, column "), "{lines:?}");
}

#[test]
fn bad_settings_are_named() {
    let any = "permit (principal, action, resource);";
    for (line, replacement, expected) in [
        (
            "accounts = [\"APP\", \"REPORTS\"]",
            "",
            "accounts: no account to connect to: name at least one",
        ),
        (
            "\"REPORTS\"]",
            "\"{{group}}\"]",
            "accounts: `{{group}}` has a place: Cedar is asked about an account by name",
        ),
        (
            "clearance = \"long\"",
            "clearance = \"int\"",
            "claims.clearance: expected one of `string`, `long`, `bool`, `strings`",
        ),
        (
            "issuers =",
            "methods = [\"oicd\"]\nissuers =",
            "methods: unknown method `oicd`",
        ),
        (
            "issuers =",
            "methods = []\nissuers =",
            "methods: no method, so no login is decided: leave the key out for tokens",
        ),
        (
            "publish = {",
            "publsh = {",
            "profiles.writer.publsh: unknown field `publsh`",
        ),
    ] {
        assert!(SETTINGS.contains(line), "{line}");
        let error = with_text(&SETTINGS.replace(line, replacement), any);
        let error = error.err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn claims_may_have_any_name() {
    let settings = SETTINGS.replace("clearance =", "'a\"\\b.c' =");
    let text = r#"permit (principal, action == Action::"connect", resource)
        when { principal.claims has "a\"\\b.c" };"#;
    assert!(with_text(&settings, text).is_ok());
}
