//! Tests of the errors about bad texts and settings.

use super::*;

fn refusal(settings: &str, text: &str) -> String {
    with_text(settings, text).err().unwrap().to_string()
}

#[test]
fn an_error_of_the_text_has_its_line_and_column() {
    for (rules, place) in [
        ("permit := {\"account\": \"APP\"", "line "),
        ("permit := 1 if {\n  x > 1\n}", "line 3, column "),
        ("permit := no_such.function(1)", "line 2, column "),
        ("permit if a\na if b\nb if a", "line "),
    ] {
        let refusal = refusal("[settings]", &format!("package portcullis\n{rules}"));
        let shown = refusal.strip_prefix("rego-text: ").unwrap();
        assert!(shown.starts_with(place), "{refusal}");
        assert!(!refusal.contains('\n'), "{refusal}");
        assert!(!refusal.contains("text.rego"), "{refusal}");
    }
}

#[test]
fn a_text_without_the_entry_point_is_an_error() {
    for (text, problem) in [
        (" \n", "no policy, so no login is permitted"),
        (
            "package orders\npermit := {}",
            "the package is `data.orders`",
        ),
        ("package portcullis\nallow := true", "no rule `permit`"),
    ] {
        let refusal = refusal("[settings]", text);
        assert!(
            refusal.starts_with(&format!("rego-text: {problem}")),
            "{refusal}"
        );
    }
}

#[test]
fn bad_settings_are_named() {
    let text = "package portcullis\npermit := {\"account\": \"A\"}";
    for (settings, problem) in [
        (
            "[settings]\nacounts = 1",
            "acounts: unknown field `acounts`",
        ),
        ("[settings]\ndata = 1", "data: "),
    ] {
        let refusal = refusal(settings, text);
        assert!(refusal.starts_with(problem), "{refusal}");
    }
}
