//! Activations: their JWTs and hashes.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE32;
use portcullis_claims::ActivationClaims;

use crate::error::StoreError;
use crate::records::{Records, damaged};

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
    pub(super) fn exporter(&self) -> &str {
        exporter(&self.claims)
    }
}

/// Returns the activation with a hash. `None` if the store has none, or if the text is no hash.
pub(super) fn read(records: &Records, hash: &str) -> Result<Option<ActivationJwt>, StoreError> {
    if !is_hash(hash) {
        return Ok(None);
    }
    let Some(text) = records.read(hash)? else {
        return Ok(None);
    };
    match ActivationJwt::decode(text.expose()) {
        Some(found) if found.hash == hash => Ok(Some(found)),
        _ => {
            let problem = "it is not the activation of its name";
            Err(damaged(records.path(hash), problem))
        }
    }
}

pub(super) fn exporter(claims: &ActivationClaims) -> &str {
    let issuer = claims.issuer.as_deref().unwrap_or_default();
    claims.nats.issuer_account.as_deref().unwrap_or(issuer)
}

/// Returns the hash of an activation as the Go library computes it: of issuer, subject, and the
/// imported subject before its first wildcard. `None` if one of them is missing.
pub(super) fn hash(claims: &ActivationClaims) -> Option<String> {
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
