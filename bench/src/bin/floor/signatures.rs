//! Ed25519, with every library that a Rust host could use.

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::signature as aws_lc;
use aws_lc_rs::signature::KeyPair as _;
use ed25519_dalek::{Signer, Verifier};
use portcullis_bench::Work;
use portcullis_bench::floor::{Messages, SEED};
use portcullis_claims::{KnownSigners, PublicKey};
use ring::KeyPair as _;
use ring::signature as ring;

/// A library with a key.
struct Library {
    name: &'static str,
    sign: Sign,
    /// Fails if the signature does not match the message.
    verify: Verify,
}

/// A function that signs a message.
type Sign = Box<dyn Fn(&[u8]) -> Result<Vec<u8>>>;
/// A function that verifies a signature, which is the second argument, of a message.
type Verify = Box<dyn Fn(&[u8], &[u8]) -> Result<()>>;

/// Returns a verification of a request and a signature of a user JWT with each library; the host's
/// comes first.
pub(crate) fn works() -> Result<[Vec<Work<'static>>; 2]> {
    let verifications = [
        with_aws_lc_rs()?,
        with_known_signer()?,
        with_ring()?,
        with_dalek(),
        with_nkeys()?,
    ];
    let signatures = [with_aws_lc_rs()?, with_ring()?, with_dalek(), with_nkeys()?];
    let verifications = verifications.into_iter().map(Library::verification);
    Ok([
        verifications.collect::<Result<_>>()?,
        signatures.map(Library::signature).into(),
    ])
}

impl Library {
    fn verification(self) -> Result<Work<'static>> {
        let request = Messages::default().request;
        let signature = (self.sign)(&request)?;
        let name = format!("verification of a request, {}", self.name);
        Ok(Work::new(name, move || (self.verify)(&request, &signature)))
    }

    fn signature(self) -> Work<'static> {
        let user = Messages::default().user;
        let name = format!("signature of a user JWT, {}", self.name);
        Work::new(name, move || (self.sign)(&user))
    }
}

fn with_aws_lc_rs() -> Result<Library> {
    let pair = aws_lc::Ed25519KeyPair::from_seed_unchecked(&SEED);
    let pair = pair.map_err(|_| anyhow!("no key pair"))?;
    let public = pair.public_key().as_ref().to_vec();
    let public = aws_lc::UnparsedPublicKey::new(&aws_lc::ED25519, public);
    Ok(Library {
        name: "aws-lc-rs",
        sign: Box::new(move |message| Ok(pair.sign(message).as_ref().to_vec())),
        verify: Box::new(move |message, signature| refused(public.verify(message, signature).ok())),
    })
}

/// Returns the way in which the host verifies requests of a server that sends many.
fn with_known_signer() -> Result<Library> {
    let pair = nkeys::KeyPair::new_from_raw(nkeys::KeyPairType::Server, SEED)?;
    let public: PublicKey = pair.public_key().parse()?;
    let signers = KnownSigners::new();
    Ok(Library {
        name: "portcullis, a server that asks often",
        sign: Box::new(move |message| Ok(pair.sign(message)?)),
        verify: Box::new(move |message, signature| {
            refused(signers.verify(&public, message, signature).then_some(()))
        }),
    })
}

fn with_ring() -> Result<Library> {
    let pair = ring::Ed25519KeyPair::from_seed_unchecked(&SEED);
    let pair = pair.map_err(|_| anyhow!("no key pair"))?;
    let public = pair.public_key().as_ref().to_vec();
    let public = ring::UnparsedPublicKey::new(&ring::ED25519, public);
    Ok(Library {
        name: "ring",
        sign: Box::new(move |message| Ok(pair.sign(message).as_ref().to_vec())),
        verify: Box::new(move |message, signature| refused(public.verify(message, signature).ok())),
    })
}

fn with_dalek() -> Library {
    let pair = ed25519_dalek::SigningKey::from_bytes(&SEED);
    let public = pair.verifying_key();
    Library {
        name: "ed25519-dalek",
        sign: Box::new(move |message| Ok(pair.sign(message).to_bytes().to_vec())),
        verify: Box::new(move |message, signature| {
            let signature = ed25519_dalek::Signature::from_slice(signature)?;
            Ok(public.verify(message, &signature)?)
        }),
    }
}

fn with_nkeys() -> Result<Library> {
    let pair = || nkeys::KeyPair::new_from_raw(nkeys::KeyPairType::Server, SEED);
    let (pair, public) = (pair()?, pair()?.public_key());
    let public = nkeys::KeyPair::from_public_key(&public)?;
    Ok(Library {
        name: "nkeys",
        sign: Box::new(move |message| Ok(pair.sign(message)?)),
        verify: Box::new(move |message, signature| Ok(public.verify(message, signature)?)),
    })
}

fn refused(verified: Option<()>) -> Result<()> {
    verified.context("a good signature is refused")
}
