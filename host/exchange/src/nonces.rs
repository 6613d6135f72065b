//! Nonces: random texts with an end, which this host or another one of its issuer made.
//!
//! A nonce carries its own proof, so making one costs no memory. Only a nonce with which a caller
//! got a user JWT is remembered, until it ends.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use parking_lot::Mutex;
use portcullis_claims::{IssuerKey, KeyError};
use portcullis_core::DenialClass;
use portcullis_environment::Randomness;

/// Text whose signature by the issuer's key is the secret of the nonces. The host signs no other
/// text of this form: JWTs begin with `eyJ`.
const LABEL: &[u8] = b"portcullis-exchange-nonces-v1";

const EXPIRY_LEN: usize = 8;
const RANDOM_LEN: usize = 16;
const SIGNED_LEN: usize = EXPIRY_LEN + RANDOM_LEN;
const TAG_LEN: usize = 32;

/// The maker and verifier of nonces.
#[derive(Debug)]
pub(crate) struct Nonces {
    key: hmac::Key,
    lifetime: Duration,
    /// The used nonces that have not ended, the first to end first.
    used: Mutex<BTreeSet<Nonce>>,
    max_used: usize,
}

/// A nonce that this host or another one of its issuer made, and that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nonce {
    // The derived order begins with the end, by which the used nonces are forgotten.
    expires_at: u64,
    random: [u8; RANDOM_LEN],
}

/// A reason why a proof with a nonce does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadNonce {
    /// No host of this issuer made it.
    #[error("no host of this issuer made the nonce")]
    Unknown,
    /// The nonce has ended.
    #[error("the nonce has expired")]
    Expired,
    /// The signature is not by the nkey.
    #[error("the signature of the proof is not by the nkey")]
    Signature,
    /// The nonce was used before.
    #[error("the nonce was used before")]
    Used,
    /// Too many nonces are remembered to remember this one.
    #[error(
        "as many used nonces are remembered as may be: shorten `nonce-lifetime` or raise `max-used-nonces` under [exchange]"
    )]
    Full,
}

impl BadNonce {
    /// Returns the class of the denial.
    pub(crate) const fn class(self) -> DenialClass {
        match self {
            Self::Unknown | Self::Expired | Self::Signature | Self::Used => {
                DenialClass::ProofRejected
            }
            Self::Full => DenialClass::Overloaded,
        }
    }
}

