//! Logins that only test the server's answer.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Auth, AuthError, ConnectErrorKind, ConnectOptions, ServerAddr};
use portcullis_core::with_causes;
use portcullis_files::Disk;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::authentication::{Authentication, AuthenticationError, ProofReader};
use crate::error::ConnectError;
use crate::options::ConnectionOptions;
use crate::shown::address;
use crate::tls::{self, TlsOptions};

/// A login that ends at once. It tests the server's answer.
#[derive(Clone, Debug)]
pub struct LoginProbe {
    name: String,
    servers: Vec<ServerAddr>,
    tls: TlsOptions,
    connect_timeout: Duration,
    proofs: Arc<ProofReader>,
    disk: Arc<dyn Disk>,
}

/// The server's answer to a login.
#[derive(Debug)]
pub enum LoginAnswer {
    /// The server refused the login.
    Refused,
    /// The server accepted the login.
    LetIn,
    /// The server was not reached, or ended the connection without an answer. The value is the
    /// cause.
    Unclear(String),
}

impl LoginProbe {
    /// Creates a probe of the servers of `connection`, over the same TLS, with `authentication` in
    /// place of the connection's own. Servers show the name of the connection with `-probe`
    /// appended.
    ///
    /// # Errors
    ///
    /// Fails if `connection` has no server, or a server address that cannot be read.
    pub fn new(
        connection: &ConnectionOptions,
        authentication: Authentication,
    ) -> Result<Self, ConnectError> {
        Ok(Self {
            name: format!("{}-probe", connection.name),
            servers: connection.addresses()?,
            tls: connection.tls.clone(),
            connect_timeout: connection.connect_timeout,
            proofs: Arc::new(ProofReader::new(
                authentication,
                Arc::clone(&connection.disk),
            )),
            disk: Arc::clone(&connection.disk),
        })
    }

    /// Sets the name of the connection. Default: that of the connection, with `-probe` appended.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self
        }
    }

    /// Returns the servers, each with its address as logs show it.
    pub fn servers(&self) -> impl Iterator<Item = (&ServerAddr, String)> {
        self.servers.iter().map(|server| (server, address(server)))
    }

    /// Logs in at `server`, also presenting `token` if it is given, and disconnects.
    pub async fn log_in(&self, server: &ServerAddr, token: Option<&str>) -> LoginAnswer {
        tls::choose_cryptography();
        if let Err(error) = self.tls.check_before_connecting(&self.disk).await {
            return LoginAnswer::Unclear(with_causes(&error));
        }
        let (proofs, token) = (Arc::clone(&self.proofs), token.map(str::to_owned));
        let options = ConnectOptions::with_auth_callback(move |nonce| {
            let (proofs, token) = (Arc::clone(&proofs), token.clone());
            async move { present(proofs, token, &nonce).await }
        });
        let options = options
            .name(&self.name)
            .connection_timeout(self.connect_timeout)
            .max_reconnects(1)
            .ignore_discovered_servers();
        let connected = self.tls.apply(options).connect(server.clone());
        // A refusal is an answer here, which async-nats would log as an error.
        match connected.with_subscriber(NoSubscriber::default()).await {
            Ok(_) => LoginAnswer::LetIn,
            Err(error) if error.kind() == ConnectErrorKind::AuthorizationViolation => {
                LoginAnswer::Refused
            }
            Err(error) => LoginAnswer::Unclear(with_causes(&error)),
        }
    }
}

/// Returns the token and the proofs for a server that sent `nonce`.
async fn present(
    proofs: Arc<ProofReader>,
    token: Option<String>,
    nonce: &[u8],
) -> Result<Auth, AuthError> {
    let read = proofs.current().await;
    let failed = |error: AuthenticationError| AuthError::new(with_causes(&error));
    let mut auth = match read.map_err(failed)? {
        Some(reading) => reading.proof.answer(nonce).map_err(AuthError::new)?,
        None => Auth::new(),
    };
    if token.is_some() {
        auth.token = token;
    }
    Ok(auth)
}

#[cfg(test)]
mod tests {
    use portcullis_core::Secret;

    use super::*;
    use crate::fake_server::{FakeServer, Rule, within};

    /// Probes `server` with a password and the token `guest`.
    async fn answer_of(options: &ConnectionOptions) -> LoginAnswer {
        let authentication = Authentication::Password {
            user: "probe".to_owned(),
            password: Secret::new("pass").into(),
        };
        let probe = LoginProbe::new(options, authentication).unwrap();
        let (server, _) = probe.servers().next().unwrap();
        within(probe.log_in(server, Some("guest"))).await
    }

    #[tokio::test]
    async fn a_login_is_accepted_or_refused_by_the_server() {
        let server = FakeServer::start(Rule::Accept).await;
        let options = server.options();
        let (answer, session) = tokio::join!(answer_of(&options), server.accept());
        assert!(matches!(answer, LoginAnswer::LetIn), "{answer:?}");
        for shown in ["\"orders-probe\"", "\"guest\"", "\"probe\""] {
            assert!(session.login.contains(shown), "{}", session.login);
        }

        let server = FakeServer::start(Rule::RefuseLogins).await;
        let options = server.options();
        let (answer, _session) = tokio::join!(answer_of(&options), server.accept());
        assert!(matches!(answer, LoginAnswer::Refused), "{answer:?}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_reached_gives_no_answer() {
        let server = FakeServer::start(Rule::Accept).await;
        let options = server.options();
        drop(server);
        let answer = answer_of(&options).await;
        assert!(matches!(answer, LoginAnswer::Unclear(_)), "{answer:?}");
    }
}
