//! Accounts that are made at their first login.
//!
//! A permit names an account that does not exist. [`FirstLogins`] makes it in the store within
//! configured caps, pushes its JWT to the servers, and waits until the server of the login has it.
//! The tag [`TAG`] in the account JWT marks such accounts: no other account of the store gets users
//! this way.

mod making;
mod not_made;
mod options;
mod push;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_connect::Nats;
use portcullis_core::{AccountName, PublicKey, Sample, with_causes};
use portcullis_environment::Clock;
use portcullis_system::SystemClient;
use tokio::sync::Mutex as Turn;

use crate::account_jwts::AccountJwt;
use crate::error::StoreError;
use crate::keys::Seed;
use crate::store::Store;
use making::{Maker, Prepared};

pub use not_made::NotMade;
pub use options::FirstLoginOptions;
pub(crate) use push::Push;

/// Time after which the record of an account is read again, because an operator may have changed
/// or deleted it.
const FRESH: Duration = Duration::from_secs(30);

/// Maximum number of servers that an account is remembered to be known at. A server has a new id
/// after each start.
const MAX_SERVERS: usize = 256;

/// The part of a host that signs the users of accounts.
pub trait AccountSigners: Debug + Send + Sync + 'static {
    /// Signs users of the account `name` from now on. `key` is the account's public key, `seed`
    /// that of the account or of one of its signing keys.
    ///
    /// # Errors
    ///
    /// Fails if the seed cannot sign.
    fn add(&self, name: &AccountName, key: &PublicKey, seed: &Seed) -> Result<(), StoreError>;

    /// Stops to sign users of the account `name`.
    fn remove(&self, name: &AccountName);
}

/// The accounts that are made at their first login, over a connection whose user is in the system
/// account.
///
/// Several processes may use one store at once: an account is made under the lock of the store, and
/// only if no process has made one of its name.
#[derive(Debug)]
pub struct FirstLogins {
    maker: Arc<Maker>,
    clock: Arc<dyn Clock>,
    signers: Arc<dyn AccountSigners>,
    servers: OnceLock<Box<dyn Push>>,
    ready: Mutex<HashMap<AccountName, Ready>>,
    /// Turns of logins that wait for the same account.
    turns: Mutex<HashMap<AccountName, Weak<Turn<()>>>>,
    /// Turn of the work on the store. The work keeps it when its login has given up, so that no
    /// more than one thread waits for the lock of the store.
    store_turn: Arc<Turn<()>>,
    failures: [AtomicU64; NotMade::REASONS.len()],
}

/// An account that users are signed for.
#[derive(Debug)]
struct Ready {
    jwt: AccountJwt,
    read_at: Instant,
    /// Ids of servers that have the account.
    servers: HashSet<String>,
}

