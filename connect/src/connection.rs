//! The connection to NATS, made and kept.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{AuthError, Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use futures::future::try_join_all;
use rand::seq::SliceRandom as _;

use crate::authentication::{Authentication, AuthenticationError, ProofReader};
use crate::hooks::{ConnectionHooks, ConnectionTrouble, LogConnections};
use crate::inbox::{self, InboxPrefix};
use crate::monitor::{Monitor, unreachable_or_refused};
use crate::repeats::Repeats;
use crate::server_selector::{Rota, address};
use crate::status::ConnectionStatus;
use crate::tls::{self, TlsFileError, TlsOptions};

/// Where to connect, as whom, and how persistently.
///
/// [`ConnectionOptions::new`] has the defaults: those of Overmind's `connect` where it has the option, but for the waits after a loss.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// Server addresses, `nats://` or `tls://`; at least one.
    pub servers: Vec<String>,
    /// The connection's name, as `connz` shows it.
    pub name: String,
    /// How the host logs in: it has to be one of the server's `auth_users`.
    pub authentication: Authentication,
    /// Longest for one attempt at one address, login included: 10 s.
    pub connect_timeout: Duration,
    /// How long to wait after a lost connection once every known server has been tried: 250 ms. Reconnects never end.
    pub reconnect_wait: Duration,
    /// Up to how much longer that wait is, by chance, so that those who lost the same server do not come back together: 250 ms.
    pub reconnect_jitter: Duration,
    /// How often the first connection is tried again: for ever.
    pub retries: Retries,
    /// How long to wait before it is: 1 s.
    pub retry_delay: Duration,
    /// What the subjects of its inboxes begin with. `None`: chance, at every start anew, or `_INBOX` if the permissions of the
    /// user admit nothing but that. Default: `None`.
    pub inbox_prefix: Option<InboxPrefix>,
    /// How connections are encrypted.
    pub tls: TlsOptions,
    /// Who hears what happens: the log.
    pub hooks: Arc<dyn ConnectionHooks>,
    /// What an embedder wants to set besides: nothing.
    pub additional: AdditionalOptions,
}

/// The delay before files for TLS that cannot be used are tried again.
const UNUSABLE_FILES_DELAY: Duration = Duration::from_secs(1);

/// How often a first connection is tried again. An attempt tries every server once; a refused login counts like a server that is
/// not there, since the server may be told of the user, or the user given new credentials, meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retries {
    /// Until it is made.
    #[default]
    Forever,
    /// So many times, after the first attempt.
    Times(u32),
}

/// A change to the client library's options, applied after all others. Callbacks that it replaces are lost: for events, the
/// login, and the choice of the next server.
#[derive(Clone, Default)]
pub struct AdditionalOptions(Option<Arc<Adjust>>);

type Adjust = dyn Fn(ConnectOptions) -> ConnectOptions + Send + Sync;

/// A connection that is about to be made.
#[derive(Debug)]
pub struct PendingConnection {
    options: ConnectionOptions,
    monitor: Arc<Monitor>,
}

/// A connection that is made and looks after itself; what is known of it goes when it is dropped, and the connection itself when
/// the last clone of its client is.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    monitor: Arc<Monitor>,
}

/// No connection is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The options name no server.
    #[error("no server to connect to")]
    NoServer,
    /// An address cannot be read. It is not repeated: it may hold a password.
    #[error("server address {position} is not one")]
    Address {
        /// Its place in the list, from 1.
        position: usize,
        /// Why.
        source: std::io::Error,
    },
    /// The host cannot prove who it is.
    #[error("cannot log in")]
    Authentication(#[from] AuthenticationError),
    /// A file for TLS cannot be used.
    #[error("cannot use tls")]
    Tls(#[from] TlsFileError),
    /// Nothing was read from files, because the runtime is shutting down.
    #[error("interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
    /// As many attempts as were allowed, none of them successful.
    #[error("gave up connecting to nats after {attempts} attempts")]
    MaxRetries {
        /// How many attempts, each at every server.
        attempts: u64,
        /// The last thing that went wrong.
        source: ConnectionTrouble,
    },
}

impl ConnectionOptions {
    /// To `servers`, as nobody, with every option at its default.
    pub fn new(servers: Vec<String>) -> Self {
        Self {
            servers,
            name: "portcullis".to_owned(),
            authentication: Authentication::None,
            connect_timeout: Duration::from_secs(10),
            reconnect_wait: Duration::from_millis(250),
            reconnect_jitter: Duration::from_millis(250),
            retries: Retries::Forever,
            retry_delay: Duration::from_secs(1),
            inbox_prefix: None,
            tls: TlsOptions::default(),
            hooks: Arc::new(LogConnections),
            additional: AdditionalOptions::default(),
        }
    }

    fn addresses(&self) -> Result<Vec<ServerAddr>, ConnectError> {
        if self.servers.is_empty() {
            return Err(ConnectError::NoServer);
        }
        let read = |(index, text): (usize, &String)| {
            text.parse().map_err(|source| ConnectError::Address {
                position: index.saturating_add(1),
                source,
            })
        };
        self.servers.iter().enumerate().map(read).collect()
    }
}

impl Retries {
    /// Whether there is to be no further attempt after `attempts`.
    const fn used_up(self, attempts: u64) -> bool {
        match self {
            Self::Forever => false,
            Self::Times(retries) => attempts > retries as u64,
        }
    }
}

impl AdditionalOptions {
    /// Has `adjust` change the options.
    pub fn new(adjust: impl Fn(ConnectOptions) -> ConnectOptions + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(adjust)))
    }

    fn apply(&self, options: ConnectOptions) -> ConnectOptions {
        match &self.0 {
            Some(adjust) => adjust(options),
            None => options,
        }
    }
}

