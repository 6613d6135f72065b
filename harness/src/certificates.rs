//! TLS certificates, made for each test.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// A certificate authority of one test.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
    /// The path of the authority's own certificate.
    pub file: PathBuf,
}

/// A certificate with its key, for the host `127.0.0.1` or for a client.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The path of the certificate.
    pub file: PathBuf,
    /// The path of the certificate's key.
    pub key_file: PathBuf,
}

impl Authority {
    /// Creates an authority that writes into `directory`. Creates the directory if it is missing.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be made or written.
    pub fn create(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let mut params = named("Portcullis tests")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let file = directory.join("authority.pem");
        fs::write(&file, issuer.pem())?;
        Ok(Self {
            issuer,
            directory: directory.to_owned(),
            file,
        })
    }

    /// Issues a certificate with the common name `name`, written as `NAME.pem` and `NAME.key`.
    ///
    /// # Errors
    ///
    /// Fails if the certificate cannot be made or written.
    pub fn issue(&self, name: &str) -> Result<Certificate> {
        let mut params = named(name)?;
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let file = self.directory.join(format!("{name}.pem"));
        let key_file = self.directory.join(format!("{name}.key"));
        fs::write(&file, certificate.pem())?;
        fs::write(&key_file, key.serialize_pem())?;
        Ok(Certificate { file, key_file })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Authority");
        shown.field("file", &self.file).finish_non_exhaustive()
    }
}

fn named(name: &str) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
