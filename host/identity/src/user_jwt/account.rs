//! Facts about a trusted account.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_claims::{AccountClaims, KeyKind, PublicKey, SigningKeys, UserScope};
use portcullis_core::Allowed;

use super::AccountJwtError;

/// Key of the revocation that applies to all users.
const ALL: &str = "*";

/// A trusted account: the keys that sign for it, and the revoked JWTs of its users.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Public key of the account, `A…`.
    pub(crate) key: PublicKey,
    signing_keys: SigningKeys,
    revocations: BTreeMap<String, i64>,
    /// Start of the validity of the account's own JWT, in seconds since the Unix epoch.
    pub(crate) not_before: Option<u64>,
    /// End of the validity of the account's own JWT, in seconds since the Unix epoch.
    pub(crate) expires_at: Option<u64>,
    /// Whether users have to sign a nonce.
    pub(crate) disallows_bearer: bool,
}

/// The authority of a key that signs users.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signer<'a> {
    /// The key signs for the account, for any user.
    Account,
    /// The key signs for a role of the account.
    Role(&'a UserScope),
}

impl Account {
    /// Returns an account of which only the keys are known.
    pub(crate) fn of_keys(key: &PublicKey, signing_keys: &[PublicKey]) -> Self {
        let mut keys = SigningKeys::default();
        for signing_key in signing_keys {
            keys.insert_plain(signing_key.as_str());
        }
        Self {
            key: key.clone(),
            signing_keys: keys,
            revocations: BTreeMap::new(),
            not_before: None,
            expires_at: None,
            disallows_bearer: false,
        }
    }

    /// Parses the account JWT in `text`, the content of `path`. The JWT is on a line of its own,
    /// with or without the lines that tools write around it. One of `operators` has to sign it.
    ///
    /// # Errors
    ///
    /// Fails if the JWT cannot be used. Does not check whether it has expired.
    pub(crate) fn of_jwt(
        text: &[u8],
        path: &Path,
        operators: &Allowed<PublicKey>,
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
        if !operators.allows_where(|known| known.as_str() == signer) {
            let path = path();
            return Err(AccountJwtError::Operator { path, signer });
        }
        let key = claims.subject.and_then(|subject| subject.parse().ok());
        let key = key.filter(|key: &PublicKey| key.kind() == KeyKind::Account);
        let key = key.ok_or_else(|| AccountJwtError::Subject(path()))?;
        let account = claims.nats.into_fields();
        Ok(Self {
            key,
            signing_keys: account.signing_keys,
            revocations: account.revocations,
            not_before: claims.not_before,
            expires_at: claims.expires_at.filter(|end| *end > 0),
            disallows_bearer: account.limits.disallow_bearer,
        })
    }

    /// Returns the authority of a key. `None` if the key signs no users of the account.
    pub(crate) fn signer(&self, key: &str) -> Option<Signer<'_>> {
        if let Some(scope) = self.signing_keys.scope(key) {
            return Some(Signer::Role(scope));
        }
        (key == self.key.as_str() || self.signing_keys.contains(key)).then_some(Signer::Account)
    }

    /// Returns whether the JWTs of `subject` that were issued at `issued_at` (in seconds since the
    /// Unix epoch) are revoked. A revocation applies to JWTs issued up to and in its own second
    /// (`isRevoked` of nats-server).
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
