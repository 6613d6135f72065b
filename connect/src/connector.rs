//! Attempts at the first connection, and the client library's options.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{AuthError, Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use portcullis_core::with_causes;
use portcullis_environment::Rng;
use rand::seq::SliceRandom as _;

use crate::authentication::{Authentication, AuthenticationError, ProofReader};
use crate::error::ConnectError;
use crate::hooks::ConnectionTrouble;
use crate::inbox::{self, InboxPrefix};
use crate::monitor::{Monitor, unreachable_or_refused};
use crate::options::ConnectionOptions;
use crate::shown::address;
use crate::tls;

/// The delay between checks of TLS files that cannot be used.
const UNUSABLE_FILES_DELAY: Duration = Duration::from_secs(1);

/// The delay between attempts to obtain a login. Most of them make no request.
const NO_LOGIN_DELAY: Duration = Duration::from_secs(1);

/// The maker of the first connection.
pub(crate) struct Connector<'a> {
    options: &'a ConnectionOptions,
    servers: Vec<ServerAddr>,
    proofs: Arc<ProofReader>,
    monitor: &'a Arc<Monitor>,
}

impl<'a> Connector<'a> {
    /// Checks addresses, secrets and files, which needs no server.
    pub(crate) async fn new(
        options: &'a ConnectionOptions,
        monitor: &'a Arc<Monitor>,
    ) -> Result<Self, ConnectError> {
        tls::choose_cryptography();
        let servers = options.addresses()?;
        let disk = Arc::clone(&options.disk);
        let proofs = ProofReader::new(options.authentication.clone(), Arc::clone(&disk));
        let proofs = Arc::new(proofs);
        let (files, first) = (options.tls.clone(), Arc::clone(&proofs));
        tokio::task::spawn_blocking(move || {
            files.check_on(&*disk)?;
            first.read()?;
            Ok::<_, ConnectError>(())
        })
        .await
        .map_err(ConnectError::Interrupted)??;
        Ok(Self {
            options,
            servers,
            proofs,
            monitor,
        })
    }

    /// Returns the reader of the login.
    pub(crate) const fn proofs(&self) -> &Arc<ProofReader> {
        &self.proofs
    }

    /// Tries every server once, in random order. Returns the last failure if none is reached.
    pub(crate) async fn attempt(&self) -> Result<Client, ConnectionTrouble> {
        if let Err(error) = prepare(&self.proofs).await {
            let trouble = ConnectionTrouble::NoLogin(error);
            self.monitor.report(&trouble);
            return Err(trouble);
        }
        let mut servers = self.servers.clone();
        servers.shuffle(&mut Rng::new(&*self.options.randomness));
        let mut last = ConnectionTrouble::Client("no server was tried".to_owned());
        for server in servers {
            let address = address(&server);
            if let Err(error) = self
                .options
                .tls
                .check_before_connecting(&self.options.disk)
                .await
            {
                last = ConnectionTrouble::Client(with_causes(&error));
                self.monitor.report(&last);
                break;
            }
            let error = match self.connect_to(server).await {
                Ok(client) => {
                    self.monitor.set_client(client.clone());
                    return Ok(client);
                }
                Err(error) => error,
            };
            last = if error.kind() == ConnectErrorKind::AuthorizationViolation {
                self.proofs.reject();
                ConnectionTrouble::Refused { address }
            } else {
                unreachable_or_refused(address, error.to_string())
            };
            self.monitor.report(&last);
        }
        Err(last)
    }

    /// Connects to `server`. Uses a random inbox prefix, or the shared one if the user's
    /// permissions admit no other.
    async fn connect_to(&self, server: ServerAddr) -> Result<Client, async_nats::ConnectError> {
        if let Some(prefix) = &self.options.inbox_prefix {
            return self.connect_with(server, prefix).await;
        }
        let prefix = InboxPrefix::random_from(&*self.options.randomness);
        let client = self.connect_with(server.clone(), &prefix).await?;
        if inbox::is_heard(&client, &prefix, self.monitor).await {
            return Ok(client);
        }
        self.options.hooks.shared_inbox(&self.options.name);
        self.monitor.abandon();
        drop(client);
        self.connect_with(server, &InboxPrefix::shared()).await
    }

