//! Tests with the scopes of overmindtech/connect.

use serde_json::json;

use super::*;

const FILE: &str = include_str!("../../examples/overmind.toml");

fn login(scope: &str) -> Verdict {
    let claims = json!({
        "sub": "auth0|7",
        "scope": scope,
        "https://api.overmind.tech/account-name": "acme",
    });
    decide(&policy(FILE), token(&claims))
}

fn permit() -> Permit {
    Permit::new("acme").with_user_name("auth0|7")
}

#[test]
fn what_scopes_permit_adds_up_in_the_account_of_the_token() {
    let questions = [
        "request.all",
        "request.scope.>",
        "cancel.all",
        "cancel.scope.>",
    ];
    let both = permit()
        .allow_publish(questions)
        .allow_publish(["return.>"])
        .allow_subscribe(["return.>", "_INBOX.>"])
        .allow_subscribe(questions);
    assert_eq!(login("openid request:send  request:receive"), both.into());
    assert_eq!(
        login("gateway:stream"),
        permit().allow_subscribe(["gateway.auth0%7C7.>"]).into()
    );
    let admin = permit().allow_publish([">"]).allow_subscribe([">"]);
    assert_eq!(login("admin:write admin:read"), admin.into());
}

#[test]
fn no_scope_and_no_account_are_refused() {
    let reason = "no mapped scope: `scope` has only values that are no scope of the settings";
    assert_eq!(login("openid"), Verdict::deny(reason));
    for account in [json!(null), json!("")] {
        let claims = json!({
            "sub": "s",
            "scope": "request:send",
            "https://api.overmind.tech/account-name": account,
        });
        assert_eq!(
            decide(&policy(FILE), token(&claims)),
            Verdict::deny(
                "account: the login has no `claim.https://api.overmind.tech/account-name`"
            )
        );
    }
}
