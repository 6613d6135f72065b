//! Tokens of `nats-token` and `nats-jwt`, which this crate makes and reads in the same way.

use portcullis_claims::{
    AccountBody, AccountClaims, ActivationBody, ActivationClaims, Body, Claims, GenericBody,
    OperatorBody, ResponseBody, ResponseClaims, ShareKind, UserBody, UserClaims,
};
use rstest::rstest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::{key, pair, public, token, without_empty};

/// One kind of token in both implementations.
pub(crate) struct Kind {
    ours: fn(&str) -> Value,
    theirs: fn(&str) -> Value,
    sign_ours: fn(&str, &str) -> String,
    sign_theirs: fn(&str, &str) -> String,
}

macro_rules! kind {
    ($body:ty, $decode:path) => {
        Kind {
            ours: read::<$body>,
            theirs: |token| serde_json::to_value($decode(token).unwrap()).unwrap(),
            sign_ours: sign::<$body>,
            sign_theirs: |token, signer| $decode(token).unwrap().encode(&pair(signer)).unwrap(),
        }
    };
}

fn read<B>(token: &str) -> Value
where
    B: Body + Default + Serialize + DeserializeOwned,
{
    serde_json::to_value(Claims::<B>::decode(token).unwrap()).unwrap()
}

fn sign<B>(token: &str, signer: &str) -> String
where
    B: Body + Default + Serialize + DeserializeOwned,
{
    let claims = Claims::<B>::decode(token).unwrap();
    claims.sign(&key(signer)).unwrap()
}

/// Fields that `nats-token` reads as -1 if they are missing. The Go library reads 0, which it
/// requires of scoped users.
const LIMITS: &[&str] = &["subs", "data", "payload"];

/// Returns the claims without empty fields, and without fields that the other implementation does
/// not know.
fn comparable(mut claims: Value, unknown: &[&str]) -> Value {
    if let Some(fields) = claims["nats"].as_object_mut() {
        fields.retain(|name, _| !unknown.contains(&name.as_str()));
    }
    without_empty(&claims)
}

#[rstest]
#[case::user(kind!(UserBody, nats_token::decode_user_claims), "user-full", "signing", &[])]
#[case::plain(kind!(UserBody, nats_token::decode_user_claims), "user-plain", "account", &[])]
#[case::scoped(kind!(UserBody, nats_token::decode_user_claims), "user-scoped", "scoped", LIMITS)]
#[case::account(kind!(AccountBody, nats_token::decode_account_claims), "account-full", "operator", &[])]
#[case::self_signed(kind!(AccountBody, nats_token::decode_account_claims), "account-self-signed", "account", &[])]
#[case::operator(kind!(OperatorBody, nats_token::decode_operator_claims), "operator-full", "operator", &[])]
#[case::activation(kind!(ActivationBody, nats_token::decode_activation_claims), "activation-full", "signing", &["tags"])]
#[case::generic(kind!(GenericBody, nats_token::decode_generic), "generic", "server", &[])]
#[case::refusal(kind!(ResponseBody, nats_token::decode_authorization_response_claims), "response-error", "signing", &["tags"])]
#[case::response(kind!(ResponseBody, nats_token::decode_authorization_response_claims), "response-jwt", "account", &[])]
fn nats_token_reads_and_makes_the_same(
    #[case] kind: Kind,
    #[case] name: &str,
    #[case] signer: &str,
    #[case] unknown: &[&str],
) {
    let golden = token(name);
    let read = comparable((kind.ours)(&golden), unknown);
    assert_eq!(read, comparable((kind.theirs)(&golden), unknown));

    let ours = (kind.sign_ours)(&golden, signer);
    assert_eq!(comparable((kind.theirs)(&ours), unknown), read);

    let theirs = (kind.sign_theirs)(&golden, signer);
    let made = comparable((kind.ours)(&theirs), unknown);
    assert_eq!(made, comparable((kind.theirs)(&theirs), unknown));
    assert_eq!(made["nats"], read["nats"]);
}