impl fmt::Debug for AdditionalOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "some" } else { "none" })
    }
}

impl Connection {
    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// How the connection is.
    pub fn status(&self) -> ConnectionStatus {
        ConnectionStatus::new(Arc::clone(&self.monitor))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.monitor.release();
    }
}

impl PendingConnection {
    /// Prepares a connection without making it.
    pub fn new(options: ConnectionOptions) -> Self {
        Self::reporting_to(Arc::default(), options)
    }

    /// Prepares `count` connections. Several are named after the one name, with numbers from 1.
    pub fn several(options: &ConnectionOptions, count: NonZeroUsize) -> Vec<Self> {
        let repeats = Arc::<Repeats>::default();
        let named = (1..=count.get()).map(|number| ConnectionOptions {
            name: if count == NonZeroUsize::MIN {
                options.name.clone()
            } else {
                format!("{}-{number}", options.name)
            },
            ..options.clone()
        });
        named
            .map(|options| Self::reporting_to(Arc::clone(&repeats), options))
            .collect()
    }

    /// How the connection is, before and after it is made.
    pub fn status(&self) -> ConnectionStatus {
        ConnectionStatus::new(Arc::clone(&self.monitor))
    }

    /// Connects, as often as [`ConnectionOptions::retries`] allows: the host may start before its server. From then on the
    /// connection is made again whenever it is lost.
    ///
    /// # Errors
    ///
    /// When addresses, secrets or certificates are not usable, or there have been enough attempts.
    pub async fn connect(self) -> Result<Connection, ConnectError> {
        let connector = Connector::new(&self.options, self.monitor).await?;
        let mut attempts = 0_u64;
        loop {
            attempts = attempts.saturating_add(1);
            let trouble = match connector.attempt().await {
                Ok(connection) => return Ok(connection),
                Err(trouble) => trouble,
            };
            if self.options.retries.used_up(attempts) {
                return Err(ConnectError::MaxRetries {
                    attempts,
                    source: trouble,
                });
            }
            tokio::time::sleep(self.options.retry_delay).await;
        }
    }

    fn reporting_to(repeats: Arc<Repeats>, options: ConnectionOptions) -> Self {
        let rota = Rota::new(options.reconnect_wait, options.reconnect_jitter);
        let hooks = Arc::clone(&options.hooks);
        let monitor = Monitor::new(options.name.clone(), hooks, rota, repeats);
        Self {
            options,
            monitor: Arc::new(monitor),
        }
    }
}

/// Makes `count` connections, as [`PendingConnection::several`] names them and [`PendingConnection::connect`] makes them.
///
/// # Errors
///
/// As [`connect`], for the first connection that cannot be made.
pub async fn connect_all(
    options: &ConnectionOptions,
    count: NonZeroUsize,
) -> Result<Vec<Connection>, ConnectError> {
    let pending = PendingConnection::several(options, count);
    try_join_all(pending.into_iter().map(PendingConnection::connect)).await
}

/// Makes one connection, as [`PendingConnection::connect`] does.
///
/// # Errors
///
/// When addresses, secrets or certificates are not usable, or there have been enough attempts.
pub async fn connect(options: &ConnectionOptions) -> Result<Connection, ConnectError> {
    PendingConnection::new(options.clone()).connect().await
}

/// Makes the first connection.
struct Connector<'a> {
    options: &'a ConnectionOptions,
    servers: Vec<ServerAddr>,
    proofs: Arc<ProofReader>,
    monitor: Arc<Monitor>,
}

