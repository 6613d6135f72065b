//! Tests of which logins the policy decides, and of their user names.

use std::time::Duration;

use portcullis_sdk::Subject;

use super::*;

const SETTINGS: &str = r#"
    [settings]
    account = "APP"
    OTHER
    [settings.roles.r]
    publish = { allow = ["a"] }
"#;

fn with(line: &str) -> OidcRoles {
    policy(&SETTINGS.replace("OTHER", line))
}

fn permitted() -> Verdict {
    alice().allow_publish(["a"]).into()
}

#[test]
fn other_methods_are_left_to_other_policies() {
    for method in [
        "password",
        "token",
        "nkey",
        "jwt",
        "certificate",
        "none",
        "new",
    ] {
        let request = roles(&["r"]).method(method.into());
        assert_eq!(decide(&with(""), request), Verdict::Abstain, "{method}");
    }
    assert_eq!(decide(&with(""), roles(&["r"])), permitted());
}

#[test]
fn tokens_of_other_issuers_are_left_to_other_policies() {
    let line = format!("issuers = [\"https://a.example\", \"{ISSUER}\"]");
    assert_eq!(decide(&with(&line), roles(&["r"])), permitted());
    for other in ["https://b.example", "https://id.example/", ""] {
        let request = roles(&["r"]).issuer(other);
        assert_eq!(decide(&with(&line), request), Verdict::Abstain, "{other}");
    }
}

