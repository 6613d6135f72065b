//! The cryptography that no login can do without: one request to verify, a user JWT and a response to sign, each with
//! Ed25519 and as long as NATS makes them. What a decision costs is told beside it.

#[cfg(feature = "measure")]
use anyhow::{Context, Result, anyhow};
#[cfg(feature = "measure")]
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

#[cfg(feature = "measure")]
use crate::Work;

/// What the names of these works begin with, whichever the library is.
pub const PREFIX: &str = "crypto floor";
/// What a decision is told beside.
pub const FLOOR: &str = "crypto floor: 1 verification, 2 signatures (aws-lc-rs)";

/// The seed of the key that signs and whose signatures are verified. Any will do.
pub const SEED: [u8; 32] = [7; 32];

/// What is signed and verified.
#[derive(Clone, Debug)]
pub struct Messages {
    /// A server's authorization request.
    pub request: Vec<u8>,
    /// The user JWT.
    pub user: Vec<u8>,
    /// The response that it travels in.
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

/// The cryptography of a login, with the library that the host uses.
///
/// # Errors
///
/// When the library fails.
#[cfg(feature = "measure")]
pub fn with_aws_lc_rs() -> Result<Work<'static>> {
    let messages = Messages::default();
    let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).map_err(|_| anyhow!("no key pair"))?;
    let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
    let signature = pair.sign(&messages.request);
    Ok(Work::new(FLOOR, move || {
        let verified = public.verify(&messages.request, signature.as_ref());
        verified.ok().context("a good signature is refused")?;
        Ok((pair.sign(&messages.user), pair.sign(&messages.response)))
    }))
}
