//! `portcullis access preview`.

use serde_json::json;

use crate::site::{PASSWORD, Site};

/// The login of every test here.
const PREVIEW: [&str; 6] = [
    "access",
    "preview",
    "--user",
    "alice",
    "--password",
    PASSWORD,
];

#[test]
fn a_preview_tells_the_rights_and_the_inbox_prefix() {
    let profile =
        "publish = { allow = [\"app.>\"], deny = [\"app.x\"] }\nintents = { private-inbox = true }";
    let site = Site::with_alice("", profile);
    let shown = site.run(&PREVIEW);
    shown.expect(
        0,
        &[
            "permit: account `APP`, by policy `users` (generation 1)\n",
            "publish: `app.>`\n  apart from `app.x`\n",
            "subscribe: `_INBOX.alice.>`\n",
            "inbox prefix: `_INBOX.alice`\n",
            "nats --inbox-prefix=_INBOX.alice\n",
        ],
    );
    assert!(!shown.stdout.contains("user JWT"), "{shown:?}");
    let json = site.run(&[&PREVIEW[..], &["--json"]].concat()).json();
    assert_eq!(
        json["access"]["inbox-prefixes"],
        json!(["_INBOX.alice"]),
        "{json}"
    );
    assert_eq!(
        json["access"]["publish"]["deny"],
        json!(["app.x"]),
        "{json}"
    );
}

#[test]
fn a_login_without_an_inbox_and_one_with_every_inbox_are_told_apart() {
    let none = Site::with_alice("", "publish = { allow = [\"app.>\"] }");
    none.run(&PREVIEW)
        .expect(0, &["subscribe: nothing\n", "inbox prefix: none; "]);
    let any = Site::with_alice("", "subscribe = { allow = [\"_INBOX.>\"] }");
    any.run(&PREVIEW).expect(0, &["inbox prefix: any; "]);
}

#[test]
fn a_denied_login_has_no_access() {
    let site = Site::with_alice("", "publish = { allow = [\"app.>\"] }");
    let denied = site.run(&["access", "preview", "--user", "alice"]);
    denied.expect(
        82,
        &["deny: policy-denied: wrong password, by policy `users`"],
    );
    assert!(!denied.stdout.contains("inbox"), "{denied:?}");
}
