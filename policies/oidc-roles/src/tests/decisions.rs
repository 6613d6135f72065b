//! Which logins are decided, and what they are called.

use std::time::Duration;

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
    alice().publish_allow("a").into()
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
        let request = roles(&["r"]).method(method);
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
        (r#"without-role = "deny""#, Verdict::deny("no mapped role")),
        (r#"without-role = "abstain""#, Verdict::Abstain),
    ] {
        for names in [&[][..], &["unknown"]] {
            assert_eq!(decide(&with(line), roles(names)), expected, "{line}");
        }
        assert_eq!(decide(&with(line), roles(&["r"])), permitted(), "{line}");
    }
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
    let expected = alice().publish_allow_all(["b", "c", "a", "b", "d", "e"]);
    assert_eq!(decide(&policy, token(claims)), expected.into());
}

#[test]
fn the_user_name_is_the_first_claim_that_is_there() {
    let name = |line: &str, claims: &str| match decide(&with(line), token(claims)) {
        Verdict::Permit(permit) => permit.user().map(str::to_owned),
        verdict => panic!("{verdict:?}"),
    };
    for (line, claims, expected) in [
        ("", r#"{ "email": "e", "sub": "s" }"#, "e"),
        ("", r#"{ "email": "", "sub": "s" }"#, "s"),
        ("", r#"{ "sub": "s" }"#, "s"),
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
            r#"{ "email": ["a", "b"], "sub": "s" }"#,
            "the login has several `claim.email`, and a name takes one",
        ),
        (
            r#"{ "email": "a\u0000b", "sub": "s" }"#,
            "`claim.email` of the login does not fit into a user name: expected at most 256 bytes without control characters",
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
            .publish_allow("a")
            .expires_in(Duration::from_hours(8));
        let policy = with(&format!("{key} = \"8h\""));
        assert_eq!(decide(&policy, roles(&["r"])), expected.into());
        let nothing = alice().expires_in(Duration::from_hours(8));
        assert_eq!(decide(&policy, roles(&[])), nothing.into());
    }
}

#[test]
fn templates_are_filled_with_what_the_permit_and_the_token_say() {
    let policy = policy(
        r#"
        [settings]
        account = "APP"
        [settings.roles.r]
        publish = { allow = ["{{account}}.{{user-name}}.{{claim.sub}}", "t.{{claim.teams}}.{{principal}}", "g.{{group}}"] }
        subscribe = { allow = ["_INBOX_{{claim.email}}.>"], deny = ["x.{{claim.sub}}"] }
        "#,
    );
    let claims = r#"{ "sub": "*", "email": "a.b@c", "roles": "r", "teams": ["red", ">"] }"#;
    let expected = Permit::new("APP")
        .user_name("a.b@c")
        .publish_allow_all([
            "APP.a%2Eb@c.%2A",
            "t.red.%2A",
            "t.%3E.%2A",
            "g.staff",
            "g.ops",
        ])
        .subscribe_allow("_INBOX_a%2Eb@c.>")
        .subscribe_deny("x.%2A");
    let request = token(claims).group("staff").group("ops");
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
fn a_token_tells_no_more_than_is_asked() {
    let request = roles(&["r"]).build();
    let _ = with("").decide(&request);
    assert_eq!(
        request.questions(),
        [
            "identity.method",
            "identity.claim",
            "identity.claim",
            "identity.claim"
        ]
    );
}

/// The template of a role in operator mode takes the name as it is: with `user.{{name()}}.>`, `*` would be everybody.
#[test]
fn with_a_role_of_the_account_a_name_is_one_token() {
    let settings = r#"
        [settings]
        account = "APP"
        name-claims = ["name"]
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
        assert_eq!(permit.user(), Some(token_of_subject));
        assert_eq!(permit.problems(), [""; 0]);
    }
}
