//! Reading of the store: one account, or many.

use portcullis_core::{KeyKind, PublicKey, with_causes};

use super::shared::Shared;
use crate::account_jwts::AccountJwt;
use crate::error::StoreError;

/// Returns the account of a text. `None` if it is no public key of an account.
pub(super) fn account(text: &str) -> Option<PublicKey> {
    let key: PublicKey = text.parse().ok()?;
    (key.kind() == KeyKind::Account).then_some(key)
}

impl Shared {
    /// Returns the JWT of an account. `None` if the store has none.
    pub(super) fn look_up(&self, account: &PublicKey) -> Result<Option<AccountJwt>, StoreError> {
        let found = self.store.accounts().get(account);
        if let Err(error) = &found {
            tracing::error!(error = with_causes(error), "account not read");
        }
        found
    }

    /// Returns at most `max` account JWTs, one `ACCOUNT|JWT` a line. A damaged account is logged,
    /// and left out.
    pub(super) fn pack(&self, max: usize) -> Result<Vec<String>, StoreError> {
        let accounts = self.store.accounts().accounts()?;
        let jwts = accounts
            .iter()
            .filter_map(|account| self.look_up(account).ok().flatten());
        let lines = jwts.map(|jwt| format!("{}|{}", jwt.account, jwt.token));
        Ok(lines.take(max).collect())
    }
}
