//! TLS options of connections to the servers.

use std::path::Path;

use portcullis_connect::{CertificateFiles, TlsOptions};
use portcullis_core::with_causes;
use portcullis_toml::{Problem, Read, Section};

pub(crate) fn read(section: &mut Section<'_>) -> Option<TlsOptions> {
    let ca_file = section.path("tls-ca-file");
    let certificate = read_certificate(section);
    let first = section.flag("tls-first", false);
    let required = section.flag("tls-required", false);
    if section.has("tls-ca-file") && ca_file.is_none() {
        return None;
    }
    Some(TlsOptions {
        ca_file,
        certificate: certificate?,
        first: first?,
        required: required?,
    })
}

/// Reads the files of a certificate and its key, which need each other.
pub(crate) fn read_certificate(section: &mut Section<'_>) -> Read<Option<CertificateFiles>> {
    let certificate = section.path("tls-cert-file");
    let key = section.path("tls-key-file");
    for (has, lacks) in [
        ("tls-cert-file", "tls-key-file"),
        ("tls-key-file", "tls-cert-file"),
    ] {
        if section.has(has) && !section.has(lacks) {
            section.report_missing(has, format!("needs `{lacks}` next to it"));
            return None;
        }
    }
    let files = certificate.zip(key);
    if section.has("tls-cert-file") && files.is_none() {
        return None;
    }
    Some(files.map(|(certificate, key)| CertificateFiles { certificate, key }))
}

/// Returns the problems of the TLS files that the table `table` of the configuration `file` names.
pub(crate) fn check(file: &Path, table: &str, tls: &TlsOptions) -> Vec<Problem> {
    let authorities = TlsOptions {
        certificate: None,
        ..tls.clone()
    };
    let certificate = TlsOptions {
        ca_file: None,
        ..tls.clone()
    };
    [("tls-ca-file", authorities), ("tls-cert-file", certificate)]
        .into_iter()
        .filter_map(|(key, part)| {
            let error = part.check().err()?;
            Some(Problem::error(file, with_causes(&error)).at_key(format!("{table}.{key}")))
        })
        .collect()
}
