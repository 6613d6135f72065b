//! Proofs of identities.

use portcullis_claims::UserKey;
use serde_json::json;

use crate::site::Site;

/// Makes a site whose policy abstains from every login.
fn abstaining() -> Site {
    let site = Site::new("");
    let guest = portcullis_test_support::guest("abstains").unwrap();
    site.put("policies/p.wasm", guest);
    site
}

#[test]
fn a_seed_proves_its_nkey_and_a_public_nkey_proves_nothing() {
    let site = abstaining();
    let seed = UserKey::generate_seed().unwrap();
    let key = UserKey::from_seed(seed.expose()).unwrap();
    site.put("user.nk", seed.expose());
    let proved = site.run(&["decide", "--nkey-seed-file", "user.nk"]);
    proved.expect(
        82,
        &[
            "identity: proved, method nkey\n",
            "  the client signed the server's nonce with its nkey\n",
            &format!("  principal: {}\n", key.public_key()),
        ],
    );
    assert!(!proved.stdout.contains(seed.expose()), "{proved:?}");
    let claimed = site.run(&["decide", "--nkey", key.public_key()]);
    claimed.expect(
        82,
        &["identity: claimed, method nkey\n  nothing is proved: "],
    );
}

#[test]
fn a_token_that_the_host_cannot_verify_asks_no_policy() {
    let issuer = "[identity.issuers.idp]\nissuer = \"https://idp.example\"\naudiences = [\"nats\"]\njwks-file = \"keys.json\"\n";
    let site = abstaining();
    let file = site.path().join("portcullis.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    site.put("portcullis.toml", format!("{config}\n{issuer}"));
    // The public key of RFC 7515, appendix A.3.
    let key = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "alg": "ES256",
        "use": "sig",
    });
    site.put("keys.json", json!({ "keys": [key] }).to_string());
    let refused = site.run(&["decide", "--token", "eyJhbGciOiJFUzI1NiJ9.e30.AA"]);
    refused.expect(
        82,
        &[
            "deny: identity-rejected: ",
            "identity: not proved, so no policy is asked\n",
        ],
    );
    assert!(!refused.stdout.contains("eyJhbGci"), "{refused:?}");
}

#[test]
fn a_described_identity_counts_and_the_values_of_its_claims_are_not_shown() {
    let site = abstaining();
    let login = json!({
        "token": "made-up",
        "identity": {
            "method": "oidc",
            "proved": true,
            "principal": "ann",
            "issuer": "https://idp.example",
            "groups": ["ops"],
            "claims": { "sub": "ann", "email": "ann@example.com", "none": null, "id": u64::MAX },
        },
        "client": { "host": "10.1.2.3" },
    });
    site.put("login.json", login.to_string());
    let decided = site.run(&["decide", "login.json", "--type", "MQTT", "--mqtt-id", "d1"]);
    decided.expect(
        82,
        &[
            "  connection: MQTT, from 10.1.2.3\n",
            "identity: described, method oidc\n  the login describes it, and nothing was verified\n",
            "  groups: ops\n  claims: email, id, none, sub\n",
        ],
    );
    assert!(!decided.stdout.contains("ann@example.com"), "{decided:?}");
    let shown = site.run(&["decide", "login.json", "--json"]);
    assert!(!shown.stdout.contains("ann@example.com"), "{shown:?}");
    assert_eq!(
        shown.json()["identity"]["claims"],
        json!(["email", "id", "none", "sub"])
    );
    let with_claims = site.run(&["decide", "login.json", "--json", "--claims"]);
    let claims = &with_claims.json()["login"]["identity"]["claims"];
    assert_eq!(*claims, login["identity"]["claims"]);
    let without_json = site.run(&["decide", "login.json", "--claims"]);
    assert_eq!(without_json.code, Some(64), "{without_json:?}");
}
