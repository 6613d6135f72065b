//! Tests of account and user names.

use super::*;

fn account(template: &str, value: &serde_json::Value) -> Result<String, String> {
    fill(&NameTemplate::account(template, &[]).unwrap(), value)
}

fn user_name(template: &str, value: &serde_json::Value) -> Result<String, String> {
    fill(&NameTemplate::user_name(template, &[]).unwrap(), value)
}

fn fill(template: &NameTemplate, value: &serde_json::Value) -> Result<String, String> {
    let request = claims(&serde_json::json!({ "c": value }).to_string()).build();
    template
        .name(&Values::new(&request))
        .map_err(|unfilled| unfilled.to_string())
}

#[test]
fn a_name_is_plain_or_has_one_value() {
    for (template, expected) in [
        ("APP", "APP"),
        ("$G", "$G"),
        ("{{claim.c}}", "a.b-c"),
        ("T-{{claim.c}}-x", "T-a.b-c-x"),
    ] {
        let found = account(template, &"a.b-c".into());
        assert_eq!(found.as_deref(), Ok(expected));
    }
    let found = user_name("<{{ claim.c }}>", &"Zoë Ø".into());
    assert_eq!(found.as_deref(), Ok("<Zoë Ø>"));
}

#[test]
fn no_claim_is_an_account_that_only_a_setting_may_name() {
    let unfit = "`claim.c` of the login does not fit into an account name: \
                 expected at most 256 bytes of ASCII letters, digits and `-_@+=:/.`";
    let long = "a".repeat(257);
    for value in ["$G", "$SYS", "a b", "a\n", "*", ">", "é", &long] {
        let found = account("{{claim.c}}", &value.into());
        assert_eq!(found, Err(unfit.to_owned()), "{value:?}");
    }
    assert!(account("{{claim.c}}", &"a".repeat(256).into()).is_ok());
    assert!(account("x{{claim.c}}", &"a".repeat(256).into()).is_err());
}

#[test]
fn a_user_name_has_no_control_characters_and_a_length() {
    let unfit = "`claim.c` of the login does not fit into a user name: \
                 expected at most 256 bytes without control characters";
    for value in ["a\nb", "\u{0}", "\u{85}", &"é".repeat(129)] {
        let found = user_name("{{claim.c}}", &value.into());
        assert_eq!(found, Err(unfit.to_owned()), "{value:?}");
    }
}

#[test]
fn none_and_several_are_no_name() {
    for value in [serde_json::json!(null), "".into(), serde_json::json!([""])] {
        let found = account("{{claim.c}}", &value);
        assert_eq!(found, Err("the login has no `claim.c`".to_owned()));
    }
    let found = account("{{claim.c}}", &serde_json::json!(["a", "b"]));
    let several = "the login has several `claim.c`, and a name takes one";
    assert_eq!(found, Err(several.to_owned()));
}

#[test]
fn names_that_are_none_are_refused() {
    let error = |text: &str| NameTemplate::account(text, &[]).unwrap_err().to_string();
    for (text, expected) in [
        (
            "{{claim.a}}-{{claim.b}}",
            "two places in `{{claim.a}}-{{claim.b}}`: a name has one place at most",
        ),
        (
            "{{account}}",
            "unknown place `{{account}}` in `{{account}}`; there are `claim.PATH`, `tag.NAME`, `group`, `principal`, `nkey`",
        ),
        (
            "",
            "invalid account name ``: expected 1 to 256 bytes without white space and control characters",
        ),
        (
            "A {{claim.a}}",
            "invalid account name `A {{claim.a}}`: expected 1 to 256 bytes without white space and control characters",
        ),
    ] {
        assert_eq!(error(text), expected);
    }
    let error = NameTemplate::user_name("a\n{{group}}", &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid user name `a\\n{{group}}`: expected 1 to 256 bytes without control characters"
    );
    assert!(NameTemplate::user_name("{{user-name}}", &[]).is_err());
}

#[test]
fn the_user_name_of_a_token_is_the_first_claim_that_is_there_or_the_principal() {
    let name = |builder: RequestBuilder| {
        let request = builder.build();
        user_name_from(&request, &["email", "name"]).map_err(|unfilled| unfilled.to_string())
    };
    for (json, expected) in [
        (
            r#"{ "email": "e", "email_verified": true, "name": "n", "sub": "s" }"#,
            "e",
        ),
        (
            r#"{ "email": "e", "email_verified": "true", "name": "n", "sub": "s" }"#,
            "e",
        ),
        (
            r#"{ "email": "e", "email_verified": false, "name": "n", "sub": "s" }"#,
            "n",
        ),
        (
            r#"{ "email": "e", "email_verified": 1, "name": "n", "sub": "s" }"#,
            "n",
        ),
        (r#"{ "email": "e", "name": "n", "sub": "s" }"#, "n"),
        (r#"{ "email": [], "name": "n", "sub": "s" }"#, "n"),
        (r#"{ "email": "", "sub": "s" }"#, "s"),
    ] {
        let found = name(Request::builder().oidc("i", json));
        assert_eq!(found.as_deref(), Ok(expected));
    }
    for (json, start) in [
        (
            r#"{ "email": ["a", "b"], "email_verified": true, "name": "n" }"#,
            "the login has several `claim.email`",
        ),
        (
            r#"{ "email": "a\u0007", "email_verified": true, "name": "n" }"#,
            "`claim.email` of the login does not fit",
        ),
        (
            r#"{ "sub": "a\u0007" }"#,
            "`principal` of the login does not fit",
        ),
        ("{}", "the login has no `principal`"),
    ] {
        let found = name(Request::builder().oidc("i", json)).unwrap_err();
        assert!(found.starts_with(start), "{found}");
    }
    let claimed = Request::builder().username("admin");
    assert!(name(claimed).is_err());
}

#[test]
fn an_account_is_taken_from_a_claim_whole_or_not_at_all() {
    let account = |json: &str| {
        account_from(&claims(json).build(), "https://e.x/account")
            .map_err(|unfilled| unfilled.to_string())
    };
    let named = account(r#"{ "https://e.x/account": "acme.1" }"#);
    assert_eq!(named.as_deref(), Ok("acme.1"));
    for (json, start) in [
        ("{}", "the login has no `claim.https://e.x/account`"),
        (
            r#"{ "https://e.x/account": "" }"#,
            "the login has no `claim.https://e.x/account`",
        ),
        (
            r#"{ "https://e.x/account": ["a", "b"] }"#,
            "the login has several `claim.https://e.x/account`",
        ),
        (
            r#"{ "https://e.x/account": "$SYS" }"#,
            "`claim.https://e.x/account` of the login does not fit into an account name",
        ),
    ] {
        let found = account(json).unwrap_err();
        assert!(found.starts_with(start), "{found}");
    }
}
