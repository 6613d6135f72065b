//! The rules for a new version of an account.

use std::sync::Arc;

use portcullis_claims::OperatorClaims;
use portcullis_core::{KeyKind, PublicKey};

use super::counters::Wrote;
use super::shared::Shared;
use super::task::TaskFailed;
use crate::account_jwts::{AccountJwt, Written};
use crate::error::StoreError;
use crate::store::Store;
use crate::validate::{Findings, Validate};

/// A version of an account that the store holds now.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Version.
    pub jwt: AccountJwt,
    /// Difference to what the store had before.
    pub written: Written,
}

/// A reason why the resolver does not store a version of an account.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAccepted {
    /// The text is no account JWT, or its signature does not match.
    #[error("bad JWT in request")]
    Unreadable(#[source] StoreError),
    /// The JWT is about another account than the request.
    #[error("pub keys don't match: the JWT is about another account")]
    OtherAccount,
    /// The account signed itself.
    #[error("signing service not enabled: have the operator sign the account")]
    SelfSigned,
    /// Another account signed the account, or a key that is no account's.
    #[error("the account has to sign the request with its own key")]
    OtherSigner,
    /// The operator did not sign the account.
    #[error("untrusted issuer in request: sign the account with a key of this operator")]
    Untrusted,
    /// The answer of the signing service breaks a rule.
    #[error("the signing service sent a JWT that is not usable")]
    Answer(#[source] Box<Self>),
    /// Servers would refuse the account.
    #[error("{}", listed(.0))]
    Invalid(Findings),
    /// The store refuses a version that is not later than the stored one, or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NotAccepted {
    /// Returns that the signing service's answer is not accepted for this reason.
    pub(super) fn in_answer(self) -> Self {
        Self::Answer(Box::new(self))
    }
}

impl Shared {
    /// Stores and counts a version of an account, or of `account`.
    pub(super) async fn accept(
        self: &Arc<Self>,
        token: String,
        account: Option<PublicKey>,
    ) -> Result<Result<Accepted, NotAccepted>, TaskFailed> {
        let accepted = self.store_version(token, account).await?;
        self.counters.wrote(outcome(&accepted));
        if let Ok(Accepted { jwt, written }) = &accepted
            && *written != Written::Unchanged
        {
            tracing::info!(account = %jwt.account, ?written, "account stored");
        }
        Ok(accepted)
    }

    /// Stores a version of an account, or of `account`.
    pub(super) async fn store_version(
        self: &Arc<Self>,
        token: String,
        account: Option<PublicKey>,
    ) -> Result<Result<Accepted, NotAccepted>, TaskFailed> {
        let accepted = self.in_room(&self.writes, move |shared| {
            let now = shared.clock.unix_seconds();
            accept(&shared.store, &token, account.as_ref(), now)
        });
        accepted.await
    }
}

fn outcome(accepted: &Result<Accepted, NotAccepted>) -> Wrote {
    match accepted {
        Ok(accepted) => Wrote::from_written(accepted.written),
        Err(error) => refusal(error),
    }
}

/// Returns the outcome of a write that is not accepted.
pub(super) const fn refusal(error: &NotAccepted) -> Wrote {
    match error {
        NotAccepted::Store(StoreError::Older { .. } | StoreError::Deleted { .. }) => Wrote::Older,
        NotAccepted::Store(_) => Wrote::Failed,
        _ => Wrote::Refused,
    }
}

/// Stores a version of an account if the operator signed it, if servers accept it at the time
/// `now`, and if it is later than the stored one.
///
/// # Errors
///
/// Fails if a rule is not met, or if the store fails. The stored version then stays.
fn accept(
    store: &Store,
    token: &str,
    account: Option<&PublicKey>,
    now: u64,
) -> Result<Accepted, NotAccepted> {
    let jwt = AccountJwt::decode(token).map_err(NotAccepted::Unreadable)?;
    if account.is_some_and(|account| *account != jwt.account) {
        return Err(NotAccepted::OtherAccount);
    }
    let (operator, _) = store.operator()?;
    let issuer = jwt.claims.issuer.as_deref().unwrap_or_default();
    if !is_trusted(&operator, issuer) {
        let is_operator = PublicKey::is_valid(issuer, KeyKind::Operator);
        return Err(if is_operator {
            NotAccepted::Untrusted
        } else {
            NotAccepted::SelfSigned
        });
    }
    let findings = jwt.claims.validate(now);
    if findings.is_refused() {
        return Err(NotAccepted::Invalid(findings));
    }
    let written = store.accounts().put(&jwt.token)?;
    Ok(Accepted { jwt, written })
}

/// Returns whether `token` is a request of `account` to be signed. An account signs the request
/// with its own key. A key of an operator makes the token no request.
///
/// # Errors
///
/// Fails if servers would refuse the account, if the request is not later than the stored version,
/// or if the store fails.
pub(super) fn is_request(
    store: &Store,
    token: &str,
    account: &PublicKey,
    now: u64,
) -> Result<bool, NotAccepted> {
    let jwt = AccountJwt::decode(token).map_err(NotAccepted::Unreadable)?;
    if *account != jwt.account {
        return Err(NotAccepted::OtherAccount);
    }
    let issuer = jwt.claims.issuer.as_deref().unwrap_or_default();
    if PublicKey::is_valid(issuer, KeyKind::Operator) {
        return Ok(false);
    }
    if issuer != account.as_str() {
        return Err(NotAccepted::OtherSigner);
    }
    let findings = jwt.claims.validate(now);
    if findings.is_refused() {
        return Err(NotAccepted::Invalid(findings));
    }
    match store.accounts().get(account)? {
        // A replay would undo what has changed since.
        Some(stored) if stored.issued_at() >= jwt.issued_at() => {
            Err(NotAccepted::Store(StoreError::Older {
                account: jwt.account.clone(),
                stored: stored.issued_at(),
                given: jwt.issued_at(),
            }))
        }
        Some(_) => Ok(true),
        None => {
            // A request from before the deletion would bring the account back.
            store.accounts().check_deleted(&jwt)?;
            Ok(true)
        }
    }
}

/// Returns whether servers trust accounts that `issuer` signed. As they do, it heeds
/// `strict_signing_key_usage`.
pub(super) fn is_trusted(operator: &OperatorClaims, issuer: &str) -> bool {
    let fields = &operator.nats;
    let is_operator = operator.subject.as_deref() == Some(issuer);
    (is_operator && !fields.strict_signing_key_usage)
        || fields.signing_keys.iter().any(|key| key == issuer)
}

/// Lists flaws in the form of nats-account-server.
fn listed(findings: &Findings) -> String {
    let flaws: Vec<_> = findings.iter().map(|it| format!("\t - {it}")).collect();
    let heading = "the account JWT has validation issues:";
    format!("{heading}\n{}", flaws.join("\n"))
}
