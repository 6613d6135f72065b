//! Responses in operator mode.

use nkeys::KeyPair;
use portcullis_harness::Release;
use serde_json::{Value, json};

use super::Case;
use super::config_mode::{case, user};
use super::draft::Draft;
use super::world::World;

/// Makes a role's key sign the user, and adds what the role's template needs.
fn for_role<'a>(draft: &mut Draft<'a>, world: &'a World, role: &str) {
    draft.sign_user(world.role(role));
    // A user with a role has no limits of its own.
    for limit in ["subs", "data", "payload"] {
        draft.user_nats(limit, Value::Null);
    }
    draft.user_nats("issuer_account", json!(world.issuer.public_key()));
    draft.user["name"] = json!("alice");
    draft.user_nats("tags", json!(["team:red", "team:blue", "site:east"]));
}

macro_rules! role {
    ($name:literal, $role:literal) => {
        case!($name, |draft, world, _| for_role(draft, world, $role))
    };
    ($name:literal, $role:literal, |$draft:ident, $world:pat_param| $edit:expr) => {
        case!($name, |$draft, world, _| {
            for_role($draft, world, $role);
            let $world = world;
            $edit
        })
    };
}

pub(super) fn cases(release: Release) -> Vec<Case> {
    let mut cases: Vec<_> = [responses(), accounts(), roles(), templates()]
        .into_iter()
        .flatten()
        .collect();
    if release != Release::Nats2_11 {
        cases.push(unknown_placeholder());
    }
    // Servers without a bound on templates accept these; the verdict does not.
    if release != Release::Nats2_10 && release != Release::Nats2_11 {
        cases.push(too_many_subjects());
    }
    cases
}

fn responses() -> Vec<Case> {
    vec![
        case!("good", |_draft, _, _| ()),
        case!("of a signing key", |draft, world, _| {
            draft.sign_response(&world.tree().callout_signer);
        }),
        case!(
            "of a signing key, with issuer account",
            |draft, world, _| {
                draft.sign_response(&world.tree().callout_signer);
                let callout = world.tree().callout.public_key();
                draft.response_nats("issuer_account", json!(callout));
            }
        ),
        case!("of the target account", |draft, world, _| draft
            .sign_response(&world.issuer)),
        case!("of a stranger", |draft, world, _| draft
            .sign_response(&world.other)),
        case!("of a stranger who says otherwise", |draft, world, _| {
            draft.sign_response(&world.other);
            let callout = world.tree().callout.public_key();
            draft.response_nats("issuer_account", json!(callout));
        }),
        case!(
            "of a stranger who names a signing key",
            |draft, world, _| {
                draft.sign_response(&world.other);
                let signer = world.tree().callout_signer.public_key();
                draft.response_nats("issuer_account", json!(signer));
            }
        ),
        case!("for another account", |draft, world, _| {
            draft.response_nats("issuer_account", json!(world.issuer.public_key()));
        }),
        case!("an error", |draft, _, _| draft.deny("no such luck")),
        case!("an error of a stranger", |draft, world, _| {
            draft.deny("no such luck");
            draft.sign_response(&world.other);
        }),
        case!("about another user", |draft, _, _| {
            draft.response["sub"] = json!(KeyPair::new_user().public_key());
        }),
    ]
}

fn accounts() -> Vec<Case> {
    vec![
        case!("user: an audience", |draft, _, _| draft.user["aud"] =
            json!("SYS")),
        case!("user: of the callout account", |draft, world, _| {
            draft.sign_user(&world.tree().callout);
        }),
        case!("user: of its signing key", |draft, world, _| {
            draft.sign_user(&world.tree().callout_signer);
            draft.user_nats("issuer_account", json!(world.tree().callout.public_key()));
        }),
        case!("user: of a signing key", |draft, world, _| {
            draft.sign_user(&world.tree().plain_signer);
            draft.user_nats("issuer_account", json!(world.issuer.public_key()));
        }),
        case!("user: of a signing key, with limits", |draft, world, _| {
            draft.sign_user(&world.tree().plain_signer);
            draft.user_nats("issuer_account", json!(world.issuer.public_key()));
            draft.user_nats("subs", json!(-1));
            draft.user_nats(
                "pub",
                json!({ "allow": ["$SYS.REQ.USER.INFO", "x.{{name()}}"] }),
            );
        }),
        case!(
            "user: of a signing key that names no account",
            |draft, world, _| {
                draft.sign_user(&world.tree().plain_signer);
            }
        ),
        case!("user: of an account that is barred", |draft, world, _| {
            draft.sign_user(&world.tree().barred);
        }),
        case!(
            "user: of an account that is not there",
            |draft, world, _| {
                draft.sign_user(&world.tree().absent);
            }
        ),
        case!("user: of another account's key", |draft, world, _| {
            draft.sign_user(&world.tree().barred);
            draft.user_nats("issuer_account", json!(world.issuer.public_key()));
        }),
        case!(
            "user: of the callout account for another",
            |draft, world, _| {
                draft.sign_user(&world.tree().callout);
                draft.user_nats("issuer_account", json!(world.issuer.public_key()));
            }
        ),
        case!("user: with its own account", |draft, world, _| {
            draft.user_nats("issuer_account", json!(world.issuer.public_key()));
        }),
        user!("user: issuer account that is none", "issuer_account", "APP"),
        user!("user: bad subject", "pub", json!({ "allow": ["a..b"] })),
        user!("user: proxy", "proxy_required", true),
        case!("user: expires", |draft, _, facts| draft.user["exp"] =
            json!(facts.now + 600)),
    ]
}