impl FirstLogins {
    /// Creates the accounts of `store`, which has to have a seed that signs accounts. No account is
    /// made before [`FirstLogins::connected`].
    ///
    /// # Errors
    ///
    /// Fails if the store has no operator or no such seed, or cannot be read.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        options: FirstLoginOptions,
        signers: Arc<dyn AccountSigners>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            maker: Arc::new(Maker::new(store, options)?),
            clock,
            signers,
            servers: OnceLock::new(),
            ready: Mutex::default(),
            turns: Mutex::default(),
            store_turn: Arc::default(),
            failures: Default::default(),
        })
    }

    /// Pushes accounts over `nats` from now on. Only the first call has an effect, because a
    /// connection renews itself.
    pub fn connected(&self, nats: impl Nats) {
        // An error means that a connection is set.
        let _ = self.servers.set(Box::new(SystemClient::new(nats)));
    }

    /// Makes the account `name` unless the store has it, and waits until `server` has it. Without a
    /// server, one that stores it is enough. Logins that wait for the same account cause one
    /// account and one push to their server.
    ///
    /// # Errors
    ///
    /// Fails if the account may not be made, or if the server does not have it before `deadline`.
    pub async fn provide(
        &self,
        name: &AccountName,
        server: Option<&str>,
        deadline: Instant,
    ) -> Result<(), NotMade> {
        if self.is_ready(name, server) {
            return Ok(());
        }
        let provided = self.provide_in_turn(name, server, deadline).await;
        if let Err(error) = &provided
            && let Some(count) = self.failures.get(error.index())
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
        provided
    }

    async fn provide_in_turn(
        &self,
        name: &AccountName,
        server: Option<&str>,
        deadline: Instant,
    ) -> Result<(), NotMade> {
        // Without servers, the account would be made in vain.
        let connection = self.servers.get().ok_or(NotMade::NotConnected)?;
        let turn = self.turn(name);
        let _turn = turn.lock().await;
        if self.is_ready(name, server) {
            return Ok(());
        }
        let account = self.prepare(name).await?;
        if self.is_ready(name, server) {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(self.clock.now());
        let servers = connection.push(&account, server, left).await?;
        if let Some(ready) = self.ready.lock().get_mut(name) {
            if ready.servers.len() >= MAX_SERVERS {
                ready.servers.clear();
            }
            ready.servers.extend(servers);
        }
        Ok(())
    }

    /// Returns the public key of an account that was provided.
    pub fn key_of(&self, name: &AccountName) -> Option<PublicKey> {
        let ready = self.ready.lock();
        ready.get(name).map(|ready| ready.jwt.account.clone())
    }

    /// Returns the metrics.
    pub fn samples(&self) -> Vec<Sample> {
        let counts = self.maker.counts();
        let mut samples = vec![
            Sample::whole(
                "first_login_accounts",
                "Accounts in the store that were made at their first login",
                counts.accounts,
            ),
            Sample::counter(
                "first_login_accounts_made",
                "How many accounts this host has made at their first login",
                counts.made,
            ),
        ];
        let failures = NotMade::REASONS.into_iter().zip(&self.failures);
        samples.extend(failures.map(|(reason, count)| {
            let help = "Logins whose account was not made or did not reach the server, by reason";
            let count = count.load(Ordering::Relaxed);
            Sample::counter("first_login_failures", help, count).with("reason", reason)
        }));
        samples
    }

    /// Returns whether users of the account are signed for and `server` has it.
    fn is_ready(&self, name: &AccountName, server: Option<&str>) -> bool {
        let ready = self.ready.lock();
        ready.get(name).is_some_and(|ready| {
            let is_known = match server {
                Some(server) => ready.servers.contains(server),
                None => !ready.servers.is_empty(),
            };
            is_known && self.clock.elapsed(ready.read_at) < FRESH
        })
    }

    fn turn(&self, name: &AccountName) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock();
        turns.retain(|_, turn| turn.strong_count() > 0);
        let waiting = turns.get(name).and_then(Weak::upgrade);
        waiting.unwrap_or_else(|| {
            let turn = Arc::new(Turn::default());
            turns.insert(name.clone(), Arc::downgrade(&turn));
            turn
        })
    }

    /// Reads the account or makes it, on the blocking pool, and lets the host sign for it.
    async fn prepare(&self, name: &AccountName) -> Result<AccountJwt, NotMade> {
        let store_turn = Arc::clone(&self.store_turn).lock_owned().await;
        let (maker, wanted) = (Arc::clone(&self.maker), name.clone());
        let now = self.clock.unix_seconds();
        let prepared = tokio::task::spawn_blocking(move || {
            let _turn = store_turn;
            maker.prepare(&wanted, now)
        });
        let prepared = match prepared.await {
            Ok(prepared) => prepared,
            Err(_) => Err(NotMade::Broken),
        };
        let Prepared { jwt, signer } = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return self.last_good(name, error),
        };
        // Servers have yet to get a version that an operator has changed in the store.
        let is_same = |ready: &Ready| ready.jwt.token == jwt.token;
        let before = self.ready.lock().remove(name).filter(is_same);
        if before.is_none() {
            self.signers.add(name, &jwt.account, &signer)?;
        }
        let ready = Ready {
            jwt: jwt.clone(),
            read_at: self.clock.now(),
            servers: before.map(|before| before.servers).unwrap_or_default(),
        };
        self.ready.lock().insert(name.clone(), ready);
        Ok(jwt)
    }

    /// Returns the account as it was last read, if the store fails now. Any other `error` ends the
    /// use of the account.
    fn last_good(&self, name: &AccountName, error: NotMade) -> Result<AccountJwt, NotMade> {
        let is_failure = matches!(error, NotMade::Store(_) | NotMade::Broken);
        if is_failure && let Some(ready) = self.ready.lock().get_mut(name) {
            tracing::error!(
                account.name = %name,
                error = with_causes(&error),
                "account not read, the last version stays in use"
            );
            ready.read_at = self.clock.now();
            return Ok(ready.jwt.clone());
        }
        self.forget(name);
        Err(error)
    }

    fn forget(&self, name: &AccountName) {
        self.ready.lock().remove(name);
        self.signers.remove(name);
    }
}
