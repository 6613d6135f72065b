//! One JWK: its use and its public key.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

use crate::oidc::TokenAlgorithm;
use crate::oidc::error::shown;

/// Accepted sizes of an RSA modulus in bytes, 2048 to 8192 bits. Shorter ones can be broken (RFC
/// 7518, section 3.3), and longer ones take too much time.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key in the form of the set.
#[derive(Deserialize)]
pub(super) struct Jwk {
    kty: String,
    pub(super) kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A reason why a key is not used, as a sentence about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is no JWK: expected an object with `kty`, and texts in it")]
    NoJwk,
    #[error("its `use` is `{0}`, not `sig`")]
    Use(String),
    #[error(
        "its `use` is `jwt-svid`: for SPIFFE the issuer is the trust domain, as `issuer = \"spiffe://example.org\"`"
    )]
    UseOfSpiffe,
    #[error(
        "its `use` is not `jwt-svid`, which is all that counts in the bundle of a trust domain"
    )]
    UseOfOthers,
    #[error("its `key_ops` do not have `verify`")]
    Operations,
    #[error("its `alg` `{0}` is no signature algorithm with a public key that the host knows")]
    Algorithm(String),
    #[error("its `kty` `{0}` is none that the host knows; those are RSA, EC and OKP")]
    Type(String),
    #[error(
        "its `crv` `{0}` is none that the host knows for its `kty`; those are P-256, P-384 and Ed25519"
    )]
    Curve(String),
    #[error("it has no `{0}`")]
    Missing(&'static str),
    #[error("its `{0}` is not base64")]
    Encoding(&'static str),
    #[error("its modulus has {0} bytes; 256 to 1024 are accepted")]
    Modulus(usize),
    #[error("its `{name}` has {found} bytes instead of {expected}")]
    Length {
        name: &'static str,
        found: usize,
        expected: usize,
    },
}

impl Jwk {
    pub(super) fn read(value: Value) -> Result<Self, Unusable> {
        serde_json::from_value(value).map_err(|_| Unusable::NoJwk)
    }

    /// Checks that the key is for the required use (RFC 7517, sections 4.2 and 4.3).
    pub(super) fn check_use(&self, usage: KeyUse) -> Result<(), Unusable> {
        match (usage, self.r#use.as_deref()) {
            (KeyUse::Signatures, None | Some("sig")) | (KeyUse::JwtSvids, Some("jwt-svid")) => {}
            (KeyUse::Signatures, Some("jwt-svid")) => return Err(Unusable::UseOfSpiffe),
            (KeyUse::Signatures, Some(other)) => return Err(Unusable::Use(shown(other))),
            (KeyUse::JwtSvids, _) => return Err(Unusable::UseOfOthers),
        }
        let operations = self.key_ops.as_ref();
        if operations.is_none_or(|all| all.iter().any(|operation| operation == "verify")) {
            Ok(())
        } else {
            Err(Unusable::Operations)
        }
    }

    /// Returns the algorithm that the key is restricted to. `None` if it names none.
    pub(super) fn algorithm(&self) -> Result<Option<TokenAlgorithm>, Unusable> {
        let parse = |name: &String| name.parse().map_err(|_| Unusable::Algorithm(shown(name)));
        self.alg.as_ref().map(parse).transpose()
    }

    /// Returns the public key if it is complete (RFC 7518, section 6; RFC 8037, section 2).
    pub(super) fn material(&self) -> Result<(Kind, DecodingKey), Unusable> {
        let curve = |curve: Option<&str>| curve.map(shown).ok_or(Unusable::Missing("crv"));
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Ok((Kind::Rsa, self.rsa()?)),
            ("EC", Some("P-256")) => Ok((Kind::P256, self.point(32)?)),
            ("EC", Some("P-384")) => Ok((Kind::P384, self.point(48)?)),
            ("OKP", Some("Ed25519")) => Ok((Kind::Ed25519, self.edwards()?)),
            ("EC" | "OKP", other) => Err(Unusable::Curve(curve(other)?)),
            (other, _) => Err(Unusable::Type(shown(other))),
        }
    }

    fn rsa(&self) -> Result<DecodingKey, Unusable> {
        let modulus = number("n", self.n.as_ref())?;
        if !RSA_BYTES.contains(&modulus.len()) {
            return Err(Unusable::Modulus(modulus.len()));
        }
        let exponent = number("e", self.e.as_ref())?;
        Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
    }

    fn point(&self, size: usize) -> Result<DecodingKey, Unusable> {
        let x = coordinate("x", self.x.as_ref(), size)?;
        let y = coordinate("y", self.y.as_ref(), size)?;
        Ok(DecodingKey::from_ec_der(&[&[4], x.as_slice(), &y].concat()))
    }

    /// Returns an Ed25519 key. Its 32 octets are not a number, so leading zeros are part of the
    /// key.
    fn edwards(&self) -> Result<DecodingKey, Unusable> {
        let key = octets("x", self.x.as_ref())?;
        let (found, expected) = (key.len(), 32);
        if found != expected {
            let name = "x";
            return Err(Unusable::Length {
                name,
                found,
                expected,
            });
        }
        Ok(DecodingKey::from_ed_der(&key))
    }
}

/// Returns a coordinate of a point in exactly `size` bytes, with any number of leading zeros.
fn coordinate(name: &'static str, text: Option<&String>, size: usize) -> Result<Vec<u8>, Unusable> {
    let number = number(name, text)?;
    let Some(missing) = size.checked_sub(number.len()) else {
        let (found, expected) = (number.len(), size);
        return Err(Unusable::Length {
            name,
            found,
            expected,
        });
    };
    Ok([vec![0; missing], number].concat())
}

/// Returns a number without leading zeros. RFC 7518 allows none in a modulus, but some issuers keep
/// the zero that makes it positive in DER.
fn number(name: &'static str, text: Option<&String>) -> Result<Vec<u8>, Unusable> {
    let octets = octets(name, text)?;
    Ok(octets.into_iter().skip_while(|byte| *byte == 0).collect())
}

/// Decodes octets in URL-safe base64, which RFC 7518 requires, or in standard base64, padded or
/// not. No text has two meanings.
fn octets(name: &'static str, text: Option<&String>) -> Result<Vec<u8>, Unusable> {
    let text = text.ok_or(Unusable::Missing(name))?.trim_ascii();
    let for_urls = text
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    BASE64URL_NOPAD
        .decode(for_urls.as_bytes())
        .map_err(|_| Unusable::Encoding(name))
}

/// The required use of a set's keys (`use`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyUse {
    /// Signatures of tokens: `use` is `sig` or missing.
    Signatures,
    /// JWT-SVIDs: `use` is `jwt-svid` (SPIFFE Trust Domain and Bundle, 4.2.2).
    JwtSvids,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}
