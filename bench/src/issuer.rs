//! An identity provider without a network.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::CLAIMS;

/// How long tokens are good for, in seconds.
const IN_FORCE: u64 = 3600;
/// The id of its only key.
const KEY_ID: &str = "first";

/// An identity provider with one RSA key of 2048 bits, whose tokens say what [`CLAIMS`] say.
#[derive(Debug)]
pub struct Issuer(KeyPair);

impl Issuer {
    /// The `iss` of its tokens.
    pub const NAME: &str = "https://login.example.com/realms/orders";
    /// Whom its tokens are made for.
    pub const AUDIENCE: &str = "nats";

    /// With a new key, which takes some tenths of a second.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn generate() -> Result<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048);
        Ok(Self(key.map_err(|_| anyhow!("no key can be made"))?))
    }

    /// Its key as verifiers want it, a JWK set.
    pub fn keys(&self) -> String {
        let key = self.0.public_key();
        let [n, e] = [
            key.modulus().big_endian_without_leading_zero(),
            key.exponent().big_endian_without_leading_zero(),
        ];
        let [n, e] = [n, e].map(|number| BASE64URL_NOPAD.encode(number));
        let key =
            json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": n, "e": e });
        json!({ "keys": [key] }).to_string()
    }

    /// Its key as aws-lc-rs wants it to verify with.
    pub fn public_key(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// A token with these roles, in the claim `roles`, good for an hour. Signed with RS256, what most providers sign with unless they are
    /// told otherwise.
    ///
    /// # Errors
    ///
    /// When it cannot be signed.
    pub fn token(&self, roles: &[&str]) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.context("the clock stands before 1970")?.as_secs();
        let mut claims: Value = serde_json::from_str(&format!("{{ {CLAIMS} }}"))?;
        let fields = claims.as_object_mut().context("claims are no object")?;
        fields.insert("roles".to_owned(), json!(roles));
        fields.insert("iat".to_owned(), json!(now));
        fields.insert("exp".to_owned(), json!(now + IN_FORCE));
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID });
        let [header, claims] =
            [header, claims].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
        let signed = format!("{header}.{claims}");
        let signature = BASE64URL_NOPAD.encode(&self.sign(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }

    /// A signature with RS256.
    ///
    /// # Errors
    ///
    /// When the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let signed = self.0.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        );
        signed.map_err(|_| anyhow!("a token cannot be signed"))?;
        Ok(signature)
    }
}
