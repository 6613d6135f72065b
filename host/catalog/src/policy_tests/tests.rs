use portcullis_core::{KeyKind, PublicKey, Verdict};
use portcullis_engine::EvaluationError;

use super::*;

const GOOD: &str = r#"
[[tests]]
name = "alice"
login = { username = "alice", password = "secret" }
permit = { account = "APP", publish = { allow = ["a.>", "b"] }, user-name = "alice" }

[[tests]]
name = "a token of an identity provider"
now = 1800000000
fuel = 100000
deny = ""
[tests.login]
token = "eyJ"
identity = { method = "oidc", principal = "bob", proved = true, issuer = "https://idp", groups = ["ops"], claims = { a = { b = [1, "x"] } } }
client = { host = "10.0.0.7", kind = "Leafnode", tls-version = "1.3" }
server = { name = "s1", cluster = "c1" }
certificate = { verified = true, subject = "CN=bob", dns-names = ["bob.example"] }

[[tests]]
name = "nobody"
login = {}
abstain = true
"#;

fn parse(text: &str) -> Result<PolicyTests, UnitError> {
    PolicyTests::parse(Path::new("p.tests.toml"), text.as_bytes())
}

/// Returns the refusal of the good file with `part` replaced.
fn refusal_of(part: &str, replacement: &str) -> (Option<usize>, String) {
    assert!(GOOD.contains(part), "`{part}` is not in the file");
    let error = parse(&GOOD.replace(part, replacement)).unwrap_err();
    (error.line(), error.problem().to_string())
}

#[test]
fn a_test_says_what_a_policy_hears() {
    let vectors = parse(GOOD).unwrap().0;
    assert_eq!(
        vectors.iter().map(|test| test.line).collect::<Vec<_>>(),
        [3, 8, 20]
    );
    let alice = &vectors[0].request;
    assert_eq!(alice.received_at, 1_767_225_600);
    assert_eq!(alice.identity.method.as_str(), "password");
    assert_eq!(alice.identity.principal.as_deref(), Some("alice"));
    assert_eq!(alice.client.user.as_deref(), Some("alice"));
    assert_eq!(alice.client.connection_type().unwrap().as_str(), "STANDARD");
    let bob = &vectors[1].request;
    assert_eq!(bob.received_at, 1_800_000_000);
    assert_eq!(vectors[1].fuel, Some(100_000));
    assert_eq!(bob.identity.method.as_str(), "oidc");
    assert_eq!(bob.identity.strength.as_str(), "proved");
    assert_eq!(bob.identity.claims.texts("a.b"), ["1", "x"]);
    assert_eq!(bob.identity.groups, ["ops"]);
    let certificate = bob.identity.certificate.as_ref().unwrap();
    assert_eq!(certificate.dns_names, ["bob.example"]);
    assert_eq!(bob.client.tls.as_ref().unwrap().version, "1.3");
    assert_eq!(bob.server.cluster.as_deref(), Some("c1"));
}

#[test]
fn what_is_wrong_with_a_test_file_is_named_with_its_line() {
    let (line, problem) = refusal_of("password =", "pasword =");
    assert_eq!(line, Some(4));
    assert_eq!(problem, "unknown field `pasword`, did you mean `password`?");
    let (line, problem) = refusal_of("abstain = true", "abstain = false");
    assert_eq!(line, Some(20));
    assert!(
        problem.starts_with("test `nobody`: it states no verdict: add one of"),
        "{problem}"
    );
    let (_, problem) = refusal_of("abstain = true", "abstain = true\ndeny = \"no\"");
    assert_eq!(
        problem,
        "test `nobody`: it states `deny` and `abstain`: a login has one verdict, so keep one of them"
    );
    let (line, problem) = refusal_of("name = \"nobody\"", "name = \" \"");
    assert_eq!(line, Some(20));
    assert_eq!(
        problem,
        "test ` `: `name` is empty: say what the test shows"
    );
    let (line, problem) = refusal_of("\"b\"", "\"b..c\"");
    assert_eq!(line, Some(5));
    assert!(problem.contains("`b..c`"), "{problem}");
    let (line, problem) = refusal_of("abstain = true", "may-publish = [\"a b\"]");
    assert_eq!(line, Some(22));
    assert!(problem.contains("may-publish: invalid"), "{problem}");
    let (_, problem) = refusal_of("\"oidc\"", "\"openid\"");
    assert!(
        problem.contains("identity.method: expected one of `password`"),
        "{problem}"
    );
    let (line, problem) = refusal_of("name = \"nobody\"", "name = \"alice\"");
    assert_eq!(line, Some(20));
    assert!(problem.contains("another of this name"), "{problem}");
    let (_, problem) = refusal_of(
        "[[tests]]\nname = \"nobody\"",
        "[[test]]\nname = \"nobody\"",
    );
    assert_eq!(problem, "unknown field `test`, did you mean `tests`?");
}

