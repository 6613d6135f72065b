use nkeys::KeyPair;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::Value;

use super::*;
use crate::keys::VerifyingKey as _;
use crate::keys::expanded::ExpandedKey;

const KINDS: [KeyKind; 5] = [
    KeyKind::Operator,
    KeyKind::Account,
    KeyKind::User,
    KeyKind::Server,
    KeyKind::Cluster,
];

fn fixture() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/keys/keys.json")).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

#[test]
fn keys_of_every_kind_are_those_of_go() {
    let fixture = fixture();
    let keys = fixture["keys"].as_array().unwrap();
    assert_eq!(keys.len(), KINDS.len());
    for (case, kind) in keys.iter().zip(KINDS) {
        let text = |name: &str| case[name].as_str().unwrap();
        let key = SigningKey::from_seed(text("Seed"), kind).unwrap();
        assert_eq!((key.kind(), key.public_key()), (kind, text("Public")));
        let signature = key.sign(b"a message").unwrap();
        assert_eq!(signature, hex(text("Signature")));
        assert!(key.as_public().verifies(b"a message", &signature));
        assert!(!key.as_public().verifies(b"a massage", &signature));
    }
}

#[test]
fn generated_seeds_are_of_their_kind_and_differ() {
    for kind in KINDS {
        let seed = SigningKey::generate_seed(kind).unwrap();
        let key = SigningKey::from_seed(seed.expose(), kind).unwrap();
        assert!(key.public_key().starts_with(kind.letter()));
        assert_eq!(
            format!("{key:?}"),
            format!("SigningKey({})", key.public_key())
        );
        assert_ne!(seed, SigningKey::generate_seed(kind).unwrap());
    }
}

#[test]
fn curve_keys_do_not_sign() {
    let refused = KeyError::CannotSign(KeyKind::Curve);
    let seed = crate::CurveKey::generate_seed().unwrap();
    let error = SigningKey::from_seed(seed.expose(), KeyKind::Curve).unwrap_err();
    assert_eq!(error, refused);
    let error = SigningKey::generate_seed(KeyKind::Curve).unwrap_err();
    assert_eq!(error, refused);
}

/// Runs tests 1 to 3 and the one with SHA(abc) of RFC 8032, section 7.1.
#[rstest]
#[case(
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)]
#[case(
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)]
#[case(
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)]
#[case(
    "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
    "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
)]
fn the_vectors_of_the_rfc_hold(
    #[case] seed: &str,
    #[case] public: &str,
    #[case] message: &str,
    #[case] signature: &str,
) {
    let (seed, message, signature) = (hex(seed), hex(message), hex(signature));
    let seed: [u8; 32] = seed.try_into().unwrap();
    let key = SigningKey::from_bytes(&seed, KeyKind::Account).unwrap();
    let public = PublicKey::from_bytes(KeyKind::Account, hex(public).try_into().unwrap());
    assert_eq!(key.as_public(), &public);
    assert_eq!(key.sign(&message).unwrap(), signature);
    assert!(public.verifies(&message, &signature));
}

#[test]
fn signatures_at_the_edge_are_judged_as_go_does() {
    let fixture = fixture();
    let verdicts = fixture["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 14);
    for case in verdicts {
        let text = |name: &str| case[name].as_str().unwrap();
        let public: PublicKey = text("Public").parse().unwrap();
        let ours = public.verifies(text("Message").as_bytes(), &hex(text("Signature")));
        let go = case["Go"].as_bool().unwrap();
        if let Some(expanded) = ExpandedKey::new(public.as_bytes()) {
            let expanded = expanded.verifies(text("Message").as_bytes(), &hex(text("Signature")));
            assert_eq!(expanded, go, "{}", text("Name"));
        }
        // The only difference: Go reads public keys that are not reduced.
        let unreduced = [
            "the unreduced identity as key",
            "the negative identity as key",
        ];
        let expected = go && !unreduced.contains(&text("Name"));
        assert_eq!(ours, expected, "{}", text("Name"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn signatures_are_those_of_the_nkeys_library(bytes: [u8; 32], message: Vec<u8>) {
        let theirs = KeyPair::new_from_raw(nkeys::KeyPairType::User, bytes).unwrap();
        let ours = SigningKey::from_seed(&theirs.seed().unwrap(), KeyKind::User).unwrap();
        prop_assert_eq!(ours.public_key(), theirs.public_key());
        let signature = ours.sign(&message).unwrap();
        prop_assert_eq!(&signature, &theirs.sign(&message).unwrap());
        prop_assert!(ours.as_public().verifies(&message, &signature));
    }

    #[test]
    fn a_changed_signature_verifies_nothing(message: Vec<u8>, at in 0_usize..64, bit in 0..8) {
        let seed = SigningKey::generate_seed(KeyKind::Server).unwrap();
        let key = SigningKey::from_seed(seed.expose(), KeyKind::Server).unwrap();
        let mut signature = key.sign(&message).unwrap();
        signature[at] ^= 1_u8 << bit;
        prop_assert!(!key.as_public().verifies(&message, &signature));
    }
}
