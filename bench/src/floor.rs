//! The cryptography that every login needs, which decisions are compared with. A request is
//! verified, and a user JWT and a response are signed, with Ed25519 and the usual lengths.

#[cfg(feature = "issuer")]
use anyhow::{Context, Result, anyhow};
#[cfg(feature = "issuer")]
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};

#[cfg(feature = "issuer")]
use crate::{Issuer, Work};

/// The prefix of the names of these works, for every library.
pub const PREFIX: &str = "crypto floor";
/// The name of the work that decisions are compared with.
pub const FLOOR: &str = "crypto floor: 1 verification, 2 signatures (aws-lc-rs)";
/// The name of the work that logins with a token of an identity provider are compared with.
#[cfg(feature = "issuer")]
const FLOOR_OF_TOKEN: &str = "crypto floor with a token: 1 verification of RS256 more (aws-lc-rs)";
/// The name of the verification that such a token adds.
pub const TOKEN: &str = "verification of a token's RS256, aws-lc-rs";

/// The seed of the key that signs the messages. The value does not matter.
pub const SEED: [u8; 32] = [7; 32];

/// The length of the part of a token that a provider signs, in bytes.
#[cfg(feature = "issuer")]
const TOKEN_LENGTH: usize = 700;

/// The messages that are signed and verified.
#[derive(Clone, Debug)]
pub struct Messages {
    /// A server's authorization request.
    pub request: Vec<u8>,
    /// The user JWT.
    pub user: Vec<u8>,
    /// The response that contains the user JWT.
    pub response: Vec<u8>,
}

impl Default for Messages {
    fn default() -> Self {
        let of = |length| vec![b'a'; length];
        Self {
            request: of(1100),
            user: of(900),
            response: of(1500),
        }
    }
}

/// Measures the cryptography of a login, with the library that the host uses.
///
/// # Errors
///
/// Fails if the library does.
#[cfg(feature = "issuer")]
pub fn with_aws_lc_rs() -> Result<Work<'static>> {
    Ok(Work::new(FLOOR, login()?))
}

/// Measures the verification of a token of an identity provider, with the library that the host
/// uses.
///
/// # Errors
///
/// Fails if the library does.
#[cfg(feature = "issuer")]
pub fn of_token() -> Result<Work<'static>> {
    Ok(Work::new(TOKEN, token()?))
}

/// Measures the cryptography of a login with a token of an identity provider, with the library that
/// the host uses.
///
/// # Errors
///
/// Fails if the library does.
#[cfg(feature = "issuer")]
pub fn with_token() -> Result<Work<'static>> {
    let (login, token) = (login()?, token()?);
    Ok(Work::new(FLOOR_OF_TOKEN, move || {
        token()?;
        login()
    }))
}

#[cfg(feature = "issuer")]
fn login() -> Result<impl Fn() -> Result<[aws_lc_rs::signature::Signature; 2]>> {
    let messages = Messages::default();
    let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).map_err(|_| anyhow!("no key pair"))?;
    let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
    let signature = pair.sign(&messages.request);
    Ok(move || {
        let verified = public.verify(&messages.request, signature.as_ref());
        verified.ok().context("a good signature is refused")?;
        Ok([&messages.user, &messages.response].map(|message| pair.sign(message)))
    })
}

#[cfg(feature = "issuer")]
fn token() -> Result<impl Fn() -> Result<()>> {
    let issuer = Issuer::generate()?;
    let message = vec![b'a'; TOKEN_LENGTH];
    let signature = issuer.sign(&message)?;
    let key = issuer.public_key().to_vec();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    Ok(move || {
        let verified = public.verify(&message, &signature);
        verified.ok().context("a good signature is refused")
    })
}
