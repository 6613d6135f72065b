//! The cryptography of a login with other libraries than the host's.

use anyhow::{Context, Result, anyhow};
use ed25519_dalek::{Signer, SigningKey, Verifier};
use portcullis_bench::Work;
use portcullis_bench::floor::{Messages, SEED};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

pub(crate) fn works() -> Result<[Work<'static>; 2]> {
    Ok([with_ring()?, with_dalek()])
}

fn with_ring() -> Result<Work<'static>> {
    let messages = Messages::default();
    let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).map_err(|_| anyhow!("no key pair"))?;
    let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
    let signature = pair.sign(&messages.request);
    Ok(Work::new("crypto floor (ring)", move || {
        let verified = public.verify(&messages.request, signature.as_ref());
        verified.ok().context("a good signature is refused")?;
        Ok((pair.sign(&messages.user), pair.sign(&messages.response)))
    }))
}

fn with_dalek() -> Work<'static> {
    let messages = Messages::default();
    let pair = SigningKey::from_bytes(&SEED);
    let public = pair.verifying_key();
    let signature = pair.sign(&messages.request);
    Work::new("crypto floor (ed25519-dalek)", move || {
        public.verify(&messages.request, &signature)?;
        Ok((pair.sign(&messages.user), pair.sign(&messages.response)))
    })
}
