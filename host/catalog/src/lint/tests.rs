use rstest::rstest;

use super::*;

/// Returns the codes and lines of the findings in settings with these lists.
fn lint(publish: &str, subscribe: &str) -> Vec<(&'static str, Option<usize>)> {
    let text = format!(
        "[settings.profiles.app]\npublish = {{ {publish} }}\nsubscribe = {{ {subscribe} }}\n"
    );
    let found = lint_settings(Path::new("p.toml"), &text);
    found
        .iter()
        .map(|finding| (finding.lint.code(), finding.line))
        .collect()
}

const INBOX: &str = r#"allow = ["_INBOX.{{user-name}}.>"]"#;

#[rstest]
#[case(
    r#"allow = ["$SYS.REQ.USER.INFO"]"#,
    "allow = []",
    "request-without-inbox",
    2
)]
#[case(
    r#"allow = ["$JS.hub.API.STREAM.INFO.S"]"#,
    r#"allow = ["a"]"#,
    "request-without-inbox",
    2
)]
#[case("", r#"allow = ["_INBOX.>"]"#, "shared-inbox", 3)]
#[case("", r#"allow = ["_INBOX.* q"]"#, "shared-inbox", 3)]
#[case(r#"allow = ["$JS.API.>"]"#, INBOX, "jetstream-api", 2)]
#[case(r#"allow = ["$JS.hub.API.>"]"#, INBOX, "jetstream-api", 2)]
#[case(
    r#"allow = ["$JS.API.CONSUMER.CREATE.S"]"#,
    INBOX,
    "unfiltered-consumer",
    2
)]
#[case(
    r#"allow = ["$JS.API.CONSUMER.CREATE.S.C"]"#,
    INBOX,
    "unfiltered-consumer",
    2
)]
#[case(
    r#"allow = ["$JS.API.CONSUMER.CREATE.S.>"]"#,
    INBOX,
    "unfiltered-consumer",
    2
)]
#[case(
    r#"allow = ["$JS.API.CONSUMER.DURABLE.CREATE.S.C"]"#,
    INBOX,
    "unfiltered-consumer",
    2
)]
#[case(r#"allow = ["$JS.API.STREAM.>"]"#, INBOX, "jetstream-api", 2)]
#[case(r#"allow = ["$JS.API.STREAM.DELETE.*"]"#, INBOX, "jetstream-api", 2)]
#[case(r#"allow = ["$JS.hub.API.STREAM.PURGE.>"]"#, INBOX, "jetstream-api", 2)]
#[case(r#"allow = ["$JS.API.STREAM.MSG.GET.S"]"#, INBOX, "whole-stream", 2)]
#[case(r#"allow = ["$JS.API.DIRECT.GET.S"]"#, INBOX, "whole-stream", 2)]
#[case(r#"allow = ["$JS.API.DIRECT.GET.>"]"#, INBOX, "whole-stream", 2)]
#[case(r#"allow = ["a.**"]"#, "", "not-a-wildcard", 2)]
#[case(r#"allow = ["a.+.b"]"#, "", "not-a-wildcard", 2)]
#[case("", r#"deny = ["a.b*"]"#, "not-a-wildcard", 3)]
#[case(r#"allow = ["a.#"]"#, "", "not-a-wildcard", 2)]
#[case(r#"allow = ["a.{user-name}.>"]"#, "", "single-braces", 2)]
#[case(r#"allow = ["{{claim.sub}}.>"]"#, "", "leading-place", 2)]
#[case(r#"allow = ["a.b"], deny = ["a.>"]"#, "", "never-matches", 2)]
#[case(
    r#"allow = ["a.{{claim.sub}}.>"], deny = ["b.>"]"#,
    "",
    "never-matches",
    2
)]
fn each_lint_has_its_code_and_line(
    #[case] publish: &str,
    #[case] subscribe: &str,
    #[case] code: &str,
    #[case] line: usize,
) {
    assert_eq!(lint(publish, subscribe), [(code, Some(line))]);
}

