//! The token exchange: its listener, with a certificate that is read again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use portcullis_config as config;
use portcullis_connect::{CertificateFiles, TlsFileError};
use portcullis_core::{Authorizer, with_causes};
use portcullis_exchange::{Exchange, ExchangeListener};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tracing::info;

use crate::error::RunError;

/// Interval at which the certificate is read again.
const CERTIFICATE_INTERVAL: Duration = Duration::from_mins(1);

/// A running exchange. Its drop ends the exchange at once.
pub(crate) struct RunningExchange {
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    /// The task that reads the certificate again.
    _watch: JoinSet<()>,
}

/// The certificate of the listener, as last read.
#[derive(Debug)]
struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl RunningExchange {
    /// Listens at the address of `table` and serves `exchange`.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be used, or if the address is in use.
    pub(crate) async fn start<A: Authorizer>(
        table: &config::Exchange,
        address: std::net::SocketAddr,
        exchange: Exchange<A>,
    ) -> Result<Self, RunError> {
        let mut watch = JoinSet::new();
        let tls = match table.certificate.clone() {
            None => None,
            Some(files) => Some(watched_certificate(files, &mut watch).await?),
        };
        let with_tls = tls.is_some();
        let listener = ExchangeListener::bind(address, tls).await?;
        info!(exchange.address = %listener.address(), exchange.tls = with_tls, "tokens exchanged");
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(listener.run(exchange, async {
            // The exchange also ends if its owner is dropped.
            let _ = stopped.await;
        }));
        Ok(Self {
            stop,
            served,
            _watch: watch,
        })
    }

    /// Finishes the requests in progress.
    ///
    /// # Errors
    ///
    /// Fails if the exchange panicked, which is a fault of the host.
    pub(crate) async fn end(self) -> Result<(), RunError> {
        // The exchange may have ended by itself.
        let _ = self.stop.send(());
        Ok(self.served.await?)
    }
}

/// Reads the certificate and starts to read it again at intervals. Returns the configuration of
/// TLS.
async fn watched_certificate(
    files: CertificateFiles,
    watch: &mut JoinSet<()>,
) -> Result<Arc<ServerConfig>, RunError> {
    let key = read(files.clone()).await??;
    let current = Arc::new(CurrentCertificate(RwLock::new(Arc::new(key))));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(RunError::Tls)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
    watch.spawn(async move {
        loop {
            tokio::time::sleep(CERTIFICATE_INTERVAL).await;
            match read(files.clone()).await {
                Ok(Ok(key)) => *current.0.write() = Arc::new(key),
                Ok(Err(error)) => tracing::error!(
                    error = with_causes(&error),
                    "certificate of the exchange not read, the last one stays in use"
                ),
                // The runtime shuts down.
                Err(_) => return,
            }
        }
    });
    Ok(Arc::new(config))
}

/// Reads the files on the blocking pool.
async fn read(
    files: CertificateFiles,
) -> Result<Result<CertifiedKey, TlsFileError>, tokio::task::JoinError> {
    tokio::task::spawn_blocking(move || files.read()).await
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}
