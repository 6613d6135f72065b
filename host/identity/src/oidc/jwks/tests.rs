use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, Encoding};
use serde_json::json;

use super::*;
use crate::oidc::testing::{ED25519, P256, P384, RSA, Signer, base64, claims, ed25519, p256, set};

fn outcome(set: &KeySet, token: &str) -> Result<(), &'static str> {
    let token = Token::parse(token).unwrap();
    set.verify(&token, "idp").map_err(|error| error.kind())
}

fn keys(keys: &[Value]) -> KeySet {
    KeySet::parse(set(keys).as_bytes(), KeyUse::Signatures).unwrap()
}

fn signed(signer: &Signer, algorithm: &str, id: Option<&str>) -> String {
    let header = json!({ "alg": algorithm, "kid": id });
    signer.token(&header, &claims())
}

#[test]
fn every_algorithm_is_verified_with_the_kind_of_key_it_asks_for_and_no_other() {
    let set = keys(&[
        RSA.jwk("rsa"),
        P256.jwk("p256"),
        P384.jwk("p384"),
        ED25519.jwk("ed"),
    ]);
    for algorithm in TokenAlgorithm::ALL.map(TokenAlgorithm::as_str) {
        let (signer, id): (&Signer, &str) = match algorithm {
            "ES256" => (&P256, "p256"),
            "ES384" => (&P384, "p384"),
            "EdDSA" => (&ED25519, "ed"),
            _ => (&RSA, "rsa"),
        };
        assert_eq!(
            outcome(&set, &signed(signer, algorithm, Some(id))),
            Ok(()),
            "{algorithm}"
        );
        assert_eq!(
            outcome(&set, &signed(signer, algorithm, None)),
            Ok(()),
            "{algorithm}"
        );
        for other in ["rsa", "p256", "p384", "ed"]
            .into_iter()
            .filter(|other| *other != id)
        {
            let token = signed(signer, algorithm, Some(other));
            assert_eq!(
                outcome(&set, &token),
                Err("unfit-key"),
                "{algorithm} {other}"
            );
        }
    }
}

#[test]
fn a_signature_of_one_algorithm_is_none_of_another() {
    let set = keys(&[RSA.jwk("rsa")]);
    for (signed_with, header) in [("RS256", "RS512"), ("RS256", "PS256"), ("PS256", "PS384")] {
        let message = signed(&RSA, header, Some("rsa"));
        let (message, _) = message.rsplit_once('.').unwrap();
        let token = format!(
            "{message}.{}",
            base64(RSA.sign(signed_with, message.as_bytes()))
        );
        assert_eq!(outcome(&set, &token), Err("wrong-signature"), "{header}");
    }
}

