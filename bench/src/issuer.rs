//! An identity provider without a network.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::CLAIMS;

/// The lifetime of tokens, in seconds.
const IN_FORCE: u64 = 3600;
/// The id of the provider's only key.
const KEY_ID: &str = "first";

/// An identity provider with one RSA key of 2048 bits, whose tokens have the [`CLAIMS`].
#[derive(Debug)]
pub struct Issuer(KeyPair);

impl Issuer {
    /// The `iss` of the provider's tokens.
    pub const NAME: &str = "https://login.example.com/realms/orders";
    /// The `aud` of the provider's tokens.
    pub const AUDIENCE: &str = "nats";

    /// Creates a provider with a new key, which takes some tenths of a second.
    ///
    /// # Errors
    ///
    /// Fails if the library cannot make a key.
    pub fn generate() -> Result<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048);
        Ok(Self(key.map_err(|_| anyhow!("no key can be made"))?))
    }

    /// Returns the provider's public key as a JWK set.
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

    /// Returns the provider's public key in the form that aws-lc-rs verifies with.
    pub fn public_key(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// Returns a token with these roles in the claim `roles`, valid for an hour. It is signed with
    /// RS256, the default of most providers.
    ///
    /// # Errors
    ///
    /// Fails if the token cannot be signed.
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

    /// Returns a signature of `message` with RS256.
    ///
    /// # Errors
    ///
    /// Fails if the library does.
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