#[rstest]
#[case(r#"allow = ["app.{{user-name}}.>", "$SYS.REQ.USER.INFO"]"#, INBOX)]
#[case(r#"allow = ["$JS.API.CONSUMER.CREATE.S.C.orders.>"]"#, INBOX)]
#[case(r#"allow = ["$JS.API.CONSUMER.MSG.NEXT.S.C"]"#, INBOX)]
#[case(
    r#"allow = ["$JS.API.STREAM.DELETE.S", "$JS.API.STREAM.INFO.*"]"#,
    INBOX
)]
#[case(r#"allow = ["$JS.API.DIRECT.GET.S.orders.>"]"#, INBOX)]
#[case(
    r#"allow = ["$JS.API.CONSUMER.INFO.S.C"]"#,
    r#"allow = ["my.inbox.>"]"#
)]
#[case(r#"allow = [">"]"#, r#"allow = [">"]"#)]
#[case(
    r#"allow = ["a.>"], deny = ["a.b", "a.{{claim.sub}}"]"#,
    r#"allow = ["a.* q"]"#
)]
#[case(r#"allow = ["a.{{claim.sub}}"], deny = ["a.b"]"#, "")]
#[case("", r#"deny = ["{{claim.sub}}.>"]"#)]
// A final `*` of a subscribe permission lets a client subscribe to `a.>`.
#[case("", r#"allow = ["a.*", "a.b.>"], deny = ["a.c.d"]"#)]
#[case("", r#"allow = ["a.{{group}}.* q"], deny = ["a.*.*.>"]"#)]
fn permissions_that_hold_are_not_doubted(#[case] publish: &str, #[case] subscribe: &str) {
    assert_eq!(lint(publish, subscribe), []);
}

#[test]
fn profiles_are_judged_together_where_a_policy_may_combine_them() {
    let text = "\
[settings.groups.a]
publish = { allow = [\"$SYS.REQ.USER.INFO\", \"a.b\"] }
[settings.groups.b]
publish = { deny = [\"a.>\"] }
subscribe = { allow = [\"_INBOX.{{user-name}}.>\"] }
";
    assert_eq!(lint_settings(Path::new("p.toml"), text), []);
}

#[rstest]
#[case("request = [\"tax.quote\"]", &[("request-without-inbox", Some(3))])]
#[case("request = [\"tax.quote\"]\nprivate-inbox = false", &[("request-without-inbox", Some(3))])]
#[case("request = [\"tax.quote\"]\nprivate-inbox = true", &[])]
#[case("reply = [\"tax.quote\"]", &[])]
fn an_intent_to_request_needs_an_inbox(
    #[case] intents: &str,
    #[case] expected: &[(&str, Option<usize>)],
) {
    let text = format!("[settings.profiles.app]\n[settings.profiles.app.intents]\n{intents}\n");
    let found = lint_settings(Path::new("p.toml"), &text);
    let found: Vec<_> = found
        .iter()
        .map(|finding| (finding.lint.code(), finding.line))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn an_account_that_a_login_names_whole_is_doubted() {
    let text = "[settings]\naccount = \"{{claim.tenant}}\"\n";
    let found = lint_settings(Path::new("p.toml"), text);
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    let told = finding.to_string();
    assert!(
        told.starts_with("`p.toml`, line 2: leading-place: the account"),
        "{told}"
    );
    assert!(told.ends_with(Lint::LeadingPlace.cure()), "{told}");
}

#[test]
fn the_reference_has_a_row_for_every_code() {
    let page = include_str!("../../../../docs/reference/policy-files.md");
    for lint in Lint::ALL {
        let row = format!("\n| `{}` |", lint.code());
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
}

#[test]
fn a_log_line_about_an_unread_setting_is_at_its_line() {
    let text = "[settings]\naccount = \"A\"\nacount = \"B\"\n";
    let line = |line| Finding::of_log_line(Path::new("p.toml"), text, line);
    let finding = line("acount: the policy does not read this setting").unwrap();
    assert_eq!((finding.lint, finding.line), (Lint::UnusedSetting, Some(3)));
    assert_eq!(line("plain text passwords are accepted"), None);
}
