//! TLS to NATS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_nats::ConnectOptions;
use async_nats::rustls::RootCertStore;
use async_nats::rustls::crypto::{CryptoProvider, aws_lc_rs};
use async_nats::rustls::pki_types::pem::{self, PemObject};
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use async_nats::rustls::sign::CertifiedKey;
use portcullis_files::{Disk, ReadError, SystemDisk, read_watched};

/// The maximum size of a file of certificates or keys, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The encryption of connections.
///
/// A connection uses TLS if the server requires it or the address begins with `tls://`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The PEM file of the authorities that vouch for servers. Default: those of the system.
    pub ca_file: Option<PathBuf>,
    /// The certificate for servers that verify their clients. Default: no certificate.
    pub certificate: Option<CertificateFiles>,
    /// Whether the handshake precedes everything else, as `handshake_first` of a server requires.
    /// Default: `false`.
    pub first: bool,
    /// Whether servers without TLS are rejected. Default: `false`.
    pub required: bool,
}

/// A certificate and its key, PEM. Both files are read again for every attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The file of the certificate and the intermediate certificates.
    pub certificate: PathBuf,
    /// The file of the private key.
    pub key: PathBuf,
}

/// A file of [`TlsOptions`] that cannot be used, and the reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFileError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ReadError,
    },
    /// The file is not PEM.
    #[error("`{path}` is not a PEM file")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: pem::Error,
    },
    /// The file holds no certificate.
    #[error("`{path}` holds no certificate (`BEGIN CERTIFICATE`)")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no private key, or an encrypted one.
    #[error("`{path}` holds no private key that is not encrypted (`BEGIN PRIVATE KEY`)")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The certificate in the file is not that of an authority.
    #[error("`{path}` holds a certificate that cannot be an authority's")]
    Authority {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: async_nats::rustls::Error,
    },
    /// Certificate and key do not match, or are of an unknown kind.
    #[error("`{certificate}` and `{key}` are not a certificate and its key")]
    Mismatch {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// The reason.
        source: async_nats::rustls::Error,
    },
}

impl TlsOptions {
    /// Checks that every file exists and has the right content. Blocks.
    ///
    /// # Errors
    ///
    /// Fails with the first problem.
    pub fn check(&self) -> Result<(), TlsFileError> {
        self.check_on(&SystemDisk)
    }

    /// Checks the files of `disk` as [`check`](Self::check) does. Blocks.
    pub(crate) fn check_on(&self, disk: &dyn Disk) -> Result<(), TlsFileError> {
        if let Some(path) = &self.ca_file {
            check_authorities(disk, path)?;
        }
        let certificate = self.certificate.as_ref();
        certificate.map_or(Ok(()), |files| files.check(disk))
    }

    /// Runs [`check_on`](Self::check_on) on the blocking pool. The client library reads the files
    /// itself before every attempt and waits for them without a limit. This check must therefore
    /// find a file that hangs.
    pub(crate) async fn check_before_connecting(
        &self,
        disk: &Arc<dyn Disk>,
    ) -> Result<(), TlsFileError> {
        if self.ca_file.is_none() && self.certificate.is_none() {
            return Ok(());
        }
        let (files, disk) = (self.clone(), Arc::clone(disk));
        let checked = tokio::task::spawn_blocking(move || files.check_on(&*disk)).await;
        // The check is cancelled only if the runtime shuts down, and then no connection is made.
        checked.unwrap_or(Ok(()))
    }

    pub(crate) fn apply(&self, mut options: ConnectOptions) -> ConnectOptions {
        if let Some(path) = &self.ca_file {
            options = options.add_root_certificates(path.clone());
        }
        if let Some(files) = &self.certificate {
            options = options.add_client_certificate(files.certificate.clone(), files.key.clone());
        }
        if self.first {
            options = options.tls_first();
        }
        // `tls_first` implies `require_tls(true)`; `require_tls(false)` would undo that.
        if self.required {
            options = options.require_tls(true);
        }
        options
    }
}

impl CertificateFiles {
    /// Reads the certificate and its key. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be used, or if the two do not match.
    pub fn read(&self) -> Result<CertifiedKey, TlsFileError> {
        self.read_from(&SystemDisk)
    }

