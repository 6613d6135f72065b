//! TLS of a listener, with a certificate that is read again.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::refreshed::{NotRead, Refreshed};

/// TLS of a listener. The certificate is read again each minute.
#[derive(Clone)]
pub struct ServerTls(Arc<ServerConfig>);

/// A reason why a listener has no TLS. `E` is that of a certificate that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TlsError<E: Error + 'static> {
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] NotRead<E>),
    /// The cryptography library offers no TLS.
    #[error("the cryptography library offers no tls")]
    Library(#[source] rustls::Error),
}

/// The certificate, as last read.
#[derive(Debug)]
struct Certificate(Refreshed<CertifiedKey>);

impl ServerTls {
    /// Reads the certificate with `read`, on the blocking pool, and goes on to do so each minute.
    /// `failed` records why a later attempt failed: the last certificate then stays in use.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be used at first.
    pub async fn start<E, R>(
        read: R,
        failed: impl Fn(&E) + Send + 'static,
    ) -> Result<Self, TlsError<E>>
    where
        E: Error + Send + 'static,
        R: Fn() -> Result<CertifiedKey, E> + Send + Sync + 'static,
    {
        Self::new(Refreshed::start(read, failed).await?).map_err(TlsError::Library)
    }

    pub(crate) fn new(certificate: Refreshed<CertifiedKey>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Certificate(certificate)));
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
    }

    #[cfg(test)]
    pub(crate) const fn config(&self) -> &Arc<ServerConfig> {
        &self.0
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.get())
    }
}
