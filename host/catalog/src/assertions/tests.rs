use super::*;

const GOOD: &str = r#"
[defaults.login]
server = { version = "2.15.1" }

[logins.alice]
username = "alice"

[logins.shop]
username = "shop"
server = { name = "s1" }

[[assertions]]
name = "alice reads her orders"
logins = ["alice"]
account = "APP"
may-subscribe = ["orders.alice.>"]

[[assertions]]
name = "only the shop writes orders"
only = ["shop"]
may-publish = ["orders.>"]
"#;

fn parse(text: &str) -> Result<Content, UnitError> {
    Content::parse(Path::new("assertions.toml"), text.as_bytes())
}

#[test]
fn logins_share_the_defaults() {
    let content = parse(GOOD).unwrap();
    let lines: Vec<_> = content.assertions.iter().map(|one| one.line).collect();
    assert_eq!(lines, [13, 19]);
    let servers = content
        .logins
        .iter()
        .map(|(_, login)| &login.request.server);
    let servers: Vec<_> = servers
        .map(|one| (&*one.name, one.version.as_deref()))
        .collect();
    assert_eq!(servers, [("", Some("2.15.1")), ("s1", Some("2.15.1"))]);
}

/// Parts of [`GOOD`], what replaces them, and the line and the problem that are told then.
const MISTAKES: [(&str, &str, usize, &str); 16] = [
    (
        "only = [\"shop\"]",
        "only = [\"shoop\"]",
        19,
        "there is no `[logins.shoop]`",
    ),
    (
        "may-publish",
        "may-publihs",
        21,
        "unknown field `may-publihs`",
    ),
    (
        "orders.>\"",
        "orders..x\"",
        21,
        "may-publish: invalid subject `orders..x`",
    ),
    ("only = [\"shop\"]\n", "", 19, "expected one of `logins"),
    (
        "logins = [\"alice\"]",
        "logins = []",
        13,
        "expected one of `logins",
    ),
    (
        "account = \"APP\"",
        "denied = true",
        13,
        "a login that is denied",
    ),
    (
        "may-publish",
        "may-not-publish",
        19,
        "`only` goes with `may-publish`",
    ),
    (
        "account = \"APP\"\nmay-subscribe = [\"orders.alice.>\"]",
        "",
        13,
        "it claims nothing",
    ),
    (
        "username = \"alice\"",
        "usrname = \"alice\"",
        6,
        "unknown field `usrname`, did you mean `username`?",
    ),
    (
        "username = \"alice\"",
        "identity = { method = \"oidc\", claims = { a = inf } }",
        6,
        "login.identity.claims.a: `nan` and `inf` are no numbers of JSON",
    ),
    (
        "username = \"alice\"",
        "identity = { method = \"password\", claims = { a = 1 } }",
        6,
        "login `alice`: login.identity: `claims` come from",
    ),
    (
        "name = \"only the shop writes orders\"",
        "name = \"alice reads her orders\"",
        19,
        "assertion `alice reads her orders`: there is another of this name",
    ),
    (
        "name = \"only the shop writes orders\"",
        "name = \" \"",
        19,
        "assertion ` `: `name` is empty",
    ),
    (
        "only = [\"shop\"]",
        "only = \"shop\"",
        20,
        "only: expected a list, found a string",
    ),
    (
        "server = { name = \"s1\" }",
        "server = { name = 1 }",
        10,
        "logins.shop.server.name: expected a string, found a whole number",
    ),
    (
        "[defaults.login]",
        "[defaults.logins]",
        2,
        "`defaults` may only have a table `login`",
    ),
];

#[test]
fn a_mistake_is_named_with_its_line() {
    for (part, replacement, line, problem) in MISTAKES {
        assert!(GOOD.contains(part), "{part}");
        let error = parse(&GOOD.replacen(part, replacement, 1)).unwrap_err();
        assert_eq!(error.line(), Some(line), "{replacement}: {error}");
        assert!(error.problem().to_string().contains(problem), "{error}");
    }
}

fn permit(account: &str, publish: &[&str]) -> Decided {
    let mut permit = Permit::builder(account, 0);
    for subject in publish {
        permit.publish_allow(subject);
    }
    let permit = permit.finish();
    permit
        .map(|permit| HeldPermit {
            permit,
            account: account.to_owned(),
            filter: DenyFilter::Overlapping,
        })
        .map_err(|problems| Denial::new(DenialClass::InvalidPermit, format!("{problems:?}")))
}

fn denied() -> Decided {
    Err(Denial::new(DenialClass::PolicyDenied, "no"))
}

/// Returns the difference of the first assertion in `text` about the login `alice`.
fn difference(assertion: &str, decided: &Decided) -> Option<String> {
    let text = format!("[logins.alice]\n[logins.shop]\n[[assertions]]\nname = \"a\"\n{assertion}");
    let content = parse(&text).unwrap();
    content.assertions[0].claim.difference("alice", decided)
}

#[test]
fn a_claim_about_a_login_holds_or_says_why_not() {
    let may = "logins = [\"alice\"]\naccount = \"APP\"\nmay-publish = [\"a\"]";
    assert_eq!(difference(may, &permit("APP", &["a"])), None);
    assert_eq!(
        difference(may, &permit("APP", &["b"])).unwrap(),
        "it may not publish `a`"
    );
    assert_eq!(
        difference(may, &permit("OPS", &["a"])).unwrap(),
        "it is in account `OPS` and not in `APP`"
    );
    assert_eq!(difference(may, &denied()).unwrap(), "it is denied: no");
    let may_not = "logins = [\"alice\"]\nmay-not-publish = [\"a\"]";
    assert_eq!(difference(may_not, &denied()), None);
    assert_eq!(
        difference(may_not, &permit("APP", &[">"])).unwrap(),
        "it may publish `a`"
    );
    let is_denied = "logins = [\"alice\"]\ndenied = true";
    assert_eq!(difference(is_denied, &denied()), None);
    assert_eq!(
        difference(is_denied, &permit("APP", &[])).unwrap(),
        "it is permitted, in account `APP`"
    );
    let of_shop = "logins = [\"shop\"]\nmay-publish = [\"a\"]";
    assert_eq!(difference(of_shop, &denied()), None);
}

#[test]
fn an_exhaustive_claim_is_about_every_other_login_of_the_account() {
    let only = |account: &str| format!("only = [\"shop\"]\n{account}\nmay-publish = [\"a.>\"]");
    assert_eq!(
        difference(&only(""), &permit("APP", &["a.b"])).unwrap(),
        "it may publish `a.b` (of `a.>`), and is not among `shop`"
    );
    assert_eq!(
        difference(&only("account = \"OPS\""), &permit("APP", &["a.b"])),
        None
    );
    assert_eq!(difference(&only(""), &permit("APP", &["b"])), None);
    assert_eq!(difference(&only(""), &denied()), None);
    assert_eq!(
        difference("only = []\nmay-publish = [\"a\"]", &permit("APP", &["a"])).unwrap(),
        "it may publish `a`, and `only` lists no login"
    );
    let of_alice = "only = [\"alice\"]\nmay-publish = [\"a.>\"]";
    assert_eq!(difference(of_alice, &permit("APP", &["a.b"])), None);
}
