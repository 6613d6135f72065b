use proptest::prelude::*;
use rstest::rstest;
use serde_json::Value;

use super::*;

/// Public sample of the auth-callout examples.
const SAMPLE_SEED: &str = "SXAAXMRAEP6JWWHNB6IKFL554IE6LZVT6EY5MBRICPILTLOPHAG73I3YX4";
const SAMPLE: &str = "XAB3NANV3M6N7AHSQP2U5FRWKKUT7EG2ZXXABV4XVXYQRJGM4S2CZGHT";

fn new_key() -> CurveKey {
    CurveKey::from_seed(CurveKey::generate_seed().unwrap().expose()).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    data_encoding::HEXLOWER
        .decode(value.as_str().unwrap().as_bytes())
        .unwrap()
}

#[test]
fn the_public_key_is_the_one_that_go_derives() {
    assert_eq!(
        CurveKey::from_seed(SAMPLE_SEED).unwrap().public_key(),
        SAMPLE
    );
    // From the tests of the Rust library, made with the Go library.
    let seed = "SXAKIYZX2POLIHZ5W5YZEWVTH24NLEUETBW3TKIVYRSS3GNHFXO5D4JJZM";
    let public = "XBUJMZHVOPQ2SK5VD3TY4VNBPVU2YFGRLK6EFPEPSMVDUYEBSROWZCEA";
    assert_eq!(CurveKey::from_seed(seed).unwrap().public_key(), public);
}

#[test]
fn boxes_made_by_go_are_opened_and_made_the_same() {
    let fixture: Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/keys/keys.json")).unwrap();
    let boxes = fixture["boxes"].as_array().unwrap();
    assert_eq!(boxes.len(), 4);
    for case in boxes {
        let key = CurveKey::from_seed(case["Seed"].as_str().unwrap()).unwrap();
        let sender: PublicKey = case["Sender"].as_str().unwrap().parse().unwrap();
        let sealed = hex(&case["Sealed"]);
        let plain = key.open(&sealed, &sender).unwrap();
        assert_eq!(plain.as_slice(), case["Plain"].as_str().unwrap().as_bytes());
        let nonce = sealed[4..28].try_into().unwrap();
        // Both sides share one key, so the recipient can make the sender's box.
        let shared = key.shared_with(&sender).unwrap();
        assert_eq!(shared.seal_with_nonce(&plain, nonce).unwrap(), sealed);
    }
}

#[rstest]
#[case(b"".to_vec(), BoxError::NotSealed)]
#[case(b"xkv".to_vec(), BoxError::NotSealed)]
#[case(b"eyJ0eXAi".to_vec(), BoxError::NotSealed)]
#[case(b"xkv2".iter().copied().chain([0; 60]).collect(), BoxError::NotSealed)]
#[case(b"xkv1".to_vec(), BoxError::TooShort)]
#[case(b"xkv1".iter().copied().chain([0; 39]).collect(), BoxError::TooShort)]
#[case(b"xkv1".iter().copied().chain([0; 40]).collect(), BoxError::Open)]
fn what_is_no_box_is_told_apart(#[case] sealed: Vec<u8>, #[case] expected: BoxError) {
    let (key, peer) = (new_key(), new_key());
    assert_eq!(key.open(&sealed, peer.as_public()).unwrap_err(), expected);
    assert_eq!(
        is_sealed(&sealed),
        expected != BoxError::NotSealed,
        "{sealed:?}"
    );
}

#[test]
fn a_box_opens_for_its_recipient_and_from_its_sender_only() {
    let (sender, recipient, other) = (new_key(), new_key(), new_key());
    let sealed = sender.seal(b"request", recipient.as_public()).unwrap();
    assert!(is_sealed(&sealed));
    let plain = recipient.open(&sealed, sender.as_public()).unwrap();
    assert_eq!(plain.as_slice(), b"request");
    let wrong_sender = recipient.open(&sealed, other.as_public()).unwrap_err();
    assert_eq!(wrong_sender, BoxError::Open);
    let wrong_recipient = other.open(&sealed, sender.as_public()).unwrap_err();
    assert_eq!(wrong_recipient, BoxError::Open);
}