#[test]
fn a_key_is_used_for_what_it_is_for() {
    let token = signed(&RSA, "RS256", Some("k"));
    for (changes, expected) in [
        (json!({}), Ok(())),
        (json!({ "use": "sig" }), Ok(())),
        (json!({ "alg": "RS256" }), Ok(())),
        (json!({ "key_ops": ["verify"] }), Ok(())),
        (json!({ "use": "enc" }), Err("unknown-key")),
        (json!({ "use": "tls" }), Err("unknown-key")),
        (json!({ "key_ops": ["encrypt"] }), Err("unknown-key")),
        (json!({ "key_ops": [] }), Err("unknown-key")),
        (json!({ "alg": "RS512" }), Err("unfit-key")),
        (json!({ "alg": "PS256" }), Err("unfit-key")),
        (json!({ "alg": "RSA-OAEP" }), Err("unknown-key")),
        (json!({ "alg": "HS256" }), Err("unknown-key")),
        (json!({ "kid": "K" }), Err("unknown-key")),
        (json!({ "kid": null }), Err("unknown-key")),
        (json!({ "kty": "EC" }), Err("unknown-key")),
        (json!({ "e": null }), Err("unknown-key")),
        (json!({ "x5c": 7, "x5t#S256": {}, "iat": 1 }), Ok(())),
    ] {
        let mut jwk = RSA.jwk("k");
        for (name, value) in changes.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        let other = ED25519.jwk("other");
        assert_eq!(outcome(&keys(&[other, jwk]), &token), expected, "{changes}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_passed_over() {
    let mut short = RSA.jwk("short");
    short["n"] = json!(base64([0xff; 255]));
    let mut long = RSA.jwk("long");
    long["n"] = json!(base64([0xff; 1025]));
    let mut wide = P256.jwk("wide");
    wide["x"] = json!(base64([1; 33]));
    let mut padded = ED25519.jwk("padded");
    padded["x"] = json!(base64([1; 33]));
    let all = [
        short,
        long,
        wide,
        padded,
        json!({ "kty": "oct", "kid": "secret", "k": base64([7; 64]) }),
        json!({ "kty": "OKP", "crv": "X25519", "kid": "x", "x": base64([7; 32]) }),
        json!({ "kty": "EC", "crv": "secp256k1", "kid": "s", "x": base64([7; 32]), "y": base64([7; 32]) }),
        json!({ "kty": "EC", "kid": "no curve" }),
        json!({}),
        json!(7),
    ];
    let set = keys(&all);
    assert_eq!((set.len(), set.ignored.len()), (0, 10));
    assert_eq!(
        set.told_ignored().unwrap(),
        "`short`: its modulus has 255 bytes; 256 to 1024 are accepted; \
         `long`: its modulus has 1025 bytes; 256 to 1024 are accepted; \
         `wide`: its `x` has 33 bytes instead of 32; \
         `padded`: its `x` has 33 bytes instead of 32; \
         `secret`: its `kty` `oct` is none that the host knows; those are RSA, EC and OKP; \
         `x`: its `crv` `X25519` is none that the host knows for its `kty`; those are P-256, P-384 and Ed25519; \
         `s`: its `crv` `secp256k1` is none that the host knows for its `kty`; those are P-256, P-384 and Ed25519; \
         `no curve`: it has no `crv`; \
         a key without `kid`: it is no JWK: expected an object with `kty`, and texts in it; \
         a key without `kid`: it is no JWK: expected an object with `kty`, and texts in it"
    );
    let set = keys(&[all[4].clone(), ED25519.jwk("k")]);
    assert_eq!((set.len(), set.ignored.len()), (1, 1));
}

#[test]
fn numbers_have_one_meaning_however_they_are_written() {
    let encodings: [Encoding; 4] = [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
    for (signer, algorithm, names) in [
        (&RSA, "RS256", &["n", "e"][..]),
        (&P256, "ES256", &["x", "y"]),
        (&P384, "ES384", &["x", "y"]),
        (&ED25519, "EdDSA", &["x"]),
    ] {
        let token = signed(signer, algorithm, Some("k"));
        let zeros = if algorithm == "EdDSA" { 0..1 } else { 0..3 };
        for (encoding, zeros) in encodings
            .iter()
            .flat_map(|one| zeros.clone().map(move |n| (one, n)))
        {
            let mut jwk = signer.jwk("k");
            for name in names {
                let number = BASE64URL_NOPAD
                    .decode(jwk[name].as_str().unwrap().as_bytes())
                    .unwrap();
                jwk[name] = json!(encoding.encode(&[vec![0; zeros], number].concat()));
            }
            assert_eq!(
                outcome(&keys(&[jwk.clone()]), &token),
                Ok(()),
                "{algorithm} {jwk}"
            );
        }
    }
}

#[test]
fn a_coordinate_without_its_leading_zeros_is_the_same() {
    // One key in 128 has such a coordinate.
    let has_zero = |signer: &Signer| {
        let jwk = signer.jwk("k");
        ["x", "y"].into_iter().find(|name| {
            let text = jwk[name].as_str().unwrap();
            BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()[0] == 0
        })
    };
    let mut signer = p256();
    let name = loop {
        match has_zero(&signer) {
            Some(name) => break name,
            None => signer = p256(),
        }
    };
    let mut jwk = signer.jwk("k");
    let number = BASE64URL_NOPAD
        .decode(jwk[name].as_str().unwrap().as_bytes())
        .unwrap();
    jwk[name] = json!(base64(&number[1..]));
    assert_eq!(
        outcome(&keys(&[jwk]), &signed(&signer, "ES256", Some("k"))),
        Ok(())
    );
}

#[test]
fn a_token_with_an_ignored_key_hears_why() {
    let mut jwk = RSA.jwk("k");
    jwk["use"] = json!("enc");
    let set = keys(&[jwk, ED25519.jwk("other")]);
    let token = signed(&RSA, "RS256", Some("k"));
    let error = set
        .verify(&Token::parse(&token).unwrap(), "idp")
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key `k` of `idp` is not used: its `use` is `enc`, not `sig`"
    );
}

#[test]
fn the_keys_of_a_trust_domain_are_for_jwt_svids_and_those_of_others_are_not() {
    let with_use = |usage: Value| {
        let mut jwk = P256.jwk("k");
        jwk["use"] = usage;
        set(&[jwk])
    };
    for (usage, for_signatures, for_svids) in [
        (json!("jwt-svid"), 0, 1),
        (json!("x509-svid"), 0, 0),
        (json!("sig"), 1, 0),
        (json!(null), 1, 0),
    ] {
        let set = with_use(usage.clone());
        let count = |usage| KeySet::parse(set.as_bytes(), usage).unwrap().len();
        assert_eq!(count(KeyUse::Signatures), for_signatures, "{usage}");
        assert_eq!(count(KeyUse::JwtSvids), for_svids, "{usage}");
    }
    let bundle = with_use(json!("jwt-svid"));
    let told = KeySet::parse(bundle.as_bytes(), KeyUse::Signatures)
        .unwrap()
        .told_ignored();
    assert!(told.unwrap().contains("issuer = \"spiffe://example.org\""));
}

#[test]
fn a_set_names_its_first_ignored_keys() {
    let many: Vec<Value> = (0..40)
        .map(|_| json!({ "kty": "oct", "kid": "`\n" }))
        .collect();
    let told = keys(&many).told_ignored().unwrap();
    assert_eq!(told.matches(r"`'\n`: its `kty`").count(), 32);
    assert!(told.ends_with("; 8 more"), "{told}");
}

#[test]
fn keys_with_the_same_id_are_all_tried_up_to_a_limit() {
    let token = signed(&ED25519, "EdDSA", Some("k"));
    let mut all: Vec<Value> = (0..3).map(|_| ed25519().jwk("k")).collect();
    assert_eq!(outcome(&keys(&all), &token), Err("wrong-signature"));
    all.push(ED25519.jwk("k"));
    assert_eq!(outcome(&keys(&all), &token), Ok(()));
    // Keys of other kinds do not count.
    all.push(RSA.jwk("k"));
    assert_eq!(outcome(&keys(&all), &token), Ok(()));
    all.push(ed25519().jwk("k"));
    assert_eq!(outcome(&keys(&all), &token), Err("too-many-keys"));
}

#[test]
fn a_token_without_an_id_means_every_key_that_fits() {
    let token = signed(&ED25519, "EdDSA", None);
    let mut nameless = ED25519.jwk("");
    nameless.as_object_mut().unwrap().remove("kid");
    assert_eq!(
        outcome(&keys(&[nameless.clone(), RSA.jwk("r")]), &token),
        Ok(())
    );
    assert_eq!(
        outcome(&keys(&[ED25519.jwk("a"), ed25519().jwk("b")]), &token),
        Ok(())
    );
    assert_eq!(
        outcome(&keys(&[ed25519().jwk("b")]), &token),
        Err("wrong-signature")
    );
    assert_eq!(outcome(&keys(&[RSA.jwk("r")]), &token), Err("unfit-key"));
    let many: Vec<Value> = (0..5).map(|_| ed25519().jwk("k")).collect();
    assert_eq!(outcome(&keys(&many), &token), Err("too-many-keys"));
    // A token that names a key does not match keys without a name.
    let named = signed(&ED25519, "EdDSA", Some("k"));
    assert_eq!(outcome(&keys(&[nameless]), &named), Err("unknown-key"));
}

#[test]
fn what_is_no_set() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[]"#,
        "<html>",
    ] {
        assert_eq!(
            KeySet::parse(text.as_bytes(), KeyUse::Signatures).unwrap_err(),
            NoKeySet,
            "{text}"
        );
    }
    assert_eq!(
        KeySet::parse(br#"{"keys":[]}"#, KeyUse::Signatures)
            .unwrap()
            .len(),
        0
    );
}
