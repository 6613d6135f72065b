//! Requests of accounts that signed themselves: what connects the authority, the store and the
//! servers.

mod answers;
mod counters;
mod door;
mod request;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use portcullis_accounts::{AccountRequestOptions, AccountRequests, Store, StoreError};
use portcullis_authority::Authority;
use portcullis_config::{AccountRequestTable, Nats, Operator};
use portcullis_connect::ConnectionHooks;
use portcullis_core::{Authorizer, with_causes};
use portcullis_environment::SystemClock;
use portcullis_files::SystemDisk;
use tokio::task::JoinSet;
use tracing::error;

use crate::connections::begin_connection;
use crate::health::Readiness;
use door::{Door, DoorOptions};

/// The front door for accounts that signed themselves, and its connection to the system account.
#[derive(Debug)]
pub(crate) struct AccountRequestDoor {
    requests: Arc<AccountRequests>,
    nats: Box<Nats>,
    options: DoorOptions,
}

impl AccountRequestDoor {
    /// Reads the store of `table`. No request replaces an account of `operator`.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be read, or has no seed that signs accounts.
    pub(crate) fn new(
        table: &AccountRequestTable,
        operator: Option<&Operator>,
    ) -> Result<Self, StoreError> {
        let store = Store::at(Arc::new(SystemDisk), Path::new(&table.store));
        store.warn_of_exposed();
        let own = operator.into_iter().flat_map(|operator| {
            let accounts = operator.accounts.values().map(|account| &account.key);
            accounts.chain([&operator.account])
        });
        let options = AccountRequestOptions {
            reserved: own.cloned().collect::<BTreeSet<_>>(),
            ..table.options.clone()
        };
        let requests = AccountRequests::new(store, Arc::new(SystemClock), options)?;
        Ok(Self {
            requests: Arc::new(requests),
            nats: table.nats.clone(),
            options: DoorOptions {
                subject: table.subject.clone(),
                deadline: table.deadline,
                max_in_flight: table.max_in_flight,
            },
        })
    }

    /// Connects to the system account and answers requests in a task of `tasks`. Logins do not
    /// depend on it.
    pub(crate) fn serve<A: Authorizer>(
        self,
        tasks: &mut JoinSet<()>,
        authority: Arc<Authority<A>>,
        hooks: Arc<dyn ConnectionHooks>,
        readiness: &Readiness,
    ) {
        let pending = begin_connection(&self.nats, hooks, readiness);
        let requests = Arc::clone(&self.requests);
        readiness.add_samples(move || requests.samples());
        let door = Arc::new(Door::new(authority, self.requests, self.options));
        let counters = door.counters();
        readiness.add_samples(move || counters.samples());
        tasks.spawn(async move {
            let connection = match pending.connect().await {
                Ok(connection) => connection,
                Err(failed) => {
                    let error = with_causes(&failed);
                    return error!(
                        error,
                        "no account is signed on request: no connection to the system account"
                    );
                }
            };
            if let Err(failed) = door.answer_all(connection.client().clone()).await {
                let error = with_causes(&failed);
                error!(error, "no account is signed on request: not subscribed");
            }
        });
    }
}