fn roles() -> Vec<Case> {
    vec![
        role!("role: good", "reader"),
        role!("role: expires", "reader", |draft, _| draft.user["exp"] =
            json!(4_000_000_000_u64)),
        role!("role: zeroes", "reader", |draft, _| {
            draft.user_nats("subs", json!(0));
            draft.user_nats("pub", json!({}));
            draft.user_nats("bearer_token", json!(false));
            draft.user_nats("src", Value::Null);
        }),
        role!("role: permissions", "reader", |draft, _| {
            draft.user_nats("pub", json!({ "allow": ["a"] }));
        }),
        role!("role: empty list", "reader", |draft, _| {
            draft.user_nats("sub", json!({ "deny": [] }));
        }),
        role!("role: replies", "reader", |draft, _| draft
            .user_nats("resp", json!({}))),
        role!("role: unlimited", "reader", |draft, _| draft
            .user_nats("subs", json!(-1))),
        role!("role: empty src", "reader", |draft, _| draft
            .user_nats("src", json!([]))),
        role!("role: zone", "reader", |draft, _| {
            draft.user_nats("times_location", json!("UTC"));
        }),
        role!("role: no times", "reader", |draft, _| draft
            .user_nats("times", json!([]))),
        role!("role: types", "reader", |draft, _| {
            draft.user_nats("allowed_connection_types", json!(["STANDARD"]));
        }),
        role!("role: bearer", "reader", |draft, _| draft
            .user_nats("bearer_token", json!(true))),
        role!("role: proxy", "reader", |draft, _| draft
            .user_nats("proxy_required", json!(true))),
        role!("role: no issuer account", "reader", |draft, _| {
            draft.user_nats("issuer_account", Value::Null);
        }),
        role!("role: of another account", "reader", |draft, world| {
            draft.user_nats("issuer_account", json!(world.tree().callout.public_key()));
        }),
        role!("role: a template with proxy", "proxied"),
        role!("role: a template whose times are over", "never"),
        role!("role: a template whose times end the login", "daily"),
        role!("role: a template for another network", "elsewhere"),
        role!("role: a template for this network", "here"),
        role!("role: a template for another connection", "mqtt"),
        role!("role: a template with unknown connections", "pigeon"),
        role!("role: a template with limits", "limited"),
        role!("role: an empty template", "silent"),
    ]
}

fn templates() -> Vec<Case> {
    vec![
        role!(
            "template: no name",
            "reader",
            |draft, _| draft.user["name"] = Value::Null
        ),
        role!("template: a name with a space", "reader", |draft, _| {
            draft.user["name"] = json!("a b");
        }),
        role!("template: a name with a wildcard", "reader", |draft, _| {
            draft.user["name"] = json!("*");
        }),
        role!("template: a name of two tokens", "reader", |draft, _| {
            draft.user["name"] = json!("a.b");
        }),
        role!("template: no tags", "reader", |draft, _| draft
            .user_nats("tags", json!([]))),
        role!("template: tags in upper case", "reader", |draft, _| {
            draft.user_nats("tags", json!(["Team:red", "team:Blue"]));
        }),
        role!("template: a tag with a space", "reader", |draft, _| {
            draft.user_nats("tags", json!(["team:a b", "team:c"]));
        }),
        role!("template: the account", "account"),
        role!("template: within a token", "within"),
        role!("template: with spaces", "spaced"),
        role!("template: two tags", "product"),
        role!("template: two tags, one missing", "product", |draft, _| {
            draft.user_nats("tags", json!(["team:red"]));
        }),
        role!("template: a queue", "queue"),
        role!("template: denied", "denying"),
        role!("template: denied, tag missing", "denying", |draft, _| {
            draft.user_nats("tags", Value::Null);
        }),
        role!("template: denied, bad tag", "denying", |draft, _| {
            draft.user_nats("tags", json!(["team:a b"]));
        }),
        role!("template: denied, no name", "denying-name", |draft, _| {
            draft.user["name"] = Value::Null;
        }),
        role!("template: nothing left", "emptied"),
    ]
}

pub(super) fn unknown_placeholder() -> Case {
    role!("template: unknown placeholder", "unknown")
}

/// Returns cases in which the template leaves an entry of white space in `sub`.
pub(super) fn blank_entries() -> Vec<Case> {
    vec![
        role!("template: a blank tag", "room", |draft, _| {
            draft.user_nats("tags", json!(["room:\u{a0}"]));
        }),
        role!("template: a blank name", "own", |draft, _| {
            draft.user["name"] = json!("\u{2003}");
        }),
        role!("template: a blank entry", "blank"),
        case!("a blank subject", |draft, _, _| {
            draft.user_nats("sub", json!({ "allow": ["\u{a0}"] }));
        }),
    ]
}

fn too_many_subjects() -> Case {
    role!("template: too many", "many", |draft, _| {
        let teams = (0..65).map(|number| format!("team:{number}"));
        let sites = (0..65).map(|number| format!("site:{number}"));
        let tags: Vec<_> = teams.chain(sites).collect();
        draft.user_nats("tags", json!(tags));
    })
}

/// Returns the cases for a server that encrypts.
pub(super) fn sealed_cases() -> Vec<Case> {
    vec![
        case!("plain", |_draft, _, _| ()),
        case!("sealed", |draft, _, _| draft.sealed = true),
        case!("sealed, of a stranger", |draft, world, _| {
            draft.sealed = true;
            draft.sign_response(&world.other);
        }),
        case!("sealed, for another account", |draft, world, _| {
            draft.sealed = true;
            draft.response_nats("issuer_account", json!(world.issuer.public_key()));
        }),
        case!("sealed, user of a barred account", |draft, world, _| {
            draft.sealed = true;
            draft.sign_user(&world.tree().barred);
        }),
    ]
}
