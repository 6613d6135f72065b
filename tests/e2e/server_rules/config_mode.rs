//! Responses in config mode.

use nkeys::KeyPair;
use serde_json::{Value, json};

use super::Case;
use super::draft::Draft;
use super::mint::Signing;
use super::servers::stranger;
use super::times::times;

const HOUR: u64 = 3600;

/// A case that sets a field of the user JWT under `nats`.
macro_rules! user {
    ($name:literal, $field:literal, $value:expr) => {
        Case {
            name: $name,
            edit: |draft, _, _| draft.user_nats($field, json!($value)),
        }
    };
}

macro_rules! case {
    ($name:literal, |$draft:ident, $world:pat_param, $facts:pat_param| $edit:expr) => {
        Case {
            name: $name,
            edit: |$draft, $world, $facts| $edit,
        }
    };
}
pub(super) use {case, user};

pub(super) fn cases() -> Vec<Case> {
    [
        responses(),
        tokens(),
        users(),
        permissions(),
        limits(),
        times(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn responses() -> Vec<Case> {
    vec![
        case!("good", |_draft, _, _| ()),
        case!("an error", |draft, _, _| draft.deny("no such luck")),
        case!("an error of another issuer", |draft, world, _| {
            draft.deny("no such luck");
            draft.sign_response(&world.other);
        }),
        case!("nothing", |draft, _, _| draft.instead = Some("")),
        case!("garbage", |draft, _, _| draft.instead = Some("x.y.z")),
        case!("about no user", |draft, _, _| draft.response["sub"] =
            json!("x")),
        case!("about another user", |draft, _, _| {
            draft.response["sub"] = json!(KeyPair::new_user().public_key());
        }),
        case!("for no server", |draft, _, _| draft.response["aud"] =
            json!("APP")),
        case!("for another server", |draft, _, _| {
            draft.response["aud"] = json!(KeyPair::new_server().public_key());
        }),
        case!("user and error", |draft, _, _| draft
            .response_nats("error", json!("no"))),
        case!("user and empty error", |draft, _, _| draft
            .response_nats("error", json!(""))),
        case!("neither user nor error", |draft, _, _| draft.has_user =
            false),
        case!("issuer account that is none", |draft, _, _| {
            draft.response_nats("issuer_account", json!("APP"));
        }),
        case!("issuer account of the response", |draft, _, _| {
            draft.response_nats("issuer_account", json!(stranger()));
        }),
        case!("expired", |draft, _, facts| draft.response["exp"] =
            json!(facts.now - 10)),
        case!("expires later", |draft, _, facts| draft.response["exp"] =
            json!(facts.now + HOUR)),
        case!("not yet", |draft, _, facts| draft.response["nbf"] =
            json!(facts.now + HOUR)),
        case!("of another issuer", |draft, world, _| draft
            .sign_response(&world.other)),
        case!("of a user", |draft, world, _| draft
            .sign_response(&world.user)),
    ]
}

fn tokens() -> Vec<Case> {
    vec![
        case!("of another kind", |draft, _, _| draft
            .response_nats("type", json!("user"))),
        case!("of an unknown kind", |draft, _, _| draft
            .response_nats("type", json!("x"))),
        case!("without version", |draft, _, _| draft
            .response_nats("version", Value::Null)),
        case!("of version 3", |draft, _, _| draft
            .response_nats("version", json!(3))),
        case!("of version 1", |draft, _, _| draft
            .response_nats("version", json!(1))),
        case!("of version 1, signed so", |draft, _, _| {
            draft.response_nats("version", json!(1));
            draft.response_signing = Signing::First;
        }),
        case!("without version, signed as version 1", |draft, _, _| {
            draft.response_nats("version", Value::Null);
            draft.response_signing = Signing::First;
        }),
        case!("the kind where version 1 has it", |draft, _, _| {
            draft.response["type"] = json!("authorization_response");
            draft.response_signing = Signing::First;
        }),
        case!("version 2, signed as version 1", |draft, _, _| {
            draft.response_signing = Signing::First;
        }),
        case!("signature of something else", |draft, _, _| {
            draft.response_signing = Signing::Broken;
        }),
        case!("old algorithm, odd case", |draft, _, _| {
            draft.header = r#"{"alg":"ED25519","typ":"jwt"}"#;
        }),
        case!("no algorithm", |draft, _, _| draft.header =
            r#"{"alg":"none","typ":"JWT"}"#),
        case!("another type of header", |draft, _, _| {
            draft.header = r#"{"alg":"ed25519-nkey","typ":"JWE"}"#;
        }),
        case!("user: signature of something else", |draft, _, _| {
            draft.user_signing = Signing::Broken;
        }),
        case!("user: of another kind", |draft, _, _| draft
            .user_nats("type", json!("account"))),
        case!("user: without version", |draft, _, _| draft
            .user_nats("version", Value::Null)),
        case!(
            "user: without version, signed as version 1",
            |draft, _, _| {
                draft.user_nats("version", Value::Null);
                draft.user_signing = Signing::First;
            }
        ),
        case!("user: of version 1", |draft, _, _| {
            draft.user["type"] = json!("user");
            draft.user_signing = Signing::First;
        }),
        case!(
            "user: of version 1, with limits that it had not",
            |draft, _, _| {
                draft.user["type"] = json!("user");
                draft.user_nats("allowed_connection_types", json!(["x"]));
                draft.user_nats("proxy_required", json!(true));
                draft.user_nats("issuer_account", json!(stranger()));
                draft.user_signing = Signing::First;
            }
        ),
        case!("user: of version 1, with issuer account", |draft, _, _| {
            draft.user["type"] = json!("user");
            draft.user["issuer_account"] = json!(stranger());
            draft.user_signing = Signing::First;
        }),
    ]
}

fn users() -> Vec<Case> {
    vec![
        case!("user: named", |draft, _, _| draft.user["name"] =
            json!("Alice <1>")),
        case!("user: of a user", |draft, world, _| draft
            .sign_user(&world.user)),
        case!("user: of another issuer", |draft, world, _| draft
            .sign_user(&world.other)),
        case!("user: another user", |draft, _, _| {
            draft.user["sub"] = json!(KeyPair::new_user().public_key());
        }),
        case!("user: no account", |draft, _, _| draft.user["aud"] =
            Value::Null),
        case!("user: unknown account", |draft, _, _| draft.user["aud"] =
            json!("NONE")),
        case!("user: system account", |draft, _, _| draft.user["aud"] =
            json!("SYS")),
        case!("user: callout account", |draft, _, _| draft.user["aud"] =
            json!("AUTH")),
        case!("user: global account", |draft, _, _| draft.user["aud"] =
            json!("$G")),
        case!("user: expired", |draft, _, facts| draft.user["exp"] =
            json!(facts.now - 10)),
        case!("user: expires", |draft, _, facts| draft.user["exp"] =
            json!(facts.now + HOUR)),
        case!("user: never expires", |draft, _, _| draft.user["exp"] =
            json!(0)),
        case!("user: not yet", |draft, _, facts| draft.user["nbf"] =
            json!(facts.now + HOUR)),
        case!("user: made later", |draft, _, facts| draft.user["iat"] =
            json!(facts.now + HOUR)),
        case!("user: issuer account", |draft, world, _| {
            draft.user_nats("issuer_account", json!(world.issuer.public_key()));
        }),
        user!("user: issuer account that is none", "issuer_account", "APP"),
        user!("user: empty issuer account", "issuer_account", ""),
        user!("user: unknown field", "later", json!({ "a": [1] })),
        case!("user: expires now", |draft, _, facts| draft.user["exp"] =
            json!(facts.now + 1)),
        case!("user: expires in 300 years", |draft, _, facts| draft.user
            ["exp"] =
            json!(facts.now + 300 * 365 * 24 * HOUR)),
        case!("user: expires in 600 years", |draft, _, facts| draft.user
            ["exp"] =
            json!(facts.now + 600 * 365 * 24 * HOUR)),
        case!("user: nested as deeply as Go reads", |draft, _, _| nest(
            draft, 9_998
        )),
        case!("user: nested more deeply", |draft, _, _| nest(draft, 9_999)),
        case!("user: a list of claims", |draft, _, _| draft.user["nats"] =
            json!([])),
    ]
}

/// Adds nested lists to a field of the user JWT that the server does not read.
fn nest(draft: &mut Draft<'_>, levels: usize) {
    draft.user_nats("later", json!("nested"));
    draft.nested = levels;
}

/// Returns a rule that allows asking for the user's own permissions, and `more`.
fn rule(more: &[&str], deny: &[&str]) -> Value {
    let allow: Vec<_> = ["$SYS.REQ.USER.INFO", "_INBOX.>"]
        .iter()
        .chain(more)
        .collect();
    json!({ "allow": allow, "deny": deny })
}

fn permissions() -> Vec<Case> {
    vec![
        user!("pub: some", "pub", rule(&["a.*", "b.>"], &["a.b"])),
        user!(
            "sub: some, with queue",
            "sub",
            rule(&["jobs workers", "a.>"], &["a.b q.>"])
        ),
        user!(
            "pub: empty lists",
            "pub",
            json!({ "allow": [], "deny": [] })
        ),
        user!("pub: nothing", "pub", Value::Null),
        user!(
            "pub: null lists",
            "pub",
            json!({ "allow": null, "deny": null })
        ),
        user!("pub: empty token", "pub", rule(&["a..b"], &[])),
        user!("pub: begins with a dot", "pub", rule(&[".a"], &[])),
        user!("pub: ends with a dot", "pub", rule(&[], &["a."])),
        user!("pub: empty", "pub", rule(&[""], &[])),
        user!("pub: queue", "pub", rule(&["jobs workers"], &[])),
        user!("pub: denied queue", "pub", rule(&[], &["jobs workers"])),
        user!("sub: two queues", "sub", rule(&["a b c"], &[])),
        user!("sub: empty queue", "sub", rule(&["a "], &[])),
        user!("sub: empty", "sub", rule(&[], &[""])),
        user!("sub: odd queue", "sub", rule(&["a b..c"], &[])),
        user!("sub: a wildcard too early", "sub", rule(&["a.>.b"], &[])),
        user!("resp: in words", "resp", json!({ "max": 1, "ttl": "2m" })),
        user!(
            "resp: numbers",
            "resp",
            json!({ "max": 2, "ttl": 5_000_000_000_u64 })
        ),
        user!("resp: negative", "resp", json!({ "max": -1, "ttl": -1 })),
        user!("resp: null", "resp", Value::Null),
        user!("resp: a list", "resp", json!([])),
        user!("pub: a list", "pub", json!([["a"]])),
        user!("resp: fractions", "resp", json!({ "max": 1.5, "ttl": 1 })),
    ]
}

fn limits() -> Vec<Case> {
    vec![
        user!("src: elsewhere", "src", ["192.0.2.0/24"]),
        user!("src: here", "src", ["192.0.2.0/24", "127.0.0.0/8"]),
        user!(
            "times: a list of lists",
            "times",
            json!([["08:00:00", "09:00:00"]])
        ),
        user!(
            "types: this one",
            "allowed_connection_types",
            ["standard", "MQTT"]
        ),
        user!("src: host bits", "src", ["192.0.2.7/24", "2001:db8::1/32"]),
        user!("src: an address", "src", ["192.0.2.7"]),
        user!("src: too many bits", "src", ["192.0.2.0/33"]),
        user!("src: text", "src", "192.0.2.0/24, 10.0.0.0/8,"),
        user!("src: wrong text", "src", "192.0.2.0/24,x"),
        user!("src: leading zero", "src", ["010.0.0.0/8"]),
        user!("src: empty", "src", json!([])),
        user!("types: unknown", "allowed_connection_types", ["PIGEON"]),
        user!(
            "types: one unknown",
            "allowed_connection_types",
            ["PIGEON", "WEBSOCKET"]
        ),
        user!("types: another", "allowed_connection_types", ["MQTT"]),
        user!(
            "types: lower case",
            "allowed_connection_types",
            ["leafnode_ws"]
        ),
        user!(
            "types: in process",
            "allowed_connection_types",
            ["IN_PROCESS"]
        ),
        user!("types: none", "allowed_connection_types", json!([])),
        user!("types: nothing", "allowed_connection_types", json!([null])),
        user!("proxy", "proxy_required", true),
        user!("no proxy", "proxy_required", false),
        user!("bearer", "bearer_token", true),
        user!("subs", "subs", 1),
        user!("no subs", "subs", 0),
        user!("payload", "payload", 1),
        user!("data", "data", 1),
    ]
}

/// Returns the cases for a server that encrypts.
pub(super) fn sealed_cases() -> Vec<Case> {
    vec![
        case!("plain", |_draft, _, _| ()),
        case!("sealed", |draft, _, _| draft.sealed = true),
        case!("sealed, of another issuer", |draft, world, _| {
            draft.sealed = true;
            draft.sign_response(&world.other);
        }),
        case!("sealed, error", |draft, _, _| {
            draft.sealed = true;
            draft.deny("no such luck");
        }),
        case!("sealed, user of another issuer", |draft, world, _| {
            draft.sealed = true;
            draft.sign_user(&world.other);
        }),
    ]
}
