//! Tokens of the Go library, which this crate reads and writes as the Go library does.

use portcullis_claims::{
    AccountBody, AccountClaims, ActivationBody, Body, Claims, GenericBody, GenericClaims,
    OperatorBody, ResponseBody, TokenError, UserBody,
};
use rstest::rstest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::{claims_of_go, key, token};

/// A function that returns whether a token is read as one of a kind.
type IsRead = fn(&str) -> bool;

/// Reads a fixture, compares it with what Go reads from it, and signs it again.
fn agree<B>(name: &str, signer: &str) -> String
where
    B: Body + Default + Serialize + DeserializeOwned,
{
    let claims = Claims::<B>::decode(&token(name)).unwrap();
    assert_eq!(serde_json::to_string(&claims).unwrap(), claims_of_go(name));
    claims.sign(&key(signer)).unwrap()
}

#[rstest]
#[case::user_full(agree::<UserBody>, "user-full", "signing")]
#[case::user_plain(agree::<UserBody>, "user-plain", "account")]
#[case::user_scoped(agree::<UserBody>, "user-scoped", "scoped")]
#[case::account_full(agree::<AccountBody>, "account-full", "operator")]
#[case::operator_full(agree::<OperatorBody>, "operator-full", "operator")]
#[case::operator_plain(agree::<OperatorBody>, "operator-plain", "operator")]
#[case::activation_full(agree::<ActivationBody>, "activation-full", "signing")]
#[case::activation_plain(agree::<ActivationBody>, "activation-plain", "other")]
#[case::generic(agree::<GenericBody>, "generic", "server")]
#[case::response_error(agree::<ResponseBody>, "response-error", "signing")]
#[case::response_jwt(agree::<ResponseBody>, "response-jwt", "account")]
fn what_go_made_is_made_again_byte_for_byte(
    #[case] agree: fn(&str, &str) -> String,
    #[case] name: &str,
    #[case] signer: &str,
) {
    assert_eq!(agree(name, signer), token(name));
}

/// Covers tokens that Go writes differently from what it read.
#[rstest]
#[case::tiers(agree::<AccountBody>, "account-tiers", "operator-signing")]
#[case::self_signed(agree::<AccountBody>, "account-self-signed", "account")]
#[case::lenient_user(agree::<UserBody>, "lenient-user", "account")]
#[case::lenient_account(agree::<AccountBody>, "lenient-account", "operator")]
#[case::lenient_operator(agree::<OperatorBody>, "lenient-operator", "operator")]
#[case::lenient_activation(agree::<ActivationBody>, "lenient-activation", "operator")]
#[case::first_user(agree::<UserBody>, "first-user", "signing")]
#[case::first_account(agree::<AccountBody>, "first-account", "operator")]
#[case::first_operator(agree::<OperatorBody>, "first-operator", "operator")]
#[case::first_activation(agree::<ActivationBody>, "first-activation", "signing")]
#[case::first_generic(agree::<GenericBody>, "first-generic", "user")]
#[case::sample_user(agree::<UserBody>, "sample-user", "account")]
#[case::sample_account(agree::<AccountBody>, "sample-account", "operator")]
fn what_go_reads_is_read_the_same_and_written_as_version_two(
    #[case] agree: fn(&str, &str) -> String,
    #[case] name: &str,
    #[case] signer: &str,
) {
    let (claims, json) = GenericClaims::decode_with_json(&agree(name, signer)).unwrap();
    assert_eq!(claims.nats.version(), Some(2));
    assert!(!json.starts_with(r#"{"type""#), "{json:?}");
}

fn is_read<B: Body + Default + DeserializeOwned>(token: &str) -> bool {
    Claims::<B>::decode(token).is_ok()
}

#[rstest]
#[case::user(is_read::<UserBody>, "user-full")]
#[case::account(is_read::<AccountBody>, "account-full")]
#[case::operator(is_read::<OperatorBody>, "operator-full")]
#[case::activation(is_read::<ActivationBody>, "activation-full")]
#[case::generic(is_read::<GenericBody>, "generic")]
#[case::response(is_read::<ResponseBody>, "response-jwt")]
#[case::first_user(is_read::<UserBody>, "first-user")]
#[case::first_account(is_read::<AccountBody>, "first-account")]
#[case::first_operator(is_read::<OperatorBody>, "first-operator")]
#[case::first_activation(is_read::<ActivationBody>, "first-activation")]
#[case::first_generic(is_read::<GenericBody>, "first-generic")]
#[case::sample_user(is_read::<UserBody>, "sample-user")]
#[case::sample_account(is_read::<AccountBody>, "sample-account")]
fn a_token_with_one_byte_changed_is_not_read(#[case] is_read: IsRead, #[case] name: &str) {
    let token = token(name);
    assert!(is_read(&token));
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] ^= 1;
        let changed = String::from_utf8(bytes).unwrap();
        assert!(!is_read(&changed), "byte {at}");
    }
}

#[test]
fn a_token_is_not_read_as_one_of_another_kind() {
    let kinds: [(&str, IsRead); 5] = [
        ("user-full", is_read::<UserBody>),
        ("account-full", is_read::<AccountBody>),
        ("operator-full", is_read::<OperatorBody>),
        ("activation-full", is_read::<ActivationBody>),
        ("response-jwt", is_read::<ResponseBody>),
    ];
    for (name, _) in kinds {
        for (kind, is_read) in kinds {
            assert_eq!(is_read(&token(name)), name == kind, "{name} as {kind}");
        }
        assert!(is_read::<GenericBody>(&token(name)), "{name} as generic");
    }
}

#[test]
fn what_is_unknown_can_be_found_in_the_json() {
    let (_, json) = AccountClaims::decode_with_json(&token("lenient-account")).unwrap();
    assert!(json.contains(r#""later": 1"#), "{json:?}");
}

#[rstest]
#[case::user(refusal::<UserBody>, "user")]
#[case::account(refusal::<AccountBody>, "account")]
#[case::operator(refusal::<OperatorBody>, "operator")]
#[case::activation(refusal::<ActivationBody>, "activation")]
fn claims_without_version_are_refused_even_if_signed_as_version_one(
    #[case] refusal: fn(&str) -> Option<TokenError>,
    #[case] kind: &str,
) {
    let issuer = key("account");
    let claims = format!(
        r#"{{"iss":"{}","nats":{{"type":"{kind}"}}}}"#,
        issuer.public_key()
    );
    let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let chunk = encode(claims.as_bytes());
    let header = encode(br#"{"typ":"JWT","alg":"ed25519"}"#);
    let signature = encode(&issuer.sign(chunk.as_bytes()).unwrap());
    let token = format!("{header}.{chunk}.{signature}");
    assert_eq!(refusal(&token), Some(TokenError::Version(0)));
}

fn refusal<B: Body + Default + DeserializeOwned>(token: &str) -> Option<TokenError> {
    Claims::<B>::decode(token).err()
}
