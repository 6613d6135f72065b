//! Regressions that fuzzing found.

use portcullis_claims::{AccountClaims, Claims, GenericBody, GenericClaims, KeyKind, SigningKey};
use serde_json::{Map, Value};

/// Guards the feature `float_roundtrip` of `serde_json`. Without it, the last digit is off by one.
#[test]
fn numbers_too_large_for_integers_survive_signing() {
    let key = SigningKey::generate_seed(KeyKind::Account).unwrap();
    let key = SigningKey::from_seed(key.expose(), KeyKind::Account).unwrap();
    for number in ["-92233720368540758081", "1e23", "0.1", "5e-324", "-0.0"] {
        let number: Value = serde_json::from_str(number).unwrap();
        let data = Map::from_iter([("number".to_owned(), number.clone())]);
        let token = GenericClaims::new(key.public_key(), data, 1).sign(&key);
        let read = Claims::<GenericBody>::decode(&token.unwrap()).unwrap();
        assert_eq!(read.nats.data.get("number"), Some(&number));
    }
}

/// Checks that a zero limit of a role is written: a missing limit is read as unlimited.
#[test]
fn a_role_that_may_do_nothing_is_not_unlimited_after_signing() {
    let seed = SigningKey::generate_seed(KeyKind::Account).unwrap();
    let key = SigningKey::from_seed(seed.expose(), KeyKind::Account).unwrap();
    let public = key.public_key();
    let body = format!(
        r#"{{"signing_keys":[{{"kind":"user_scope","key":"{public}","role":"r",
           "template":{{"subs":0,"data":0,"payload":0}}}}]}}"#
    );
    let mut claims = AccountClaims::new(public, 1);
    claims.nats = serde_json::from_str(&body).unwrap();
    let signing_keys = claims.nats.signing_keys.clone();
    let read = AccountClaims::decode(&claims.sign(&key).unwrap()).unwrap();
    assert_eq!(read.nats.signing_keys, signing_keys);
}
