//! Telling servers of stored versions, at once and again.

use std::sync::Arc;

use futures::future::join_all;
use portcullis_core::PublicKey;

use super::announce::Announcement;
use super::outbox::{NotAnnounced, Outbox};
use super::shared::Shared;
use super::task::TaskFailed;
use crate::account_jwts::AccountJwt;

impl Shared {
    /// Tells the servers of the stored version of `account`, and returns their answers. The
    /// announcement is repeated if a server does not answer. `None` without a way to tell servers.
    ///
    /// The attempt goes on if the caller does not wait for it.
    pub(super) async fn tell(
        self: &Arc<Self>,
        account: PublicKey,
    ) -> Option<Result<Announcement, NotAnnounced>> {
        self.outbox.as_ref()?;
        let shared = Arc::clone(self);
        let told = tokio::spawn(async move {
            let outbox = shared.outbox.as_ref()?;
            outbox.drop_pending(&account);
            Some(shared.attempt(outbox, &account).await)
        });
        told.await
            .unwrap_or_else(|error| Some(Err(TaskFailed::from(error).into())))
    }

    /// Repeats announcements when they are due. Never returns.
    pub(super) async fn repeat(self: &Arc<Self>, outbox: &Outbox) {
        loop {
            let accounts = outbox.next().await;
            let attempts = accounts.iter().map(async |account| {
                // The attempt logs its failure.
                let _ = self.attempt(outbox, account).await;
            });
            join_all(attempts).await;
        }
    }

    /// Announces the stored version of `account`, and again while another one is stored meanwhile.
    async fn attempt(
        self: &Arc<Self>,
        outbox: &Outbox,
        account: &PublicKey,
    ) -> Result<Announcement, NotAnnounced> {
        let mut stored = self.stored(outbox, account).await?;
        loop {
            let Some(jwt) = stored else {
                outbox.forget(account);
                return Ok(Announcement::default());
            };
            outbox.record(&jwt);
            let announced = outbox.announce(&jwt).await;
            outbox.finish(account, &announced, &self.counters);
            stored = self.stored(outbox, account).await?;
            if stored.as_ref().is_some_and(|now| now.token == jwt.token) {
                return Ok(announced?);
            }
        }
    }

    async fn stored(
        self: &Arc<Self>,
        outbox: &Outbox,
        account: &PublicKey,
    ) -> Result<Option<AccountJwt>, NotAnnounced> {
        let wanted = account.clone();
        let read = self.in_room(&self.lookups, move |shared| shared.look_up(&wanted));
        let read = async { Ok(read.await??) };
        let read: Result<_, NotAnnounced> = read.await;
        if read.is_err() {
            outbox.drop_pending(account);
        }
        read
    }
}