    async fn connect_with(
        &self,
        server: ServerAddr,
        prefix: &InboxPrefix,
    ) -> Result<Client, async_nats::ConnectError> {
        self.monitor.start_with(server);
        let options = self.client_options(prefix);
        options.connect(&self.servers[..]).await
    }

    fn client_options(&self, prefix: &InboxPrefix) -> ConnectOptions {
        let number = self.monitor.number();
        let (selector, listener) = (Arc::clone(self.monitor), Arc::clone(self.monitor));
        let login = Arc::clone(&self.proofs);
        let (wait, files) = (self.options.reconnect_wait, self.options.tls.clone());
        let disk = Arc::clone(&self.options.disk);
        let options = self
            .authenticated()
            .name(&self.options.name)
            .custom_inbox_prefix(prefix)
            .connection_timeout(self.options.connect_timeout)
            .ping_interval(self.options.ping_interval)
            .max_reconnects(None)
            .reconnect_to_server_callback(move |pool, _| {
                let (selector, files) = (Arc::clone(&selector), files.clone());
                let (disk, login) = (Arc::clone(&disk), Arc::clone(&login));
                async move {
                    if selector.report_last_attempt(&pool) {
                        login.reject();
                    }
                    while let Err(error) = files.check_before_connecting(&disk).await {
                        selector.report_unusable_files(&error);
                        tokio::time::sleep(UNUSABLE_FILES_DELAY).await;
                    }
                    while let Err(error) = prepare(&login).await {
                        selector.report(&ConnectionTrouble::NoLogin(error));
                        if selector.is_first_connection() {
                            // `attempt` counts the failure.
                            break;
                        }
                        tokio::time::sleep(NO_LOGIN_DELAY).await;
                    }
                    selector.select_server(&pool)
                }
            })
            // Used only if `additional` replaces the selection of servers.
            .reconnect_delay_callback(
                move |attempts| {
                    if attempts > 1 { wait } else { Duration::ZERO }
                },
            )
            .event_callback(move |event| {
                let listener = Arc::clone(&listener);
                async move { listener.on_event(event, number).await }
            });
        self.options
            .additional
            .apply(self.options.tls.apply(options))
    }

    /// Returns options with which the client library reads the secrets for every attempt.
    fn authenticated(&self) -> ConnectOptions {
        if self.options.authentication == Authentication::None {
            return ConnectOptions::new();
        }
        let (proofs, monitor) = (Arc::clone(&self.proofs), Arc::clone(self.monitor));
        ConnectOptions::with_auth_callback(move |nonce| {
            let (proofs, monitor) = (Arc::clone(&proofs), Arc::clone(&monitor));
            async move { log_in(proofs, &monitor, &nonce).await }
        })
    }
}

/// Obtains a login that renews itself before the connection is opened. A server closes a connection
/// whose login takes longer than its own limit, two seconds by default.
async fn prepare(proofs: &Arc<ProofReader>) -> Result<(), AuthenticationError> {
    if proofs.is_renewed() {
        proofs.current().await?;
    }
    Ok(())
}

/// Returns the login for a server that sent `nonce`.
async fn log_in(
    proofs: Arc<ProofReader>,
    monitor: &Monitor,
    nonce: &[u8],
) -> Result<async_nats::Auth, AuthError> {
    let read = proofs.current().await;
    let Some(reading) = read.map_err(|error| AuthError::new(with_causes(&error)))? else {
        return Ok(async_nats::Auth::new());
    };
    proofs.present(&reading);
    monitor.set_login_expiry(reading.proof.expires_at());
    if let Some(stale) = reading.stale {
        monitor.report_stale_credentials(stale);
    }
    reading.proof.answer(nonce).map_err(AuthError::new)
}
