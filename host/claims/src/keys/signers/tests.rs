use rstest::rstest;

use super::*;
use crate::keys::KeyKind;
use crate::keys::SigningKey;

fn key() -> SigningKey {
    let seed = SigningKey::generate_seed(KeyKind::Server).unwrap();
    SigningKey::from_seed(seed.expose(), KeyKind::Server).unwrap()
}

fn is_expanded(signers: &KnownSigners, key: &PublicKey) -> bool {
    let known = signers
        .cache
        .with(key.as_bytes(), |signer| signer.expanded.is_some());
    known.unwrap_or(false)
}

/// Signs and verifies `times` different messages.
fn sign(signers: &KnownSigners, key: &SigningKey, times: u32) {
    for time in 0..times {
        let message = time.to_be_bytes();
        let signature = key.sign(&message).unwrap();
        assert!(signers.verify(key.as_public(), &message, &signature));
        assert!(!signers.verify(key.as_public(), b"another", &signature));
    }
}

#[test]
fn a_key_that_signs_often_is_expanded_and_verifies_as_before() {
    let (signers, key) = (KnownSigners::new(), key());
    sign(&signers, &key, OFTEN - 1);
    assert!(!is_expanded(&signers, key.as_public()));
    sign(&signers, &key, 1);
    assert!(is_expanded(&signers, key.as_public()));
    sign(&signers, &key, 3);
}

#[test]
fn a_key_that_is_expanded_says_nothing_about_others() {
    let (signers, one, other) = (KnownSigners::new(), key(), key());
    sign(&signers, &one, OFTEN);
    let signature = other.sign(b"message").unwrap();
    assert!(!signers.verify(one.as_public(), b"message", &signature));
    assert!(signers.verify(other.as_public(), b"message", &signature));
}

#[test]
fn a_curve_key_with_the_same_bytes_verifies_nothing() {
    let (signers, key) = (KnownSigners::new(), key());
    sign(&signers, &key, OFTEN);
    let curve = PublicKey::from_bytes(KeyKind::Curve, *key.as_public().as_bytes());
    let signature = key.sign(b"message").unwrap();
    assert!(signers.verify(key.as_public(), b"message", &signature));
    assert!(!signers.verify(&curve, b"message", &signature));
}

#[rstest]
#[case(MAX_SIGNERS - 1, true)]
#[case(MAX_SIGNERS, false)]
fn more_keys_than_are_remembered_drive_each_other_out(#[case] others: usize, #[case] stays: bool) {
    let (signers, first) = (KnownSigners::new(), key());
    sign(&signers, &first, OFTEN);
    for _ in 0..others {
        sign(&signers, &key(), 1);
    }
    assert_eq!(is_expanded(&signers, first.as_public()), stays);
}

#[test]
fn bad_signatures_evict_no_key() {
    let (signers, first) = (KnownSigners::new(), key());
    sign(&signers, &first, OFTEN);
    for _ in 0..=MAX_SIGNERS {
        assert!(!signers.verify(key().as_public(), b"message", &[0; 64]));
    }
    assert!(is_expanded(&signers, first.as_public()));
}