impl Nonces {
    /// Returns nonces that live for `lifetime`, of which up to `max_used` used ones are remembered.
    /// Hosts with the same `issuer` accept each other's.
    ///
    /// # Errors
    ///
    /// Fails if the key cannot sign.
    pub(crate) fn new(
        issuer: &IssuerKey,
        lifetime: Duration,
        max_used: usize,
    ) -> Result<Self, KeyError> {
        // Ed25519 signatures are deterministic, and only the holders of the seed can make this one.
        let secret = issuer.as_signing_key().sign(LABEL)?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            lifetime,
            used: Mutex::default(),
            max_used,
        })
    }

    /// Returns a new nonce as text, and its end in seconds since the Unix epoch.
    pub(crate) fn issue(&self, now: u64, randomness: &dyn Randomness) -> (String, u64) {
        let expires_at = now.saturating_add(self.lifetime.as_secs());
        let mut random = [0; RANDOM_LEN];
        randomness.fill(&mut random);
        let mut bytes = Vec::with_capacity(SIGNED_LEN + TAG_LEN);
        bytes.extend(expires_at.to_be_bytes());
        bytes.extend(random);
        let tag = hmac::sign(&self.key, &bytes);
        bytes.extend(tag.as_ref());
        (BASE64URL_NOPAD.encode(&bytes), expires_at)
    }

    /// Returns the nonce of a text.
    ///
    /// # Errors
    ///
    /// Fails if no host of this issuer made it, or if it has ended.
    pub(crate) fn verify(&self, text: &str, now: u64) -> Result<Nonce, BadNonce> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
        let bytes = bytes.map_err(|_| BadNonce::Unknown)?;
        let (signed, tag) = bytes
            .split_at_checked(SIGNED_LEN)
            .ok_or(BadNonce::Unknown)?;
        hmac::verify(&self.key, signed, tag).map_err(|_| BadNonce::Unknown)?;
        let (expiry, random) = signed.split_first_chunk().ok_or(BadNonce::Unknown)?;
        let expires_at = u64::from_be_bytes(*expiry);
        if expires_at <= now {
            return Err(BadNonce::Expired);
        }
        let random = random.try_into().map_err(|_| BadNonce::Unknown)?;
        Ok(Nonce { expires_at, random })
    }

    /// Uses a nonce, once.
    ///
    /// # Errors
    ///
    /// Fails if the nonce was used before, or if no more can be remembered. A forgotten nonce could
    /// be used twice, so none is forgotten before its end.
    pub(crate) fn spend(&self, nonce: Nonce, now: u64) -> Result<(), BadNonce> {
        // The nonce may have ended since it was verified, and then its first use is forgotten.
        if nonce.expires_at <= now {
            return Err(BadNonce::Expired);
        }
        let mut used = self.used.lock();
        while used.first().is_some_and(|first| first.expires_at <= now) {
            used.pop_first();
        }
        if used.contains(&nonce) {
            return Err(BadNonce::Used);
        }
        if used.len() >= self.max_used {
            return Err(BadNonce::Full);
        }
        used.insert(nonce);
        Ok(())
    }

    /// Returns the number of used nonces in memory.
    pub(crate) fn used(&self) -> usize {
        self.used.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_environment::SystemRandomness;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn nonces(seed: &str) -> Nonces {
        let issuer = IssuerKey::from_seed(seed).unwrap();
        Nonces::new(&issuer, Duration::from_mins(1), 2).unwrap()
    }

    #[test]
    fn hosts_of_one_issuer_accept_each_others_nonces_until_they_end() {
        let seed = IssuerKey::generate_seed().unwrap();
        let (one, other) = (nonces(seed.expose()), nonces(seed.expose()));
        let (text, expires_at) = one.issue(NOW, &SystemRandomness);
        assert_eq!(expires_at, NOW + 60);
        assert!(other.verify(&text, NOW + 59).is_ok());
        assert_eq!(other.verify(&text, NOW + 60), Err(BadNonce::Expired));
        let stranger = nonces(IssuerKey::generate_seed().unwrap().expose());
        assert_eq!(stranger.verify(&text, NOW), Err(BadNonce::Unknown));
    }

    #[test]
    fn a_changed_nonce_is_unknown() {
        let nonces = nonces(IssuerKey::generate_seed().unwrap().expose());
        let (text, _) = nonces.issue(NOW, &SystemRandomness);
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(nonces.verify(&changed, NOW), Err(BadNonce::Unknown));
        }
        for other in ["", "AAAA", text.get(4..).unwrap(), &format!("{text}AAAA")] {
            assert_eq!(nonces.verify(other, NOW), Err(BadNonce::Unknown));
        }
    }

    #[test]
    fn a_nonce_is_used_once_and_a_full_memory_accepts_none() {
        let nonces = nonces(IssuerKey::generate_seed().unwrap().expose());
        let nonce = |now| {
            let (text, _) = nonces.issue(now, &SystemRandomness);
            nonces.verify(&text, now).unwrap()
        };
        let first = nonce(NOW);
        assert_eq!(nonces.spend(first, NOW), Ok(()));
        assert_eq!(nonces.spend(first, NOW), Err(BadNonce::Used));
        assert_eq!(nonces.spend(first, NOW + 60), Err(BadNonce::Expired));
        assert_eq!(nonces.spend(nonce(NOW + 30), NOW + 30), Ok(()));
        assert_eq!(nonces.spend(nonce(NOW + 59), NOW + 59), Err(BadNonce::Full));
        assert_eq!(
            nonces.spend(nonce(NOW + 60), NOW + 60),
            Ok(()),
            "the first has ended"
        );
        assert_eq!(nonces.spend(nonce(NOW + 600), NOW + 600), Ok(()));
        assert_eq!(nonces.used(), 1, "those that have ended are forgotten");
    }
}
