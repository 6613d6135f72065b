//! Accounts at first login: what connects the authority, the issuers, the store and the servers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use portcullis_accounts::{AccountSigners, FirstLogins, NotMade, Seed, Store, StoreError};
use portcullis_authority::{AccountIssuer, AccountMaker, Issuers};
use portcullis_claims::{IssuerKey, PublicKey};
use portcullis_config::{FirstLogin, Nats};
use portcullis_connect::ConnectionHooks;
use portcullis_core::{AccountName, Denial, DenialClass, Server, with_causes};
use portcullis_environment::SystemClock;
use portcullis_files::SystemDisk;
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::connections::begin_connection;
use crate::health::Readiness;

/// The maker of accounts, and its connection to the system account.
#[derive(Debug)]
pub(crate) struct FirstLoginAccounts {
    logins: Arc<FirstLogins>,
    nats: Box<Nats>,
}

/// The maker as the authority knows it.
#[derive(Debug)]
struct Maker(Arc<FirstLogins>);

/// The issuers as the maker knows them.
#[derive(Debug)]
struct Signers(Arc<Issuers>);

impl FirstLoginAccounts {
    /// Reads the store of `table`. The issuers sign for the accounts in it that a login needs.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be read, or has no seed that signs accounts.
    pub(crate) fn new(table: &FirstLogin, issuers: &Arc<Issuers>) -> Result<Self, StoreError> {
        let store = Store::at(Arc::new(SystemDisk), Path::new(&table.store));
        store.warn_of_exposed();
        let signers = Arc::new(Signers(Arc::clone(issuers)));
        let options = table.options.clone();
        let logins = FirstLogins::new(store, Arc::new(SystemClock), options, signers)?;
        Ok(Self {
            logins: Arc::new(logins),
            nats: table.nats.clone(),
        })
    }

    /// Returns the maker of accounts for the authority.
    pub(crate) fn maker(&self) -> Arc<dyn AccountMaker> {
        Arc::new(Maker(Arc::clone(&self.logins)))
    }

    /// Connects to the system account in a task of `tasks`. Other logins do not depend on it.
    pub(crate) fn connect(
        self,
        tasks: &mut JoinSet<()>,
        hooks: Arc<dyn ConnectionHooks>,
        readiness: &Readiness,
    ) {
        let pending = begin_connection(&self.nats, hooks, readiness);
        let logins = Arc::clone(&self.logins);
        readiness.add_samples(move || logins.samples());
        tasks.spawn(async move {
            match pending.connect().await {
                Ok(connection) => {
                    self.logins.connected(connection.client().clone());
                    info!("first logins can make accounts");
                    // The connection renews itself until its drop.
                    std::future::pending::<()>().await;
                }
                Err(failed) => {
                    let error = with_causes(&failed);
                    error!(
                        error,
                        "first logins make no accounts: no connection to the system account"
                    );
                }
            }
        });
    }
}

impl AccountMaker for Maker {
    fn provide<'a>(
        &'a self,
        account: &'a AccountName,
        server: Option<&'a Server>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<(), Denial>> {
        let server = server.map(|server| server.id.as_str());
        let provided = self.0.provide(account, server, deadline);
        provided
            .map(move |provided| provided.map_err(|error| denial(account, &error)))
            .boxed()
    }

    fn key_of(&self, account: &AccountName) -> Option<PublicKey> {
        self.0.key_of(account)
    }
}

fn denial(account: &AccountName, error: &NotMade) -> Denial {
    let class = match error {
        NotMade::Foreign => DenialClass::AccountNotAllowed,
        NotMade::Broken => DenialClass::Internal,
        _ => DenialClass::AccountUnavailable,
    };
    let reason = with_causes(error);
    Denial::new(class, format!("account `{account}`: {reason}"))
}

impl AccountSigners for Signers {
    fn add(&self, name: &AccountName, key: &PublicKey, seed: &Seed) -> Result<(), StoreError> {
        // The configuration has this table in operator mode only.
        if let Issuers::Operator(operator) = &*self.0 {
            let issuer = AccountIssuer {
                key: key.clone(),
                issuer: Some(IssuerKey::from_seed(seed.expose())?),
                roles: BTreeMap::new(),
            };
            operator.add(name.clone(), issuer);
        }
        Ok(())
    }

    fn remove(&self, name: &AccountName) {
        if let Issuers::Operator(operator) = &*self.0 {
            operator.remove(name);
        }
    }
}
