//! What is known of an account.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_claims::{AccountClaims, KeyKind, PublicKey, SigningKeys, UserScope};

use super::AccountJwtError;

/// Everybody, among revocations.
const ALL: &str = "*";

/// Who signs for an account, and which of its users' JWTs are void.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Its public key, `A…`.
    pub(crate) key: String,
    signing_keys: SigningKeys,
    revocations: BTreeMap<String, i64>,
    /// When its own JWT begins and ends, in seconds since the Unix epoch.
    pub(crate) not_before: Option<u64>,
    pub(crate) expires_at: Option<u64>,
    /// Whether its users have to sign a nonce.
    pub(crate) disallows_bearer: bool,
}

/// In whose name a key signs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signer<'a> {
    /// In the account's, for any user.
    Account,
    /// In that of a role of the account's.
    Role(&'a UserScope),
}

impl Account {
    /// An account that is known by its keys only.
    pub(crate) fn of_keys(key: &PublicKey, signing_keys: &[PublicKey]) -> Self {
        let mut keys = SigningKeys::default();
        for signing_key in signing_keys {
            keys.insert_plain(signing_key.as_str());
        }
        Self {
            key: key.as_str().to_owned(),
            signing_keys: keys,
            revocations: BTreeMap::new(),
            not_before: None,
            expires_at: None,
            disallows_bearer: false,
        }
    }

    /// The account of the JWT in `text`, which is the content of `path`: on a line of its own, with or without the lines that tools
    /// put around it. Without `operators`, whoever signed it will do.
    ///
    /// # Errors
    ///
    /// Why the JWT cannot be used. Whether it has ended is not looked at.
    pub(crate) fn of_jwt(
        text: &[u8],
        path: &Path,
        operators: &[PublicKey],
    ) -> Result<Self, AccountJwtError> {
        let path = || path.to_owned();
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let token = lines
            .filter_map(|line| str::from_utf8(line).ok())
            .map(|line| line.trim_start_matches('\u{feff}'))
            .find(|line| line.starts_with("eyJ"))
            .ok_or_else(|| AccountJwtError::NoJwt(path()))?;
        let claims = AccountClaims::decode(token).map_err(|source| AccountJwtError::Token {
            path: path(),
            source,
        })?;
        let signer = claims.issuer.unwrap_or_default();
        if !operators.is_empty() && !operators.iter().any(|known| known.as_str() == signer) {
            let path = path();
            return Err(AccountJwtError::Operator { path, signer });
        }
        let key = claims.subject.unwrap_or_default();
        if !PublicKey::is_valid(&key, KeyKind::Account) {
            return Err(AccountJwtError::Subject(path()));
        }
        Ok(Self {
            key,
            signing_keys: claims.nats.signing_keys,
            revocations: claims.nats.revocations,
            not_before: claims.not_before,
            expires_at: claims.expires_at.filter(|end| *end > 0),
            disallows_bearer: claims.nats.limits.disallow_bearer,
        })
    }

    /// In whose name a key signs users; none if in nobody's.
    pub(crate) fn signer(&self, key: &str) -> Option<Signer<'_>> {
        if let Some(scope) = self.signing_keys.scope(key) {
            return Some(Signer::Role(scope));
        }
        (key == self.key || self.signing_keys.contains(key)).then_some(Signer::Account)
    }

    /// Whether the JWTs of `subject` that were issued then (in seconds since the Unix epoch) are void: a revocation takes with
    /// it what was issued up to and in its own second (`isRevoked` of nats-server).
    pub(crate) fn has_revoked(&self, subject: &str, issued_at: u64) -> bool {
        let issued_at = i64::try_from(issued_at).unwrap_or(i64::MAX);
        let revoked = |name| {
            self.revocations
                .get(name)
                .is_some_and(|at| *at >= issued_at)
        };
        revoked(subject) || revoked(ALL)
    }
}
