//! The client's TLS certificate.

use super::{Facts, questions};

/// The client's TLS certificate. Whoever presents one has proved to hold its key, so its fingerprint is always told. What it says of
/// itself is told only if the server verified the chain, so all of that is proved.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'request> {
    pub(super) facts: &'request Facts,
}

impl Certificate<'_> {
    questions! { certificate:
        /// Whether the server verified the chain. False without a certificate.
        verified -> bool;
        /// The SHA-256 digest of the certificate: 64 lower-case hexadecimal digits.
        fingerprint -> Option<String>;
        /// The subject as RFC 2253 writes it, most specific part first: `CN=alice,O=Acme`.
        subject -> Option<String>;
        /// The issuer, written so too.
        issuer -> Option<String>;
        /// The serial number in lower-case hexadecimal digits, without leading zeros.
        serial -> Option<String>;
        /// The DNS names among the subject's alternative names.
        dns_names -> Vec<String>;
        /// The URIs among them.
        uri_names -> Vec<String>;
        /// The e-mail addresses among them.
        email_names -> Vec<String>;
        /// The IP addresses among them.
        ip_names -> Vec<String>;
        /// The SPIFFE id (`spiffe://…`), if the certificate is an X.509-SVID.
        spiffe_id -> Option<String>;
        /// When the certificate begins to be valid, in seconds since the Unix epoch.
        not_before -> Option<u64>;
        /// When it ceases to be.
        not_after -> Option<u64>;
    }
}
