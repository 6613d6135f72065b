//! Certificates: those in the host's files, and those that servers show.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_config::{Config, ServerAddress};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;

use super::address::host_and_port;
use crate::doctor::evidence::Certificate;

/// Maximum size of a file of certificates, in bytes.
const MAX_SIZE: u64 = 4 << 20;

/// Returns the certificates in the files of the configuration. Those that cannot be read are
/// problems of the configuration.
pub(super) fn of_files(config: &Config) -> Vec<Certificate> {
    let of_connections = config.connections().flat_map(|(table, nats)| {
        let own = nats.tls.certificate.as_ref().map(|it| &it.certificate);
        let files = [
            (nats.tls.ca_file.as_ref(), "tls-ca-file"),
            (own, "tls-cert-file"),
        ];
        files.map(|(file, key)| Some((file?, format!("{table}.{key}"))))
    });
    let of_exchange = config.exchange.certificate.iter().map(|files| {
        let key = "exchange.tls-cert-file".to_owned();
        Some((&files.certificate, key))
    });
    let named = of_connections.chain(of_exchange).flatten();
    named.flat_map(|(file, key)| of_file(file, &key)).collect()
}

fn of_file(file: &Path, key: &str) -> Vec<Certificate> {
    let place = format!("`{}` (`{key}`)", file.display());
    let content = portcullis_files::read(file, MAX_SIZE);
    let bytes = content.map(|content| content.bytes).unwrap_or_default();
    let blocks = Pem::iter_from_buffer(&bytes).filter_map(Result::ok);
    blocks
        .filter_map(|block| parse(&block.contents, &place))
        .collect()
}

/// Returns the certificates that a server shows. Empty if it makes no TLS session.
pub(super) async fn of_server(
    config: &Config,
    address: &ServerAddress,
    tls_first: bool,
) -> Vec<Certificate> {
    let limit = config.nats.connect_timeout;
    let shown = timeout(limit, chain_of(tls_first, address)).await;
    let chain = shown.ok().flatten().unwrap_or_default();
    let place = format!("server `{address}`");
    chain.iter().filter_map(|der| parse(der, &place)).collect()
}

/// Returns whether the server makes a TLS session before it says anything, within `limit`.
pub(super) async fn is_shown_first(address: &ServerAddress, limit: Duration) -> bool {
    let shown = timeout(limit, chain_of(true, address)).await;
    shown.ok().flatten().is_some()
}

/// Makes a TLS session that only shows the server's certificates, and ends it.
async fn chain_of(
    tls_first: bool,
    address: &ServerAddress,
) -> Option<Vec<CertificateDer<'static>>> {
    let (host, port) = host_and_port(address)?;
    let mut stream = TcpStream::connect((host.as_str(), port)).await.ok()?;
    if !tls_first {
        // The handshake follows the first line.
        while stream.read_u8().await.ok()? != b'\n' {}
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(AcceptAny(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(host).ok()?;
    let session = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .ok()?;
    let (_, session) = session.get_ref();
    let chain = session.peer_certificates()?;
    Some(chain.iter().map(|der| der.clone().into_owned()).collect())
}

fn parse(der: &[u8], place: &str) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some(Certificate {
        place: place.to_owned(),
        subject: certificate.subject().to_string(),
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
    })
}

/// A verifier that accepts every server. The session carries no secret: it only shows certificates.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