#[test]
fn nats_jwt_makes_users_that_are_read() {
    let made = nats_jwt::Token::new_user(public("account"), public("user"))
        .name("alice")
        .bearer_token(true)
        .max_subscriptions(1)
        .max_data(2)
        .max_payload(3)
        .allow_publish("a.>")
        .deny_publish("a.b")
        .allow_subscribe("_INBOX.>")
        .deny_subscribe("c")
        .expires(4_000_000_000)
        .sign(&pair("signing"));
    let claims = UserClaims::decode(&made).unwrap();
    assert_eq!(claims.subject, Some(public("user")));
    assert_eq!(claims.issuer, Some(public("signing")));
    assert_eq!(claims.name.as_deref(), Some("alice"));
    assert_eq!(claims.expires_at, Some(4_000_000_000));
    let user = &claims.nats;
    assert_eq!(user.issuer_account, Some(public("account")));
    assert_eq!(user.publish.allow, ["a.>"]);
    assert_eq!(user.publish.deny, ["a.b"]);
    assert_eq!(user.subscribe.allow, ["_INBOX.>"]);
    assert_eq!(user.subscribe.deny, ["c"]);
    assert_eq!((user.subs, user.data, user.payload), (1, 2, 3));
    assert!(user.bearer_token);
    assert_eq!(payload(&made)["nats"], written(&claims)["nats"]);
}

#[test]
fn nats_jwt_makes_accounts_that_are_read() {
    let made = nats_jwt::Token::new_account(public("account"))
        .name("team")
        .add_signing_key(public("signing"))
        .max_connections(1)
        .max_leaf_nodes(2)
        .max_imports(3)
        .max_exports(4)
        .max_subscriptions(5)
        .max_data(6)
        .max_payload(7)
        .allow_wildcards(true)
        .allow_publish("a")
        .deny_subscribe("b")
        .sign(&pair("operator"));
    let claims = AccountClaims::decode(&made).unwrap();
    assert_eq!(claims.subject, Some(public("account")));
    assert_eq!(claims.name.as_deref(), Some("team"));
    let limits = &claims.nats.limits;
    assert_eq!((limits.connections, limits.leafnodes), (1, 2));
    assert_eq!((limits.imports, limits.exports), (3, 4));
    assert_eq!((limits.subs, limits.data, limits.payload), (5, 6, 7));
    assert!(claims.nats.signing_keys.contains(&public("signing")));
    assert_eq!(claims.nats.default_permissions.publish.allow, ["a"]);
    assert_eq!(claims.nats.default_permissions.subscribe.deny, ["b"]);
    assert_eq!(payload(&made)["nats"], written(&claims)["nats"]);
}

/// Returns the claims of a token without empty fields.
fn payload(token: &str) -> Value {
    let chunk = token.split('.').nth(1).unwrap();
    let json = data_encoding::BASE64URL_NOPAD
        .decode(chunk.as_bytes())
        .unwrap();
    without_empty(&serde_json::from_slice(&json).unwrap())
}

fn written<B: Serialize>(claims: &Claims<B>) -> Value {
    without_empty(&serde_json::to_value(claims).unwrap())
}

#[test]
fn nats_token_finds_nothing_wrong_with_what_is_made_here() {
    let mut findings = nats_token::ValidationResults::default();
    let account = AccountClaims::new(&public("account"), 100);
    let account = account.sign(&key("operator")).unwrap();
    nats_token::decode_account_claims(&account)
        .unwrap()
        .validate(&mut findings);
    let activation = ActivationClaims::new(&public("account"), "a.>", ShareKind::Stream, 100);
    let activation = activation.sign(&key("other")).unwrap();
    nats_token::decode_activation_claims(&activation)
        .unwrap()
        .validate(&mut findings);
    let refusal = portcullis_claims::Answer::Error("no".to_owned());
    let response = ResponseClaims::new(&public("user"), &public("server"), refusal, 100);
    let response = response.sign(&key("account")).unwrap();
    nats_token::decode_authorization_response_claims(&response)
        .unwrap()
        .validate(&mut findings);
    assert!(findings.is_empty(), "{findings:?}");
}
