//! Facts of a client's certificate.

mod alternative;
mod name;

use data_encoding::HEXLOWER;
use portcullis_core::{Certificate, ClientTls};
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::{Pem, parse_x509_pem};
use x509_parser::time::ASN1Time;

use self::alternative::AlternativeNames;
use self::name::distinguished_name;
use crate::spiffe;

/// Maximum size of a certificate that is read, in bytes of PEM.
const MAX_PEM: usize = 64 * 1024;

/// Returns the client's certificate: the leaf of the first chain. The server verified that chain
/// or, if it says that it did not, the client presented it. `None` if there is no certificate or it
/// cannot be parsed.
///
/// A certificate has at most 64 KiB in PEM. Of its alternative names, the first hundred of each
/// kind are read. Names above 2,048 bytes are dropped, and so are those that RFC 5280 does not
/// allow (control characters, letters beyond ASCII).
///
/// The SPIFFE id is present under three conditions (SPIFFE X.509-SVID, 2 and 5.2). The certificate
/// has exactly one URI of any form, that URI is a SPIFFE id, and the certificate is not an
/// authority's. Times before the Unix epoch are 0.
pub fn read(tls: &ClientTls) -> Option<Certificate> {
    let pem = tls.chains.first()?.first()?;
    if pem.len() > MAX_PEM {
        return None;
    }
    let (_, block) = parse_x509_pem(pem.as_bytes()).ok()?;
    let leaf = block.parse_x509().ok()?;
    Some(facts(&leaf, tls.verified))
}

/// Returns the time at which the first of the certificates in `pem` expires, in seconds since the
/// Unix epoch. Other blocks, such as keys, are skipped. `None` if there is no certificate, or one
/// cannot be parsed.
pub fn expiry(pem: &[u8]) -> Option<u64> {
    let blocks = Pem::iter_from_buffer(pem).filter_map(Result::ok);
    let certificates = blocks.filter(|block| block.label == "CERTIFICATE");
    let ends = certificates.map(|block| {
        let certificate = block.parse_x509().ok()?;
        Some(seconds(certificate.validity().not_after))
    });
    ends.collect::<Option<Vec<_>>>()?.into_iter().min()
}

fn facts(leaf: &X509Certificate<'_>, verified: bool) -> Certificate {
    let names = AlternativeNames::of(leaf);
    Certificate {
        verified,
        subject: distinguished_name(leaf.subject()),
        issuer: distinguished_name(leaf.issuer()),
        serial: serial(leaf.raw_serial()),
        fingerprint: HEXLOWER.encode(&Sha256::digest(leaf.as_raw())),
        spiffe_id: spiffe_id(leaf, &names),
        dns_names: names.dns,
        uri_names: names.uris,
        email_names: names.emails,
        ip_names: names.ips,
        not_before: seconds(leaf.validity().not_before),
        not_after: seconds(leaf.validity().not_after),
    }
}

fn spiffe_id(leaf: &X509Certificate<'_>, names: &AlternativeNames) -> Option<String> {
    let uri = names.uris.first().filter(|_| names.uri_count == 1)?;
    (spiffe::is_id(uri) && is_leaf(leaf)).then(|| uri.clone())
}

/// Returns whether the certificate can be a workload's: it signs neither certificates nor their
/// revocation (SPIFFE X.509-SVID, 5.2).
fn is_leaf(certificate: &X509Certificate<'_>) -> bool {
    let signs = match certificate.key_usage() {
        Ok(usage) => {
            usage.is_some_and(|usage| usage.value.key_cert_sign() || usage.value.crl_sign())
        }
        Err(_) => true,
    };
    let is_authority = match certificate.basic_constraints() {
        Ok(constraints) => constraints.is_some_and(|constraints| constraints.value.ca),
        Err(_) => true,
    };
    !signs && !is_authority
}

/// Returns a serial number without leading zeros. DER puts one before a high bit.
fn serial(bytes: &[u8]) -> String {
    let digits = HEXLOWER.encode(bytes);
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    }
}

fn seconds(time: ASN1Time) -> u64 {
    u64::try_from(time.timestamp()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