impl<'a> Connector<'a> {
    /// Checks what can be checked without a server.
    async fn new(
        options: &'a ConnectionOptions,
        monitor: Arc<Monitor>,
    ) -> Result<Self, ConnectError> {
        tls::choose_cryptography();
        let servers = options.addresses()?;
        let proofs = Arc::new(ProofReader::new(options.authentication.clone()));
        let (files, first) = (options.tls.clone(), Arc::clone(&proofs));
        tokio::task::spawn_blocking(move || {
            files.check()?;
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

    /// Tries every server once, in no order; the last thing that went wrong if none can be reached.
    async fn attempt(&self) -> Result<Connection, ConnectionTrouble> {
        let mut servers = self.servers.clone();
        servers.shuffle(&mut rand::rng());
        let mut last = ConnectionTrouble::Client("no server was tried".to_owned());
        for server in servers {
            let address = address(&server);
            if let Err(error) = self.options.tls.check_before_connecting().await {
                last = ConnectionTrouble::Client(portcullis_core::with_causes(&error));
                self.monitor.trouble(&last);
                break;
            }
            let error = match self.connect_to(server).await {
                Ok(client) => {
                    self.monitor.adopt(client.clone());
                    return Ok(Connection {
                        client,
                        monitor: Arc::clone(&self.monitor),
                    });
                }
                Err(error) => error,
            };
            last = if error.kind() == ConnectErrorKind::AuthorizationViolation {
                ConnectionTrouble::Refused { address }
            } else {
                unreachable_or_refused(address, error.to_string())
            };
            self.monitor.trouble(&last);
        }
        Err(last)
    }

    /// Connects to `server`, with inboxes that are the host's alone if they can be.
    async fn connect_to(&self, server: ServerAddr) -> Result<Client, async_nats::ConnectError> {
        if let Some(prefix) = &self.options.inbox_prefix {
            return self.connect_with(server, prefix).await;
        }
        let prefix = InboxPrefix::random();
        let client = self.connect_with(server.clone(), &prefix).await?;
        if inbox::is_heard(&client, &prefix, &self.monitor).await {
            return Ok(client);
        }
        tracing::warn!(
            nats.connection = self.options.name,
            "permissions allow no inbox but `_INBOX.>`, which other users of the account may read: set `inbox-prefix` and allow it"
        );
        self.monitor.disregard();
        drop(client);
        self.connect_with(server, &InboxPrefix::shared()).await
    }

    async fn connect_with(
        &self,
        server: ServerAddr,
        prefix: &InboxPrefix,
    ) -> Result<Client, async_nats::ConnectError> {
        self.monitor.begin_with(server);
        let options = self.client_options(prefix);
        options.connect(&self.servers[..]).await
    }

    fn client_options(&self, prefix: &InboxPrefix) -> ConnectOptions {
        let number = self.monitor.number();
        let (chooser, listener) = (Arc::clone(&self.monitor), Arc::clone(&self.monitor));
        let (wait, files) = (self.options.reconnect_wait, self.options.tls.clone());
        let options = self
            .authenticated()
            .name(&self.options.name)
            .custom_inbox_prefix(prefix)
            .connection_timeout(self.options.connect_timeout)
            .max_reconnects(None)
            .reconnect_to_server_callback(move |pool, _| {
                let (chooser, files) = (Arc::clone(&chooser), files.clone());
                async move {
                    while let Err(error) = files.check_before_connecting().await {
                        chooser.unusable(&error);
                        tokio::time::sleep(UNUSABLE_FILES_DELAY).await;
                    }
                    chooser.choose(&pool)
                }
            })
            // For whoever replaces the choice of servers.
            .reconnect_delay_callback(
                move |attempts| {
                    if attempts > 1 { wait } else { Duration::ZERO }
                },
            )
            .event_callback(move |event| {
                let listener = Arc::clone(&listener);
                async move { listener.hear(event, number).await }
            });
        self.options
            .additional
            .apply(self.options.tls.apply(options))
    }

    /// Options that have the secrets read for every connection.
    fn authenticated(&self) -> ConnectOptions {
        if self.options.authentication == Authentication::None {
            return ConnectOptions::new();
        }
        let (proofs, monitor) = (Arc::clone(&self.proofs), Arc::clone(&self.monitor));
        ConnectOptions::with_auth_callback(move |nonce| {
            let (proofs, monitor) = (Arc::clone(&proofs), Arc::clone(&monitor));
            async move { log_in(proofs, &monitor, &nonce).await }
        })
    }
}

/// What to tell a server that sent `nonce`.
async fn log_in(
    proofs: Arc<ProofReader>,
    monitor: &Monitor,
    nonce: &[u8],
) -> Result<async_nats::Auth, AuthError> {
    let read = tokio::task::spawn_blocking(move || proofs.read())
        .await
        .map_err(AuthError::new)?;
    let Some(reading) =
        read.map_err(|error| AuthError::new(portcullis_core::with_causes(&error)))?
    else {
        return Ok(async_nats::Auth::new());
    };
    if let Some(stale) = reading.stale {
        monitor.stale(stale);
    }
    reading.proof.answer(nonce).map_err(AuthError::new)
}

#[cfg(test)]
mod tests;
