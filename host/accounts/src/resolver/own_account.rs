//! The account of the resolver's own user, which has to be the system account.

use std::sync::Arc;

use portcullis_connect::Nats;
use portcullis_system::SystemClient;

use super::shared::Shared;

/// Logs an error if the user of the connection is not in the system account. The requests of
/// servers do not reach it then, and nothing else says so.
pub(super) async fn check(system: &SystemClient<impl Nats>, shared: &Arc<Shared>) {
    if let Some((account, wanted)) = wrong_account(system, shared).await {
        tracing::error!(
            account,
            account.wanted = wanted,
            "the user of the connection is not in the system account, so servers get no answers"
        );
    }
}

/// Returns the account of the connection and the operator's system account. `None` if they are the
/// same, or if one of them is not known.
pub(super) async fn wrong_account(
    system: &SystemClient<impl Nats>,
    shared: &Arc<Shared>,
) -> Option<(String, String)> {
    let account = system.user_info().await.ok()?.account;
    let operator = shared.in_room(&shared.lookups, |shared| shared.store.operator());
    let (operator, _) = operator.await.ok()?.ok()?;
    let wanted = operator.nats.system_account.clone();
    (!wanted.is_empty() && account != wanted).then_some((account, wanted))
}
