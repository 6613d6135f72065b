//! The token exchange: its listener, with a certificate that is read again.

use portcullis_config as config;
use portcullis_connect::{CertificateFiles, TlsFileError};
use portcullis_core::{Authorizer, with_causes};
use portcullis_exchange::Exchange;
use portcullis_http::{HttpListener, ServerTls, TlsError};
use rustix::process::{Resource, getrlimit};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::error::RunError;

/// Number of file descriptors that are left to the rest of the host: connections to servers, files
/// of policies and keys, the health listener.
const OTHER_FILES: u64 = 256;

/// A running exchange. Its drop stops the exchange.
pub(crate) struct RunningExchange {
    /// Whether the exchange is to stop. The exchange holds the receiver until it ends.
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

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
        let tls = match table.certificate.clone() {
            None => None,
            Some(files) => Some(tls(files).await?),
        };
        let listener = HttpListener::bind(address, tls).await?;
        let (address, with_tls) = (listener.address(), listener.has_tls());
        info!(exchange.address = %address, exchange.tls = with_tls, "tokens exchanged");
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let served = tokio::spawn(exchange.serve(listener, async move {
            // The exchange also ends if its owner is dropped.
            let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
        }));
        Ok(Self { stop, served })
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

/// Starts TLS with the certificate of `files`.
async fn tls(files: CertificateFiles) -> Result<ServerTls, TlsError<TlsFileError>> {
    let failed = |error: &TlsFileError| {
        tracing::error!(
            error = with_causes(error),
            "certificate of the exchange not read, the last one stays in use"
        );
    };
    ServerTls::start(move || files.read(), failed).await
}

#[cfg(test)]
mod tests;