#[test]
fn a_token_without_a_known_role_is_what_the_settings_say() {
    for (line, expected) in [
        ("", Verdict::Permit(alice())),
        (
            r#"without-role = "permit-nothing""#,
            Verdict::Permit(alice()),
        ),
        (r#"without-role = "abstain""#, Verdict::Abstain),
    ] {
        for names in [&[][..], &["unknown"]] {
            assert_eq!(decide(&with(line), roles(names)), expected, "{line}");
        }
        assert_eq!(decide(&with(line), roles(&["r"])), permitted(), "{line}");
    }
}

#[test]
fn a_login_that_may_do_nothing_says_why() {
    let zitadel = "urn:zitadel:iam:org:project:roles";
    let because = |claims: &str, line: &str| {
        let verdict = decide(
            &with(&format!("without-role = \"deny\"\n{line}")),
            token(claims),
        );
        let Verdict::Deny(reason) = verdict else {
            panic!("{verdict:?}")
        };
        let permitted = decide(&with(line), token(claims));
        assert!(matches!(permitted, Verdict::Permit(_)), "{permitted:?}");
        let lines = testing::take_log();
        let warned = lines
            .iter()
            .any(|line| line.message == format!("the login may do nothing: {reason}"));
        assert!(warned, "{lines:?}");
        reason.strip_prefix("no mapped role: ").unwrap().to_owned()
    };
    for (roles, expected) in [
        ("", "is absent"),
        (r#", "roles": null"#, "is empty"),
        (r#", "roles": []"#, "is empty"),
        (r#", "roles": """#, "is empty"),
        (r#", "roles": [{}]"#, "has no text"),
        (
            r#", "roles": ["secret-role"]"#,
            "has only values that are no role of the settings",
        ),
        (
            r#", "roles": { "r": {} }"#,
            "is an object: to take the names of its members for roles, list it in `role-object-claims`",
        ),
    ] {
        let claims = format!(r#"{{ "sub": "alice"{roles} }}"#);
        assert_eq!(
            because(&claims, ""),
            format!("`roles` {expected}"),
            "{claims}"
        );
    }
    let line = format!("role-claims = []\nrole-object-claims = [\"{zitadel}\"]");
    for (roles, expected) in [
        (
            r#"["r"]"#,
            "is no object: list it in `role-claims` to take its texts for roles",
        ),
        (
            r#"{ "x": {} }"#,
            "has only values that are no role of the settings",
        ),
        ("{}", "is empty"),
    ] {
        let claims = format!(r#"{{ "sub": "alice", "{zitadel}": {roles} }}"#);
        assert_eq!(
            because(&claims, &line),
            format!("`{zitadel}` {expected}"),
            "{claims}"
        );
    }
    let claims = format!(r#"{{ "sub": "alice", "{zitadel}": {{ "r": {{ "7": "a.example" }} }} }}"#);
    assert_eq!(decide(&with(&line), token(&claims)), permitted());
    assert_eq!(testing::take_log(), [], "a login that may do something");
}

#[test]
fn roles_without_effect_are_reported() {
    let policy = policy(
        r#"
        [settings]
        account = "APP"
        [settings.roles.r]
        publish = { allow = ["{{claim.team}}.a"] }
        "#,
    );
    assert_eq!(decide(&policy, roles(&["r"])), alice().into());
    assert!(
        testing::take_log()[0]
            .message
            .starts_with("the login may do nothing: ")
    );
}

#[test]
fn users_of_several_issuers_share_no_subjects() {
    let settings = |issuers: &str| {
        format!(
            r#"
            [settings]
            account = "APP"
            name-claims = ["email", "sub"]
            {issuers}
            [settings.roles.r]
            publish = {{ allow = ["app.{{{{user-name}}}}.>"] }}
            "#
        )
    };
    for shared in [
        "",
        r#"issuers = ["https://a.example", "https://b.example"]"#,
    ] {
        let error = configure::<OidcRoles>(&settings(shared))
            .unwrap_err()
            .to_string();
        let problem = "roles.r: `{{user-name}}` does not tell the users of several issuers apart: name the one issuer";
        assert!(error.starts_with(problem), "{error}");
    }
    let named = r#"issuers = { "https://a.example" = "a", "https://b.example" = "b" }"#;
    let policy = policy(&settings(named));
    let permit_of = |issuer: &str, sub: &str, verified: &str| {
        let claims =
            format!(r#"{{ "sub": "{sub}", "email": "x@example.com", "roles": "r"{verified} }}"#);
        match decide(&policy, Request::builder().oidc(issuer, &claims)) {
            Verdict::Permit(permit) => permit,
            verdict => panic!("{verdict:?}"),
        }
    };
    let verified = r#", "email_verified": true"#;
    let as_text = r#", "email_verified": "true""#;
    for (issuer, sub, verified, name, subject) in [
        (
            "https://a.example",
            "1",
            verified,
            "a/x@example.com",
            "a/x@example%2Ecom",
        ),
        (
            "https://a.example",
            "2",
            as_text,
            "a/x@example.com",
            "a/x@example%2Ecom",
        ),
        (
            "https://a.example",
            "3",
            r#", "email_verified": false"#,
            "a/3",
            "a/3",
        ),
        (
            "https://a.example",
            "4",
            r#", "email_verified": "yes""#,
            "a/4",
            "a/4",
        ),
        ("https://a.example", "5", "", "a/5", "a/5"),
        (
            "https://b.example",
            "1",
            verified,
            "b/x@example.com",
            "b/x@example%2Ecom",
        ),
    ] {
        let own = Permit::new("APP")
            .with_user_name(name)
            .allow_publish([Subject::parse(&format!("app.{subject}.>")).unwrap()]);
        assert_eq!(permit_of(issuer, sub, verified), own);
    }
    let other = Request::builder().oidc("https://c.example", r#"{ "sub": "1", "roles": "r" }"#);
    assert_eq!(decide(&policy, other), Verdict::Abstain);
}

#[test]
fn places_that_identify_the_user_need_one_issuer() {
    let settings = |issuers: &str, line: &str| {
        format!("[settings]\naccount = \"APP\"\n{issuers}\n[settings.roles.r]\n{line}\n")
    };
    let named = r#"issuers = { "https://a.example" = "a" }"#;
    for (line, good_with_names) in [
        ("publish = { allow = [\"a.{{user-name}}\"] }", true),
        ("subscribe = { deny = [\"a.{{user-name}}\"] }", true),
        ("role = \"reader\"", true),
        ("publish = { allow = [\"a.{{principal}}\"] }", false),
        ("publish = { allow = [\"a.{{claim.sub}}\"] }", false),
        ("publish = { allow = [\"a.{{claim./email}}\"] }", false),
    ] {
        let is_good = |issuers: &str| configure::<OidcRoles>(&settings(issuers, line)).is_ok();
        assert!(is_good("issuers = [\"https://a.example\"]"), "{line}");
        assert!(!is_good(""), "{line}");
        assert_eq!(is_good(named), good_with_names, "{line}");
    }
    let plain = "publish = { allow = [\"a.{{claim.tenant}}.{{group}}\"] }";
    assert!(configure::<OidcRoles>(&settings("", plain)).is_ok());
}

#[test]
fn a_login_that_is_left_to_others_needs_no_name() {
    let policy = with(r#"without-role = "abstain""#);
    let request = token(r#"{ "email": ["a", "b"] }"#);
    assert_eq!(decide(&policy, request), Verdict::Abstain);
}

#[test]
fn roles_come_from_the_claims_of_the_settings_in_their_order() {
    let policy = policy(
        r#"
        [settings]
        account = "APP"
        role-claims = ["realm_access.roles", "/x~1y/groups", "https://e.example/roles"]
        space-separated-role-claims = ["scope"]
        [settings.roles]
        a.publish.allow = ["a"]
        b.publish.allow = ["b"]
        c.publish.allow = ["c"]
        d.publish.allow = ["d"]
        e.publish.allow = ["e"]
        "#,
    );
    let claims = r#"{
        "sub": "alice",
        "roles": ["a"],
        "scope": "openid d  e",
        "realm_access": { "roles": ["b"] },
        "x/y": { "groups": "c" },
        "https://e.example/roles": ["a", "b"]
    }"#;
    let expected = alice().allow_publish(["b", "c", "a", "d", "e"]);
    assert_eq!(decide(&policy, token(claims)), expected.into());
}

#[test]
fn the_user_name_is_the_first_claim_that_is_there() {
    let name = |line: &str, claims: &str| match decide(&with(line), token(claims)) {
        Verdict::Permit(permit) => permit.user_name().map(str::to_owned),
        verdict => panic!("{verdict:?}"),
    };
    for (line, claims, expected) in [
        (
            "",
            r#"{ "email": "e", "email_verified": true, "sub": "s" }"#,
            "s",
        ),
        ("", r#"{ "sub": "s" }"#, "s"),
        (
            r#"name-claims = ["email", "sub"]"#,
            r#"{ "email": "e", "email_verified": true, "sub": "s" }"#,
            "e",
        ),
        (
            r#"name-claims = ["/email", "sub"]"#,
            r#"{ "email": "e", "sub": "s" }"#,
            "s",
        ),
        (
            r#"name-claims = ["email", "sub"]"#,
            r#"{ "email": "", "email_verified": true, "sub": "s" }"#,
            "s",
        ),
        (
            r#"name-claims = ["phone_number"]"#,
            r#"{ "phone_number": "7", "phone_number_verified": false, "sub": "s" }"#,
            "s",
        ),
        (
            r#"name-claims = ["upn"]"#,
            r#"{ "email": "e", "sub": "s", "upn": "u" }"#,
            "u",
        ),
        (
            r#"name-claims = ["upn"]"#,
            r#"{ "email": "e", "sub": "s" }"#,
            "s",
        ),
        ("name-claims = []", r#"{ "email": "e", "sub": "s" }"#, "s"),
    ] {
        assert_eq!(name(line, claims).as_deref(), Some(expected), "{claims}");
    }
}

#[test]
fn a_login_that_cannot_have_a_name_is_refused() {
    for (claims, reason) in [
        ("{}", "the login has no `principal`"),
        (
            r#"{ "sub": ["a", "b"] }"#,
            "the login has several `claim.sub`, and a name takes one",
        ),
        (
            r#"{ "sub": "a\u0000b" }"#,
            "`claim.sub` of the login does not fit into a user name: expected at most 256 bytes without control characters",
        ),
    ] {
        let found = decide(&with(""), token(claims));
        assert_eq!(found, Verdict::deny(reason), "{claims}");
    }
}

#[test]
fn what_the_client_calls_itself_does_not_matter() {
    let request = roles(&["r"]).username("admin").client_name("admin");
    assert_eq!(decide(&with(""), request), permitted());
}

#[test]
fn a_lifetime_bounds_the_login() {
    for key in ["expires-in", "max-expiry"] {
        let expected = alice()
            .allow_publish(["a"])
            .limit_lifetime(Duration::from_hours(8));
        let policy = with(&format!("{key} = \"8h\""));
        assert_eq!(decide(&policy, roles(&["r"])), expected.into());
        let nothing = alice().limit_lifetime(Duration::from_hours(8));
        assert_eq!(decide(&policy, roles(&[])), nothing.into());
    }
}

#[test]
fn templates_are_filled_with_what_the_permit_and_the_token_say() {
    let policy = policy(
        r#"
        [settings]
        account = "APP"
        name-claims = ["email"]
        issuers = ["https://id.example"]
        [settings.roles.r]
        publish = { allow = ["{{account}}.{{user-name}}.{{claim.sub}}", "t.{{claim.teams}}.{{principal}}", "g.{{group}}"] }
        subscribe = { allow = ["_INBOX_{{claim.email}}.>"], deny = ["x.{{claim.sub}}"] }
        "#,
    );
    let claims = r#"{ "sub": "*", "email": "a.b@c", "email_verified": true, "roles": "r", "teams": ["red", ">"] }"#;
    let expected = Permit::new("APP")
        .with_user_name("a.b@c")
        .allow_publish([
            "APP.a%2Eb@c.%2A",
            "t.red.%2A",
            "t.%3E.%2A",
            "g.staff",
            "g.ops",
        ])
        .allow_subscribe(["_INBOX_a%2Eb@c.>"])
        .deny_subscribe(["x.%2A"]);
    let request = token(claims).groups(["staff", "ops"]);
    assert_eq!(decide(&policy, request), expected.into());
}

#[test]
fn a_deny_list_without_its_claim_refuses_the_login() {
    let policy = policy(
        r#"
        [settings]
        account = "APP"
        [settings.roles.Admin]
        publish = { allow = [">"], deny = ["secret.{{claim.team}}"] }
        "#,
    );
    assert_eq!(
        decide(&policy, roles(&["Admin"])),
        Verdict::deny("`Admin`, publish.deny: the login has no `claim.team`")
    );
}

#[test]
fn a_policy_reads_only_the_claims_it_asks_for() {
    let request = roles(&["r"]).build();
    let _ = with("").decide(&request);
    assert_eq!(
        request.questions(),
        ["identity.method", "identity.claim", "identity.claim"]
    );
}

/// Holds that the name becomes one token. The template of a role in operator mode inserts the name
/// unchanged: with `user.{{name()}}.>`, the name `*` would match the subjects of all users.
#[test]
fn with_a_role_of_the_account_a_name_is_one_token() {
    let settings = r#"
        [settings]
        account = "APP"
        name-claims = ["name"]
        issuers = ["https://id.example"]
        [settings.roles.r]
        role = "reader"
    "#;
    for (name, token_of_subject) in [
        ("*", "%2A"),
        (">\u{a0}a", "%3E%C2%A0a"),
        ("a.*.b@example.com", "a%2E%2A%2Eb@example%2Ecom"),
        ("alice", "alice"),
    ] {
        let claims = serde_json::json!({ "sub": "s", "name": name, "roles": ["r"] });
        let verdict = decide(&policy(settings), token(&claims.to_string()));
        let Verdict::Permit(permit) = verdict else {
            panic!("{name}: {verdict:?}")
        };
        assert_eq!(permit.user_name(), Some(token_of_subject));
        assert_eq!(permit.problems(), [""; 0]);
    }
}
