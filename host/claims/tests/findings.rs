//! What fuzzing found, kept as tests.

use portcullis_claims::{Claims, GenericBody, GenericClaims, KeyKind, SigningKey};
use serde_json::{Map, Value};

/// Without the feature `float_roundtrip` of `serde_json`, reading is off by one in the last digit.
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
