//! A TLS server's certificate without an authority, and its clients.

use std::sync::Arc;

use anyhow::Result;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};

/// A certificate for `localhost` that signed itself, with its key.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// The certificate and its key, for a server.
    pub key: CertifiedKey,
    /// The certificate, for clients.
    pub certificate: CertificateDer<'static>,
}

impl SelfSigned {
    /// Issues a new certificate.
    ///
    /// # Errors
    ///
    /// Fails if the system has no randomness.
    pub fn issue() -> Result<Self> {
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["localhost".to_owned()])?;
        let certificate = params.self_signed(&key)?.der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let provider = aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(vec![certificate.clone()], key, &provider)?;
        Ok(Self { key, certificate })
    }

    /// Returns the configuration of a client that trusts this certificate alone.
    ///
    /// # Errors
    ///
    /// Fails if rustls takes the certificate for no root.
    pub fn client(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(client))
    }
}
