//! The client's TLS certificate.

use super::Facts;
use super::questions::questions;

/// The client's TLS certificate.
///
/// A client that presents a certificate has proved to hold its key, so the fingerprint is always
/// available. The content of the certificate is available only if the server verified the chain, so
/// all of it is proved.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'request> {
    pub(super) facts: &'request Facts,
}

impl Certificate<'_> {
    questions! { certificate:
        /// Returns whether the server verified the chain; `false` without a certificate.
        verified -> bool
            => [certificate_subject("CN=alice")] request.certificate().verified(), true;
        /// Returns the SHA-256 digest of the certificate: 64 lower-case hexadecimal digits.
        fingerprint -> Option<String>
            => [certificate_fingerprint("2bb8…")] request.certificate().fingerprint().as_deref(), Some("2bb8…");
        /// Returns the subject as RFC 2253 writes it, most specific part first: `CN=alice,O=Acme`.
        subject -> Option<String>
            => [certificate_subject("CN=alice")] request.certificate().subject().as_deref(), Some("CN=alice");
        /// Returns the issuer as RFC 2253 writes it, most specific part first.
        issuer -> Option<String>
            => [certificate_issuer("CN=ca")] request.certificate().issuer().as_deref(), Some("CN=ca");
        /// Returns the serial number in lower-case hexadecimal digits, without leading zeros.
        serial -> Option<String>
            => [certificate_serial("2a")] request.certificate().serial().as_deref(), Some("2a");
        /// Returns the DNS names among the subject's alternative names.
        dns_names -> Vec<String>
            => [certificate_dns_names(["a.example"])] request.certificate().dns_names(), ["a.example"];
        /// Returns the URIs among the subject's alternative names.
        uri_names -> Vec<String>
            => [certificate_uri_names(["urn:a"])] request.certificate().uri_names(), ["urn:a"];
        /// Returns the e-mail addresses among the subject's alternative names.
        email_names -> Vec<String>
            => [certificate_email_names(["a@b.example"])] request.certificate().email_names(), ["a@b.example"];
        /// Returns the IP addresses among the subject's alternative names.
        ip_names -> Vec<String>
            => [certificate_ip_names(["10.0.0.1"])] request.certificate().ip_names(), ["10.0.0.1"];
        /// Returns the SPIFFE id (`spiffe://…`), if the certificate is an X.509-SVID.
        spiffe_id -> Option<String>
            => [certificate_spiffe_id("spiffe://a/b")] request.certificate().spiffe_id().as_deref(), Some("spiffe://a/b");
        /// Returns when the certificate begins to be valid, in seconds since the Unix epoch.
        not_before -> Option<u64>
            => [certificate_validity(1, 2)] request.certificate().not_before(), Some(1);
        /// Returns when the certificate ceases to be valid, in seconds since the Unix epoch.
        not_after -> Option<u64>
            => [certificate_validity(1, 2)] request.certificate().not_after(), Some(2);
    }
}
