//! Activation JWTs on disk, by the hash under which the Go library looks for them.

mod room;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE32;
use parking_lot::Mutex;
use portcullis_claims::ActivationClaims;
use portcullis_core::PublicKey;
use portcullis_files::Disk;

use crate::account_jwts::{AccountJwts, Written};
use crate::error::StoreError;
use crate::records::{Records, damaged};
use crate::validate::{Findings, Validate};
use room::Room;

/// Maximum size of an activation, in bytes. It names one subject.
const MAX_SIZE: usize = 16 << 10;

/// Activation JWTs in a directory, one file `HASH.jwt` for each.
#[derive(Clone, Debug)]
pub(crate) struct Activations {
    records: Records,
    room: Arc<Mutex<Room>>,
}

/// Maximum numbers of activations in a store. Each account of the operator can sign any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivationLimits {
    /// Maximum number of all activations. Default: 10,000.
    pub total: usize,
    /// Maximum number of activations that one account signed, so that it cannot use up the room of
    /// the others. Default: 1,000.
    pub per_account: usize,
}

/// An activation JWT whose signature matches its issuer.
#[derive(Clone, Debug)]
pub struct ActivationJwt {
    /// Hash of issuer, subject and imported subject.
    pub hash: String,
    /// Claims of the activation.
    pub claims: ActivationClaims,
    /// The JWT itself.
    pub token: String,
}

/// A reason why an activation is not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotActivated {
    /// The text is no activation JWT, its signature does not match, or a field is missing.
    #[error("bad activation JWT in request")]
    Unreadable,
    /// No account of the store is the issuer.
    #[error("untrusted issuer in request: have an account of this operator sign the activation")]
    Untrusted,
    /// The import would be refused.
    #[error("the activation JWT has validation issues: {}", texts(.0))]
    Invalid(Findings),
    /// A later activation of this hash is stored.
    #[error("a later activation is stored; sign the activation again")]
    Older,
    /// The activation is too large.
    #[error("the activation JWT has {0} bytes; at most {MAX_SIZE} are stored")]
    TooLarge(usize),
    /// The store has as many activations as it may.
    #[error("{0} activations are stored, which is the most: have the operator delete some")]
    Full(usize),
    /// The store has as many activations of one account as it may.
    #[error(
        "the account `{account}` has {stored} activations stored, which is the most for one account: have the operator delete some"
    )]
    AccountFull {
        /// Account that signed the activation.
        account: String,
        /// Number of its activations in the store.
        stored: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ActivationJwt {
    /// Decodes a JWT. `None` if the text is no activation JWT, or if it has no hash.
    pub(crate) fn decode(token: &str) -> Option<Self> {
        let token = token.trim();
        let claims = ActivationClaims::decode(token).ok()?;
        Some(Self {
            hash: hash(&claims)?,
            claims,
            token: token.to_owned(),
        })
    }

    /// Returns the account that signed the activation, itself or with a signing key.
    fn exporter(&self) -> &str {
        exporter(&self.claims)
    }
}

impl ActivationLimits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        total: 10_000,
        per_account: 1_000,
    };
}

