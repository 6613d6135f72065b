//! Logins that no client makes, each with the message and the line of the value at fault.

use std::path::Path;

use portcullis_core::{KeyKind, PublicKey};

use crate::policy_tests::PolicyTests;

/// The lines of every file before those of the login.
const HEAD: &str = "[[tests]]\nname = \"t\"\nabstain = true\n[tests.login]\n";

/// Returns the line, the path and the message of the problem of a login. `U` stands for the key of
/// a user, and `V` for that of another one. `None` if the login is possible.
fn problem(login: &str) -> Option<(usize, String, String)> {
    let key = |byte| PublicKey::from_bytes(KeyKind::User, [byte; PublicKey::LEN]);
    let login = login.replace(r#""U""#, &format!("\"{}\"", key(7)));
    let login = login.replace(r#""V""#, &format!("\"{}\"", key(8)));
    let text = format!("{HEAD}{login}\n");
    let error = PolicyTests::parse(Path::new("p.tests.toml"), text.as_bytes()).err()?;
    let message = error.problem().to_string();
    let problem = message.strip_prefix("test `t`: login.").unwrap_or(&message);
    let (path, problem) = problem.split_once(": ").unwrap();
    // The login begins at line 5.
    Some((
        error.line().unwrap() - 4,
        path.to_owned(),
        problem.to_owned(),
    ))
}

/// Checks the line in the login, the path and a part of the message.
#[track_caller]
fn refused(login: &str, line: usize, path: &str, part: &str) {
    let (found_line, found_path, message) = problem(login).unwrap_or_default();
    assert_eq!(
        (found_line, found_path.as_str()),
        (line, path),
        "{login}: {message}"
    );
    assert!(message.contains(part), "{login}: {message}");
}

/// A token at the first second of 2026, the default time of tests.
fn token(fields: &str, claims: &str) -> String {
    format!(
        "identity.method = \"oidc\"\nidentity.proved = true\nidentity.issuer = \"https://idp\"\n{fields}\n\
         [tests.login.identity.claims]\n{claims}"
    )
}

#[test]
fn the_issuer_of_a_token_is_its_iss() {
    let iss = "identity.claims.iss";
    refused(
        &token("", "sub = \"a\"\niss = \"https://other\""),
        7,
        iss,
        "the issuer of the identity is `https://idp`, and the host takes it from this claim",
    );
    refused(&token("", "iss = 7"), 6, iss, "write the same in both");
    assert_eq!(problem(&token("", "iss = \"https://idp\"")), None);
}

#[test]
fn a_spiffe_id_is_in_the_trust_domain_that_issued_it() {
    let svid = |subject: &str| {
        token("", &format!("sub = \"{subject}\"\niss = \"anyone\""))
            .replace("https://idp", "spiffe://a.org")
    };
    assert_eq!(problem(&svid("spiffe://a.org/web")), None);
    for other in [
        "spiffe://b.org/web",
        "spiffe://a.org",
        "spiffe://a.orgs/web",
        "web",
    ] {
        refused(
            &svid(other),
            6,
            "identity.claims.sub",
            "a SPIFFE id of `spiffe://a.org`",
        );
    }
}

#[test]
fn the_principal_of_a_token_is_one_of_its_claims() {
    let login = |principal: &str, claims: &str| {
        token(&format!("identity.principal = \"{principal}\""), claims)
    };
    refused(
        &login("eve", "sub = \"7\"\nname = [\"alice\"]"),
        4,
        "identity.principal",
        "no claim is `eve`, and the principal of a token is one of its claims",
    );
    for claims in [
        "sub = \"eve\"",
        "sub = \"7\"\nuser = { name = [\"eve\"] }",
        "team = \"x\"",
    ] {
        assert_eq!(problem(&login("eve", claims)), None, "{claims}");
    }
    assert_eq!(problem(&login("7", "sub = 7")), None);
}

#[test]
fn an_audience_is_a_text_or_texts() {
    let aud = "identity.claims.aud";
    for wrong in ["7", "[1]", "{ a = 1 }"] {
        refused(
            &token("", &format!("aud = {wrong}")),
            6,
            aud,
            "a text, or a list of texts",
        );
    }
    for right in ["\"nats\"", "[\"nats\", \"web\"]"] {
        assert_eq!(
            problem(&token("", &format!("aud = {right}"))),
            None,
            "{right}"
        );
    }
}

#[test]
fn a_token_is_valid_at_the_time_of_the_login() {
    let (exp, nbf) = ("identity.claims.exp", "identity.claims.nbf");
    let ended = token("identity.expires-at = 1767220000", "exp = 1767220000");
    refused(
        &ended,
        6,
        exp,
        "refuses a token after its end, and `now` of the login is 1767225600",
    );
    refused(
        &token("", "nbf = 1767300000"),
        6,
        nbf,
        "write an earlier `nbf`, or a later `now`",
    );
    refused(
        &token("", "iat = 1767300000"),
        6,
        "identity.claims.iat",
        "an earlier `iat`",
    );
    refused(
        &token("", "exp = 1767229200000"),
        6,
        exp,
        "the host takes it for milliseconds",
    );
    refused(&token("", "exp = \"soon\""), 6, exp, "seconds since 1970");
    refused(&token("", "nbf = -1"), 6, nbf, "seconds since 1970");
    let ended = token("identity.expires-at = 1767225599", "sub = \"a\"");
    refused(
        &ended,
        4,
        "identity.expires-at",
        "refuses credentials after their end",
    );
    // An issuer may have an hour of leeway, which also ends such a login later.
    let late = token(
        "identity.expires-at = 1767225630",
        "exp = 1767225600\nnbf = 1767225660",
    );
    assert_eq!(problem(&late), None);
}

#[test]
fn a_login_ends_with_its_token() {
    let end = "identity.expires-at";
    refused(
        &token("", "exp = 1767229200.5"),
        6,
        "identity.claims.exp",
        "write `expires-at = 1767229200` next to the claims",
    );
    for other in [1_767_229_201, 1_767_229_199] {
        let login = token(
            &format!("identity.expires-at = {other}"),
            "exp = 1767229200",
        );
        refused(
            &login,
            4,
            end,
            "whose `exp` is 1767229200: write the same in both",
        );
    }
    assert_eq!(
        problem(&token(
            "identity.expires-at = 1767229200",
            "exp = 1767229200"
        )),
        None
    );
    // A certificate ends it earlier.
    let certificate = "identity.expires-at = 1767229000\nclient.tls-version = \"1.3\"\n\
                       certificate = { verified = true, not-after = 1767229000 }";
    assert_eq!(problem(&token(certificate, "exp = 1767229200")), None);
}

#[test]
fn a_user_jwt_is_its_principals_and_its_accounts() {
    let jwt = |principal: &str, claims: &str| {
        format!(
            "identity.method = \"jwt\"\nidentity.proved = true\nidentity.issuer = \"A\"\n\
             identity.principal = \"{principal}\"\nidentity.nkey = \"U\"\n\
             [tests.login.identity.claims]\n{claims}"
        )
    };
    refused(
        &jwt("V", "sub = \"V\""),
        4,
        "identity.principal",
        "the nkey that the client has proved",
    );
    refused(
        &jwt("U", "sub = \"V\""),
        7,
        "identity.claims.sub",
        "is its subject",
    );
    refused(
        &jwt("U", "iss = \"B\""),
        7,
        "identity.claims.iss",
        "the identity is `A`",
    );
    let signing_key = "iss = \"B\"\nsub = \"U\"\nnats = { issuer_account = \"A\" }";
    for possible in [
        "iss = \"A\"",
        signing_key,
        "exp = 0\nnbf = 0\niat = 1767300000",
    ] {
        assert_eq!(problem(&jwt("U", possible)), None, "{possible}");
    }
    refused(
        "identity = { method = \"jwt\", principal = \"U\" }",
        1,
        "identity.principal",
        "a user JWT without a proof names no principal",
    );
}

#[test]
fn the_credentials_have_the_stated_method() {
    let method = "identity.method";
    for (login, part) in [
        (
            "token = \"x\"\nidentity = { method = \"password\" }",
            "that presents `token`",
        ),
        (
            "token = \"x\"\nidentity = { method = \"jwt\" }",
            "that presents `token`",
        ),
        (
            "jwt = \"x\"\npassword = \"y\"\nidentity = { method = \"jwt\" }",
            "presents `password`",
        ),
        (
            "jwt = \"x\"\nidentity = { method = \"nkey\" }",
            "that presents `jwt`",
        ),
        (
            "username = \"x\"\nidentity = { method = \"none\" }",
            "that presents `username`",
        ),
        (
            "nkey = \"x\"\nidentity = { method = \"none\" }",
            "that presents `nkey`",
        ),
        (
            "password = \"x\"\nidentity = { method = \"none\" }",
            "that presents `password`",
        ),
    ] {
        refused(login, login.lines().count(), method, part);
    }
    for possible in [
        // Records have no secrets.
        "username = \"x\"\nidentity = { method = \"token\" }",
        "username = \"x\"\nidentity = { method = \"oidc\", proved = true, issuer = \"i\" }",
        "nkey = \"x\"\nidentity = { method = \"jwt\" }",
        "nkey = \"x\"\nusername = \"y\"\nidentity = { method = \"password\", principal = \"y\" }",
        "jwt = \"x\"\npassword = \"x\"\nidentity = { method = \"jwt\" }",
    ] {
        assert_eq!(problem(possible), None, "{possible}");
    }
}

#[test]
fn the_principal_is_what_the_client_presents() {
    let principal = "identity.principal";
    for (login, part) in [
        (
            "username = \"alice\"\nidentity = { method = \"password\", principal = \"bob\" }",
            "the principal of a password is the user name",
        ),
        (
            "password = \"x\"\nidentity = { method = \"password\", principal = \"bob\" }",
            "the principal of a password is the user name",
        ),
        (
            "token = \"x\"\nidentity = { method = \"token\", principal = \"bob\" }",
            "the method `token` names no principal",
        ),
        (
            "nkey = \"U\"\nidentity = { method = \"nkey\", principal = \"V\" }",
            "the principal of an nkey is the nkey",
        ),
        (
            "\nidentity = { method = \"nkey\", proved = true, nkey = \"U\", principal = \"V\" }",
            "the nkey that the client has proved",
        ),
    ] {
        refused(login, 2, principal, part);
    }
}

#[test]
fn a_certificate_comes_over_tls() {
    refused(
        "certificate = { subject = \"CN=a\" }",
        1,
        "certificate",
        "comes over TLS: add",
    );
    refused(
        "client = { tls-cipher = \"TLS_AES_128_GCM_SHA256\" }",
        1,
        "client.tls-cipher",
        "a cipher belongs to TLS",
    );
    refused(
        "client = { mqtt-id = \"x\" }",
        1,
        "client.mqtt-id",
        "only an MQTT client has it",
    );
    assert_eq!(
        problem("client = { mqtt-id = \"x\", transport = \"mqtt\" }"),
        None
    );
}

/// A login with a verified certificate over TLS.
fn certificate(fields: &str, identity: &str) -> String {
    format!(
        "client = {{ tls-version = \"1.3\" }}\ncertificate = {{ verified = true, subject = \"CN=a\", issuer = \"CN=ca\"{fields} }}\n\
         {identity}"
    )
}

#[test]
fn an_identity_by_certificate_is_that_of_the_certificate() {
    let proved = |more: &str| {
        certificate(
            "",
            &format!("identity = {{ method = \"certificate\", proved = true{more} }}"),
        )
    };
    assert_eq!(
        problem(&proved(", principal = \"CN=a\", issuer = \"CN=ca\"")),
        None
    );
    let other = proved(", principal = \"CN=b\"");
    refused(
        &other,
        3,
        "identity.principal",
        "its `spiffe-id`, else its `subject`",
    );
    refused(
        &proved(", issuer = \"CN=b\""),
        3,
        "identity.issuer",
        "that of the certificate",
    );
    let none = certificate("", "identity = { method = \"none\" }");
    refused(&none, 3, "identity.method", "has the method `certificate`");
    let uris = certificate(
        ", spiffe-id = \"spiffe://a\", uri-names = [\"spiffe://a\", \"b:c\"]",
        "",
    );
    refused(
        &uris,
        2,
        "certificate.spiffe-id",
        "the only URI of its certificate",
    );
}

#[test]
fn a_verified_certificate_is_valid_and_ends_the_login() {
    let (before, after) = (", not-after = 1767220000", ", not-before = 1767300000");
    refused(
        &certificate(before, ""),
        2,
        "certificate.not-after",
        "ended before the `now`",
    );
    refused(
        &certificate(after, ""),
        2,
        "certificate.not-before",
        "begins after the `now`",
    );
    let ends = ", not-after = 1767229200";
    // Without a stated identity, the end is that of the certificate.
    assert_eq!(problem(&certificate(ends, "")), None);
    let password = "username = \"a\"\nidentity = { method = \"password\", principal = \"a\" }";
    let end = "identity.expires-at";
    refused(
        &certificate(ends, password),
        4,
        end,
        "write `expires-at = 1767229200`",
    );
}

#[test]
fn the_end_of_a_certificate_that_a_test_states_is_the_end_of_its_login() {
    let text = format!("{HEAD}{}\n", certificate(", not-after = 1767229200", ""));
    let tests = PolicyTests::parse(Path::new("p.tests.toml"), text.as_bytes()).unwrap();
    let (_, login) = &tests.logins()[0];
    assert_eq!(login.request.identity.expires_at, Some(1_767_229_200));
}

#[test]
fn a_value_of_the_defaults_is_at_fault_where_it_stands() {
    let text = "[defaults]\nnow = 1800000000\n\n[defaults.login.identity]\nmethod = \"oidc\"\nproved = true\n\
                issuer = \"https://idp\"\nclaims = { iss = \"https://other\" }\n\n\
                [[tests]]\nname = \"t\"\nlogin = {}\nabstain = true\n";
    let error = PolicyTests::parse(Path::new("p.tests.toml"), text.as_bytes()).unwrap_err();
    assert_eq!(error.line(), Some(8));
}
