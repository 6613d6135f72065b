//! The token exchange: its listener, with a certificate that is read again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use portcullis_config as config;
use portcullis_connect::{CertificateFiles, TlsFileError};
use portcullis_core::{Authorizer, with_causes};
use portcullis_exchange::{Exchange, ExchangeListener};
use rustix::process::{Resource, getrlimit};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

use crate::error::RunError;

/// Interval at which the certificate is read again.
const CERTIFICATE_INTERVAL: Duration = Duration::from_mins(1);

/// Number of file descriptors that are left to the rest of the host: connections to servers, files
/// of policies and keys, the health listener.
const OTHER_FILES: u64 = 256;

/// A running exchange. Its drop stops the exchange.
pub(crate) struct RunningExchange {
    /// Whether the exchange is to stop. The exchange holds the receiver until it ends.
    stop: watch::Sender<bool>,
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
            Some(files) => {
                Some(watched_certificate(files, CERTIFICATE_INTERVAL, &mut watch).await?)
            }
        };
        let with_tls = tls.is_some();
        let listener = ExchangeListener::bind(address, tls).await?;
        info!(exchange.address = %listener.address(), exchange.tls = with_tls, "tokens exchanged");
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let served = tokio::spawn(listener.run(exchange, async move {
            // The exchange also ends if its owner is dropped.
            let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
        }));
        Ok(Self {
            stop,
            served,
            _watch: watch,
        })
    }

    /// Waits for `shutdown`, or for the end of an exchange that panicked, and stops the exchange.
    /// So the host ends with its exchange, and both finish their requests at the same time.
    pub(crate) fn stop_with<F: Future<Output = ()>>(
        exchange: Option<&Self>,
        shutdown: F,
    ) -> impl Future<Output = ()> + use<F> {
        let stop = exchange.map(|exchange| exchange.stop.clone());
        async move {
            let Some(stop) = stop else {
                return shutdown.await;
            };
            tokio::select! {
                () = shutdown => {}
                () = stop.closed() => {}
            }
            stop.send_replace(true);
        }
    }

    /// Finishes the requests in progress.
    ///
    /// # Errors
    ///
    /// Fails if the exchange panicked, which is a fault of the host.
    pub(crate) async fn end(self) -> Result<(), RunError> {
        self.stop.send_replace(true);
        Ok(self.served.await?)
    }
}

/// Returns `max_connections` connections, or fewer if the process may open fewer files.
/// Connections would otherwise leave no file descriptors to the rest of the host.
pub(crate) fn affordable(max_connections: usize) -> usize {
    let Some(files) = getrlimit(Resource::Nofile).current else {
        return max_connections;
    };
    let most = files.saturating_sub(OTHER_FILES).max(files / 2);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if max_connections > most {
        warn!(
            max_connections,
            used = most,
            open_files = files,
            "the process may open fewer files than `max-connections` under [exchange] needs: raise its limit"
        );
    }
    max_connections.min(most)
}

/// Reads the certificate and starts to read it again at each `interval`. Returns the configuration
/// of TLS.
async fn watched_certificate(
    files: CertificateFiles,
    interval: Duration,
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
            tokio::time::sleep(interval).await;
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

#[cfg(test)]
mod tests;
