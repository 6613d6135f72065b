//! The cryptography of a login, with the library that the host uses.

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use portcullis_bench::Work;
use portcullis_bench::floor::{Messages, SEED};

/// What the names of these works begin with, whichever the library is.
pub(crate) const PREFIX: &str = "crypto floor";
/// What a decision is told beside.
pub(crate) const FLOOR: &str = "crypto floor: 1 verification, 2 signatures (aws-lc-rs)";

pub(crate) fn with_aws_lc_rs() -> Result<Work<'static>> {
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
