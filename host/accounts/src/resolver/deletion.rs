//! Requests over NATS to delete accounts, which the operator signs.

use portcullis_claims::{GenericClaims, OperatorClaims};
use portcullis_core::{KeyKind, PublicKey};
use serde_json::Value;

use super::accept::is_trusted;
use super::counters::Wrote;
use super::lookup::account;
use super::shared::Shared;
use crate::error::StoreError;

/// A reason why a deletion is refused, in the words of servers.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDeleted {
    #[error("delete must be enabled in the resolver's arguments")]
    Disabled,
    #[error("malformed request")]
    Malformed,
    #[error("not self signed")]
    NotSelfSigned,
    #[error("not trusted")]
    NotTrusted,
    #[error("not allowed to delete system account")]
    SystemAccount,
    #[error("the request has expired")]
    Expired,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Shared {
    /// Deletes accounts. Returns their number.
    pub(super) fn delete(&self, token: &str) -> Result<usize, NotDeleted> {
        if !self.options.allow_delete {
            return Err(NotDeleted::Disabled);
        }
        let (operator, _) = self.store.operator()?;
        let claims = GenericClaims::decode(token.trim()).map_err(|_| NotDeleted::Malformed)?;
        let accounts = accounts_to_delete(&claims, &operator)?;
        let now = self.clock.unix_seconds();
        let end = claims.expires_at.filter(|end| *end > 0);
        if end.is_some_and(|end| end < now) {
            return Err(NotDeleted::Expired);
        }
        let asked_at = claims.issued_at.unwrap_or_default();
        let jwts = self.store.accounts();
        jwts.delete_as_asked(&accounts, asked_at, now)?;
        for account in &accounts {
            self.counters.wrote(Wrote::Deleted);
            tracing::info!(%account, "account deleted");
        }
        Ok(accounts.len())
    }
}

/// Returns the accounts that a request lists, if the operator signed it for itself.
fn accounts_to_delete(
    claims: &GenericClaims,
    operator: &OperatorClaims,
) -> Result<Vec<PublicKey>, NotDeleted> {
    let issuer = claims.issuer.as_deref().unwrap_or_default();
    if claims.subject.as_deref() != Some(issuer) {
        return Err(NotDeleted::NotSelfSigned);
    }
    if !PublicKey::is_valid(issuer, KeyKind::Operator) || !is_trusted(operator, issuer) {
        return Err(NotDeleted::NotTrusted);
    }
    let listed = claims.nats.data.get("accounts").and_then(Value::as_array);
    let listed = listed.ok_or(NotDeleted::Malformed)?.iter();
    let accounts: Option<Vec<_>> = listed.map(|key| account(key.as_str()?)).collect();
    let accounts = accounts.ok_or(NotDeleted::Malformed)?;
    let system = operator.nats.system_account.as_str();
    if accounts.iter().any(|account| account.as_str() == system) {
        return Err(NotDeleted::SystemAccount);
    }
    Ok(accounts)
}