#[test]
fn a_value_of_the_wrong_kind_is_not_repeated() {
    let (line, problem) = refusal_of("now = 1800000000", "now = \"hunter2\"");
    let expected = "now: expected a whole number that is not negative, found a string";
    assert_eq!((line, problem.as_str()), (Some(9), expected));
    for (part, replacement, expected) in [
        (
            "password = \"secret\"",
            "password = 12345",
            "login.password: expected a string, found a whole number",
        ),
        (
            "now = 1800000000",
            "now = -1",
            "now: expected a whole number that is not negative, found a negative number",
        ),
        (
            "fuel = 100000",
            "fuel = 99999999999999999999",
            "fuel: expected a whole number that is not negative, found a larger number",
        ),
        (
            "\"ops\"",
            "\"ops\", 7",
            "login.identity.groups[1]: expected a string, found a whole number",
        ),
        (
            "permit = { account = \"APP\", ",
            "permit = { ",
            "permit: missing field `account`",
        ),
        (
            "[[tests]]\nname = \"alice\"",
            "[[tests]]",
            "missing field `name`",
        ),
    ] {
        assert_eq!(refusal_of(part, replacement).1, expected);
    }
}

#[test]
fn a_mistake_in_the_defaults_has_the_path_in_them() {
    let text = format!("[defaults]\nlogin = {{ client = {{ id = \"7\" }} }}\n{GOOD}");
    let error = parse(&text).unwrap_err();
    assert_eq!(error.line(), Some(2));
    assert_eq!(
        error.problem().to_string(),
        "defaults.login.client.id: expected a whole number that is not negative, found a string"
    );
}

#[test]
fn a_file_without_a_test_says_how_to_go_on() {
    for text in ["", "\u{feff}", "# none yet\r\n", "[defaults]\nnow = 1\n"] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.line(), None, "{text:?}");
        assert_eq!(
            error.problem().to_string(),
            "it has no test: add one under `[[tests]]`, or delete the file"
        );
    }
}