impl Default for ActivationLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Activations {
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: PathBuf) -> Self {
        Self {
            records: Records::new(disk, directory, "jwt"),
            room: Arc::default(),
        }
    }

    pub(crate) fn remove_leftovers(&self, before: SystemTime) -> Result<(), StoreError> {
        self.records.remove_leftovers(before)
    }

    /// Returns the activation with a hash. `None` if the store has none, or if the text is no hash.
    pub(crate) fn get(&self, hash: &str) -> Result<Option<ActivationJwt>, StoreError> {
        if !is_hash(hash) {
            return Ok(None);
        }
        let Some(text) = self.records.read(hash)? else {
            return Ok(None);
        };
        match ActivationJwt::decode(text.expose()) {
            Some(found) if found.hash == hash => Ok(Some(found)),
            _ => {
                let problem = "it is not the activation of its name";
                Err(damaged(self.records.path(hash), problem))
            }
        }
    }

    /// Stores an activation that an account of `accounts` signed, if it is valid at the time `now`,
    /// later than the stored one, and within `limits`.
    pub(crate) fn put(
        &self,
        token: &str,
        accounts: &AccountJwts,
        limits: ActivationLimits,
        now: u64,
    ) -> Result<(ActivationJwt, Written), NotActivated> {
        if token.len() > MAX_SIZE {
            return Err(NotActivated::TooLarge(token.len()));
        }
        let given = ActivationJwt::decode(token).ok_or(NotActivated::Unreadable)?;
        if !is_trusted(&given.claims, accounts)? {
            return Err(NotActivated::Untrusted);
        }
        let findings = given.claims.validate(now);
        if findings.is_refused() {
            return Err(NotActivated::Invalid(findings));
        }
        self.records.create()?;
        let _lock = self.records.lock()?;
        let written = match self.get(&given.hash)? {
            None => {
                // The lock of the directory is held, so no other process changes it meanwhile.
                self.room.lock().make(self, &given, limits, now)?;
                Written::Added
            }
            Some(stored) if stored.token == given.token => return Ok((given, Written::Unchanged)),
            Some(stored) if stored.claims.issued_at < given.claims.issued_at => Written::Replaced,
            Some(_) => return Err(NotActivated::Older),
        };
        self.records.write(&given.hash, &given.token)?;
        Ok((given, written))
    }
}

/// Returns whether an account of the store signed the activation, itself or with a signing key.
fn is_trusted(claims: &ActivationClaims, accounts: &AccountJwts) -> Result<bool, StoreError> {
    let issuer = claims.issuer.as_deref().unwrap_or_default();
    let Ok(account) = exporter(claims).parse::<PublicKey>() else {
        return Ok(false);
    };
    let Some(exporter) = accounts.get(&account)? else {
        return Ok(false);
    };
    let signs = exporter.claims.nats.signing_keys.contains(issuer);
    Ok(issuer == account.as_str() || signs)
}

fn exporter(claims: &ActivationClaims) -> &str {
    let issuer = claims.issuer.as_deref().unwrap_or_default();
    claims.nats.issuer_account.as_deref().unwrap_or(issuer)
}

/// Returns the hash of an activation as the Go library computes it: of issuer, subject, and the
/// imported subject before its first wildcard. `None` if one of them is missing.
fn hash(claims: &ActivationClaims) -> Option<String> {
    let present = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let issuer = present(claims.issuer.as_deref())?;
    let subject = present(claims.subject.as_deref())?;
    let import = present(Some(&claims.nats.import_subject))?;
    let literal: Vec<_> = import
        .split('.')
        .take_while(|token| !matches!(*token, "*" | ">"))
        .collect();
    let literal = if literal.is_empty() {
        "_".to_owned()
    } else {
        literal.join(".")
    };
    let text = format!("{issuer}.{subject}.{literal}");
    Some(BASE32.encode(digest(&SHA256, text.as_bytes()).as_ref()))
}

fn is_hash(text: &str) -> bool {
    text.len() == 56 && BASE32.decode(text.as_bytes()).is_ok()
}

fn texts(findings: &Findings) -> String {
    let texts: Vec<_> = findings.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use portcullis_claims::ShareKind;

    use super::*;

    #[test]
    fn the_hash_is_that_of_the_go_library() {
        // Computed from the definition: BASE32(SHA-256("issuer.subject.import")).
        for (import, expected) in [
            (
                "foo.bar",
                "FSFEKFA5W2DPTRPYOMSX2UH2TDQRAQCYNSV4DDYG3HNB4AEBBMGA====",
            ),
            (
                "foo.*.bar",
                "V5U4X7542SA5JTCVAQR7TJEBY4ZWJ2TPIE7P2AX5FGFUMF3DVQGQ====",
            ),
            (
                ">",
                "QADD7I7SYBRMOJ5ARSBGRNCNELLI5FSTGAO4C2RVSNJT3JY2LHYA====",
            ),
        ] {
            let mut claims = ActivationClaims::new("AB", import, ShareKind::Stream, 1);
            assert_eq!(hash(&claims), None, "no issuer");
            claims.issuer = Some("AA".to_owned());
            assert_eq!(hash(&claims).as_deref(), Some(expected), "{import}");
        }
    }
}