#[test]
fn what_is_shared_with_whom_a_box_came_from_is_remembered() {
    let (key, peer, other) = (new_key(), new_key(), new_key());
    let sealed = peer.seal(b"request", key.as_public()).unwrap();
    let damaged = [&sealed[..], b"!"].concat();
    assert!(key.open(&damaged, peer.as_public()).is_err());
    assert!(key.open(&sealed, other.as_public()).is_err());
    assert!(key.known(peer.as_public()).is_none() && key.known(other.as_public()).is_none());

    for _ in 0..2 {
        let plain = key.open(&sealed, peer.as_public()).unwrap();
        assert_eq!(plain.as_slice(), b"request");
        assert!(key.known(peer.as_public()).is_some());
    }
    let damaged = key.open(&damaged, peer.as_public()).unwrap_err();
    assert_eq!(damaged, BoxError::Open);
    let answer = key.seal(b"response", peer.as_public()).unwrap();
    let answer = peer.open(&answer, key.as_public()).unwrap();
    assert_eq!(answer.as_slice(), b"response");
    // A key of another kind may have the same bytes.
    let server = PublicKey::from_bytes(KeyKind::Server, *peer.as_public().as_bytes());
    let refused = key.open(&sealed, &server).unwrap_err();
    assert_eq!(refused, BoxError::PeerKind(KeyKind::Server));
}

#[test]
fn both_sides_share_one_key_and_nonces_do_not_repeat() {
    let (sender, recipient) = (new_key(), new_key());
    let one = sender.shared_with(recipient.as_public()).unwrap();
    let sealed = one.seal(b"both ways").unwrap();
    let other = recipient.shared_with(sender.as_public()).unwrap();
    assert_eq!(other.open(&sealed).unwrap().as_slice(), b"both ways");
    assert_ne!(one.seal(b"both ways").unwrap(), sealed, "a nonce repeats");
}

#[test]
fn peers_that_are_no_curve_keys_are_refused() {
    let key = new_key();
    let user = nkeys::KeyPair::new_user().public_key().parse().unwrap();
    assert_eq!(
        key.seal(b"x", &user).unwrap_err(),
        BoxError::PeerKind(KeyKind::User)
    );
    for low_order in [[0; 32], std::array::from_fn(|at| u8::from(at == 0))] {
        let peer = PublicKey::from_bytes(KeyKind::Curve, low_order);
        assert_eq!(key.seal(b"x", &peer).unwrap_err(), BoxError::PeerKey);
    }
}

#[test]
fn debug_shows_public_keys_only() {
    let key = CurveKey::from_seed(SAMPLE_SEED).unwrap();
    assert_eq!(format!("{key:?}"), format!("CurveKey({SAMPLE})"));
    let shared = key.shared_with(key.as_public()).unwrap();
    assert_eq!(format!("{shared:?}"), "SharedKey([redacted])");
}

#[test]
fn other_seeds_are_named() {
    let seed = crate::IssuerKey::generate_seed().unwrap();
    let error = CurveKey::from_seed(seed.expose()).unwrap_err().to_string();
    let expected = "expected a curve seed (SX…), found an account seed (SA…)";
    assert_eq!(error, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_is_opened(plain: Vec<u8>) {
        let (sender, recipient) = (new_key(), new_key());
        let sealed = sender.seal(&plain, recipient.as_public()).unwrap();
        prop_assert_eq!(sealed.len(), plain.len() + 44);
        let opened = recipient.open(&sealed, sender.as_public()).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
    }

    #[test]
    fn a_changed_bit_is_noticed(plain: Vec<u8>, at: prop::sample::Index, bit in 0..8) {
        let (sender, recipient) = (new_key(), new_key());
        let mut sealed = sender.seal(&plain, recipient.as_public()).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= 1_u8 << bit;
        let expected = if at < 4 { BoxError::NotSealed } else { BoxError::Open };
        prop_assert_eq!(recipient.open(&sealed, sender.as_public()).unwrap_err(), expected);
    }
}