    fn check(&self, disk: &dyn Disk) -> Result<(), TlsFileError> {
        self.read_from(disk).map(drop)
    }

    fn read_from(&self, disk: &dyn Disk) -> Result<CertifiedKey, TlsFileError> {
        let chain = read_certificates(disk, &self.certificate)?;
        let key =
            PrivateKeyDer::from_pem_slice(&read(disk, &self.key)?).map_err(
                |error| match error {
                    pem::Error::NoItemsFound => TlsFileError::NoKey {
                        path: self.key.clone(),
                    },
                    source => TlsFileError::Malformed {
                        path: self.key.clone(),
                        source,
                    },
                },
            )?;
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|source| {
            TlsFileError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
                source,
            }
        })
    }
}

/// Selects the cryptography library for TLS in this process, unless one is selected. With several
/// compiled in and none selected, the client library panics.
pub(crate) fn choose_cryptography() {
    if CryptoProvider::get_default().is_none() {
        // Fails only if another thread has selected one in the meantime, which is equally good.
        let _ = aws_lc_rs::default_provider().install_default();
    }
}

fn check_authorities(disk: &dyn Disk, path: &Path) -> Result<(), TlsFileError> {
    let mut store = RootCertStore::empty();
    for certificate in read_certificates(disk, path)? {
        store
            .add(certificate)
            .map_err(|source| TlsFileError::Authority {
                path: path.to_owned(),
                source,
            })?;
    }
    Ok(())
}

fn read_certificates(
    disk: &dyn Disk,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let text = read(disk, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|source| TlsFileError::Malformed {
        path: path.to_owned(),
        source,
    })?;
    if certificates.is_empty() {
        return Err(TlsFileError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(certificates)
}

fn read(disk: &dyn Disk, path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, TlsFileError> {
    read_watched(disk, path, MAX_FILE)
        .map(zeroize::Zeroizing::new)
        .map_err(|source| TlsFileError::Read {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portcullis_core::with_causes;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    /// Creates an authority's certificate and its key, as PEM.
    fn authority() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    /// Returns the problem of options that name these files, without the directory. Returns an
    /// empty text if the options are right.
    fn problem(files: &[(&str, &str)], ca: Option<&str>, pair: Option<(&str, &str)>) -> String {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        let path = |name: &str| directory.path().join(name);
        let options = TlsOptions {
            ca_file: ca.map(path),
            certificate: pair.map(|(certificate, key)| CertificateFiles {
                certificate: path(certificate),
                key: path(key),
            }),
            ..TlsOptions::default()
        };
        let problem = options.check().err().map(|error| with_causes(&error));
        let prefix = format!("{}/", directory.path().display());
        problem.unwrap_or_default().replace(&prefix, "")
    }

    #[test]
    fn certificates_and_their_keys_are_accepted() {
        let (certificate, key) = authority();
        let both = format!("{certificate}{key}");
        let files = [("ca", certificate.as_str()), ("key", &key), ("both", &both)];
        assert_eq!(problem(&files, Some("ca"), Some(("ca", "key"))), "");
        assert_eq!(problem(&files, None, Some(("both", "both"))), "");
        assert_eq!(problem(&[], None, None), "");
    }

    #[test]
    fn the_file_and_what_it_lacks_are_named() {
        let ((certificate, key), (other, _)) = (authority(), authority());
        let files = [
            ("cert", certificate.as_str()),
            ("key", &key),
            ("other", &other),
            ("empty", ""),
            ("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n"),
        ];
        let authority = |name| problem(&files, Some(name), None);
        let pair = |certificate, key| problem(&files, None, Some((certificate, key)));
        assert!(authority("none").starts_with("cannot read `none`: "));
        assert_eq!(
            authority("empty"),
            "`empty` holds no certificate (`BEGIN CERTIFICATE`)"
        );
        assert!(authority("broken").starts_with("`broken` is not a PEM file: "));
        assert!(authority("key").starts_with("`key` holds no certificate"));
        assert!(pair("cert", "cert").starts_with("`cert` holds no private key"));
        assert!(
            pair("other", "key").starts_with("`other` and `key` are not a certificate and its key"),
            "{}",
            pair("other", "key")
        );
    }
}