#[test]
fn claims_are_those_that_a_token_can_have() {
    let claims = "{ a = 18446744073709551615, b = 2026-01-02, c = [1.5] }";
    let tests = parse(&GOOD.replace(r#"{ a = { b = [1, "x"] } }"#, claims)).unwrap();
    let found = &tests.0[1].request.identity.claims;
    let values = ["a", "b", "c"].map(|name| found.texts(name).join(" "));
    assert_eq!(values, ["18446744073709551615", "2026-01-02", "1.5"]);
    let (line, problem) = refusal_of("\"x\"]", "nan]");
    assert_eq!(line, Some(14));
    assert_eq!(
        problem,
        "login.identity.claims.a.b[1]: `nan` and `inf` are no numbers of JSON: write a number, or leave the key out"
    );
}

#[test]
fn a_side_that_allows_nothing_differs_by_what_is_allowed_only() {
    let text = "[[tests]]\nname = \"t\"\nlogin = {}\npermit = { account = \"APP\" }\n";
    let expected = &parse(text).unwrap().0[0].expected;
    let permit = |subjects: &[&str]| {
        let mut permit = portcullis_core::Permit::builder("APP", 0);
        for subject in subjects {
            permit.publish_allow(subject);
        }
        permit.publish_deny("b");
        Ok(Verdict::Permit(permit.finish().unwrap()))
    };
    assert_eq!(
        expected.difference(permit(&["a"])).unwrap(),
        "publish allow: unexpected `a`, publish deny: unexpected `b`"
    );
    assert_eq!(expected.difference(permit(&[])), None);
}

#[test]
fn a_difference_says_what_is_missing_and_what_is_too_much() {
    let vectors = parse(GOOD).unwrap().0;
    let permit = |account: &str, subjects: &[&str], name: &str| {
        let mut permit = portcullis_core::Permit::builder(account, 0);
        for subject in subjects {
            permit.publish_allow(subject);
        }
        permit.user_name(name);
        Ok(Verdict::Permit(permit.finish().unwrap()))
    };
    let expected = &vectors[0].expected;
    assert_eq!(
        expected.difference(permit("APP", &["b", "a.>"], "alice")),
        None,
        "the order of subjects means nothing"
    );
    assert_eq!(
        expected
            .difference(permit("OPS", &["a.>", "c"], "bob"))
            .unwrap(),
        "account: expected `APP`, found `OPS`, publish allow: missing `b`, unexpected `c`, \
         user-name: expected `alice`, found `bob`"
    );
    assert_eq!(
        expected
            .difference(Ok(Verdict::Deny("no".to_owned())))
            .unwrap(),
        "expected a permit for account `APP`, found a deny because of `no`"
    );
    let failed = Err(EvaluationError::Fuel(10));
    assert_eq!(
        vectors[2].expected.difference(failed).unwrap(),
        "expected it to abstain, but the policy needed more than 10 units of fuel"
    );
}

#[test]
fn limits_are_compared_where_a_test_names_them() {
    let permit = |limits: &str| {
        let text = format!(
            "[[tests]]\nname = \"t\"\nlogin = {{}}\npermit = {{ account = \"APP\"{limits} }}\n"
        );
        parse(&text).map(|vectors| vectors.0.into_iter().next().unwrap().expected)
    };
    let found = || {
        let mut permit = portcullis_core::Permit::builder("APP", 0);
        permit.limit_subscriptions(10);
        Ok(Verdict::Permit(permit.finish().unwrap()))
    };
    assert_eq!(permit("").unwrap().difference(found()), None);
    let same = permit(", subscriptions = 10").unwrap();
    assert_eq!(same.difference(found()), None);
    let other = permit(", subscriptions = 9, payload = 4096").unwrap();
    assert_eq!(
        other.difference(found()).unwrap(),
        "subscriptions: expected `9`, found `10`, payload: expected `4096`, found nothing"
    );
    let none = permit(", payload = 0").unwrap_err().problem().to_string();
    assert!(none.contains("limit-payload: `0`"), "{none}");
}

#[test]
fn replies_are_compared_as_servers_apply_them_and_a_difference_says_what_to_write() {
    let difference = |stated: &str, found: Option<(u32, u64)>| {
        let text = format!(
            "[[tests]]\nname = \"t\"\nlogin = {{}}\npermit = {{ account = \"APP\"{stated} }}\n"
        );
        let mut permit = portcullis_core::Permit::builder("APP", 0);
        if let Some((max, milliseconds)) = found {
            permit.responses_allow(max, Duration::from_millis(milliseconds));
        }
        let permit = Ok(Verdict::Permit(permit.finish().unwrap()));
        parse(&text).unwrap().0[0].expected.difference(permit)
    };
    assert_eq!(
        difference("", Some((1, 0))).unwrap(),
        "responses: expected nothing, found `1 reply within 120s`; if the policy is right, the test's permit needs \
         `responses = { max = 1, ttl-ms = 120000 }`"
    );
    assert_eq!(
        difference(", responses = { max = 5, ttl-ms = 250 }", None).unwrap(),
        "responses: expected `5 replies within 250ms`, found nothing; if the policy is right, the test's permit needs \
         no `responses`"
    );
    // Zeroes stand for the server's defaults.
    assert_eq!(difference(", responses = {}", Some((1, 120_000))), None);
    assert_eq!(difference("", None), None);
}

/// Returns the problem of a login with this identity, without the constant prefix. `nkey = "U"`
/// stands for the key of a user.
fn identity_problem(login: &str) -> Option<String> {
    let user = PublicKey::from_bytes(KeyKind::User, [7; PublicKey::LEN]);
    let login = login.replace(r#"nkey = "U""#, &format!("nkey = \"{user}\""));
    let text = format!("[[tests]]\nname = \"t\"\nabstain = true\n[tests.login]\n{login}\n");
    let error = parse(&text).err()?.problem().to_string();
    let problem = error.strip_prefix("test `t`: login.identity: ");
    Some(problem.unwrap_or(&error).to_owned())
}

#[track_caller]
fn assert_identity_problems(cases: &[(&str, &str)]) {
    for (login, problem) in cases {
        let found = identity_problem(login).unwrap_or_default();
        assert!(found.contains(problem), "{login}: {found}");
    }
}

#[test]
fn a_login_whose_proof_cannot_be_is_an_error_of_the_file() {
    assert_identity_problems(&[
        (
            r#"identity = { method = "oidc", claims = { sub = "a" }, issuer = "https://idp" }"#,
            "the host takes a token only if it has verified it",
        ),
        (
            r#"identity = { method = "oidc", proved = true }"#,
            "a verified token has an issuer",
        ),
        (
            r#"identity = { method = "nkey", proved = true }"#,
            "an nkey is proved by",
        ),
        (
            r#"identity = { method = "nkey", nkey = "U" }"#,
            "an nkey is proved by",
        ),
        (
            r#"identity = { method = "certificate", proved = true }"#,
            "the method `certificate` needs",
        ),
        (
            "identity = { method = \"certificate\", proved = true }\ncertificate = { subject = \"CN=a\" }",
            "the method `certificate` needs",
        ),
        (
            "identity = { method = \"certificate\" }\ncertificate = { verified = true }",
            "the method `certificate` needs",
        ),
        (
            r#"identity = { method = "jwt", proved = true }"#,
            "a user JWT is proved by",
        ),
        (
            r#"identity = { method = "jwt", nkey = "U" }"#,
            "add `proved = true`",
        ),
        (
            r#"identity = { method = "jwt", issuer = "A" }"#,
            "has no issuer",
        ),
    ]);
}

#[test]
fn a_proved_nkey_or_a_server_that_is_no_key_of_its_kind_is_an_error_of_the_file() {
    let account = PublicKey::from_bytes(KeyKind::Account, [7; PublicKey::LEN]);
    let proved =
        |nkey: &str| format!(r#"identity = {{ method = "nkey", proved = true, nkey = "{nkey}" }}"#);
    let server = format!("server = {{ id = \"{account}\" }}");
    assert_identity_problems(&[
        (&proved("UABC"), "login.identity.nkey: not a public nkey"),
        (
            &proved(account.as_str()),
            "` is the key of account and not of a user",
        ),
        (&server, "` is the key of account and not of a server"),
        (
            "server = { id = \"N\" }",
            "login.server.id: not a public nkey",
        ),
    ]);
    assert_eq!(
        identity_problem("nkey = \"UABC\""),
        None,
        "a client presents any text"
    );
}

#[test]
fn a_login_with_an_unverified_fact_is_an_error_of_the_file() {
    assert_identity_problems(&[
        (
            r#"identity = { method = "jwt", proved = true, nkey = "U", tags = ["a:b"] }"#,
            "`tags` and `role` come from",
        ),
        (
            r#"identity = { method = "jwt", proved = true, nkey = "U", claims = { sub = "U" } }"#,
            "`claims` come from",
        ),
        (
            r#"identity = { method = "password", proved = true }"#,
            "nothing is proved with the method `password`",
        ),
        (
            r#"identity = { method = "token", proved = true }"#,
            "nothing is proved with the method `token`",
        ),
        (
            r#"identity = { method = "none", proved = true }"#,
            "nothing is proved with the method `none`",
        ),
        (
            r#"identity = { method = "token", claims = { sub = "a" } }"#,
            "`claims` come from",
        ),
        (
            r#"identity = { method = "password", groups = ["a"] }"#,
            "`groups` come from",
        ),
        (
            r#"identity = { method = "oidc", proved = true, issuer = "i", role = "r" }"#,
            "`tags` and `role` come from",
        ),
        (
            r#"identity = { method = "password", expires-at = 7 }"#,
            "only a token",
        ),
    ]);
}

#[test]
fn logins_of_every_kind_can_be() {
    for login in [
        r#"identity = { method = "oidc", proved = true, issuer = "i", claims = { sub = "a" }, groups = ["g"], expires-at = 1767225601 }"#,
        r#"identity = { method = "jwt", proved = true, issuer = "A", claims = { sub = "U" }, tags = ["a:b"], role = "r" }"#,
        r#"identity = { method = "jwt", proved = true, nkey = "U" }"#,
        r#"identity = { method = "jwt" }"#,
        r#"identity = { method = "nkey", proved = true, nkey = "U" }"#,
        r#"identity = { method = "nkey", principal = "U" }"#,
        r#"identity = { method = "password", nkey = "U" }"#,
        "username = \"alice\"",
        "certificate = { subject = \"CN=a\" }\nclient = { tls-version = \"1.3\" }",
        "identity = { method = \"certificate\", proved = true, issuer = \"CN=ca\" }\ncertificate = { verified = true, issuer = \"CN=ca\" }\nclient = { tls-version = \"1.3\" }",
        "identity = { method = \"password\", expires-at = 1767225601 }\ncertificate = { verified = true }\nclient = { tls-version = \"1.3\" }",
    ] {
        assert_eq!(identity_problem(login), None, "{login}");
    }
}

#[test]
fn a_client_with_a_verified_certificate_alone_is_its_subject() {
    let text = "[[tests]]\nname = \"t\"\nabstain = true\n[tests.login]\n\
                certificate = { verified = true, subject = \"CN=a\", issuer = \"CN=ca\" }\n\
                client = { tls-version = \"1.3\" }\n";
    let vectors = parse(text).unwrap().0;
    let identity = &vectors[0].request.identity;
    assert_eq!(identity.method.as_str(), "certificate");
    assert_eq!(identity.strength.as_str(), "proved");
    assert_eq!(identity.principal.as_deref(), Some("CN=a"));
    assert_eq!(identity.issuer.as_deref(), Some("CN=ca"));
}
