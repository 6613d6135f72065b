//! The client's TLS certificate.

use super::{Facts, questions};

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
        verified -> bool;
        /// Returns the SHA-256 digest of the certificate: 64 lower-case hexadecimal digits.
        fingerprint -> Option<String>;
        /// Returns the subject as RFC 2253 writes it, most specific part first: `CN=alice,O=Acme`.
        subject -> Option<String>;
        /// Returns the issuer as RFC 2253 writes it, most specific part first.
        issuer -> Option<String>;
        /// Returns the serial number in lower-case hexadecimal digits, without leading zeros.
        serial -> Option<String>;
        /// Returns the DNS names among the subject's alternative names.
        dns_names -> Vec<String>;
        /// Returns the URIs among the subject's alternative names.
        uri_names -> Vec<String>;
        /// Returns the e-mail addresses among the subject's alternative names.
        email_names -> Vec<String>;
        /// Returns the IP addresses among the subject's alternative names.
        ip_names -> Vec<String>;
        /// Returns the SPIFFE id (`spiffe://…`), if the certificate is an X.509-SVID.
        spiffe_id -> Option<String>;
        /// Returns when the certificate begins to be valid, in seconds since the Unix epoch.
        not_before -> Option<u64>;
        /// Returns when the certificate ceases to be valid, in seconds since the Unix epoch.
        not_after -> Option<u64>;
    }
}
