//! Alternative names of a certificate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

/// Maximum number of names of one kind.
pub(super) const MAX_NAMES: usize = 100;
/// Maximum length of a name, in bytes: the limit of a SPIFFE id, far beyond those of DNS and
/// e-mail.
pub(super) const MAX_NAME: usize = 2048;
/// Tag of a URI among the names (RFC 5280, 4.2.1.6).
const URI_TAG: u32 = 6;

/// The names of the extension by kind, in its order. At most [`MAX_NAMES`] of each kind, and only
/// valid ones: ASCII without control characters, no longer than [`MAX_NAME`], and addresses of the
/// right length.
#[derive(Debug, Default)]
pub(super) struct AlternativeNames {
    pub(super) dns: Vec<String>,
    pub(super) uris: Vec<String>,
    pub(super) emails: Vec<String>,
    pub(super) ips: Vec<String>,
    /// Number of URIs in the extension, valid or not.
    pub(super) uri_count: usize,
}

impl AlternativeNames {
    /// Returns the alternative names of `certificate`. Empty if the extension is repeated or cannot
    /// be parsed.
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Self {
        let mut names = Self::default();
        if let Ok(Some(extension)) = certificate.subject_alternative_name() {
            for name in &extension.value.general_names {
                names.add(name);
            }
        }
        names
    }

    fn add(&mut self, name: &GeneralName<'_>) {
        match name {
            GeneralName::DNSName(text) => push(&mut self.dns, text),
            GeneralName::RFC822Name(text) => push(&mut self.emails, text),
            GeneralName::URI(text) => {
                self.uri_count = self.uri_count.saturating_add(1);
                push(&mut self.uris, text);
            }
            GeneralName::Invalid(tag, _) if tag.0 == URI_TAG => {
                self.uri_count = self.uri_count.saturating_add(1);
            }
            GeneralName::IPAddress(bytes) => {
                if let Some(address) = address(bytes) {
                    push(&mut self.ips, &address.to_string());
                }
            }
            _ => {}
        }
    }
}

fn push(names: &mut Vec<String>, text: &str) {
    let is_clean = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_clean && !text.is_empty() && text.len() <= MAX_NAME && names.len() < MAX_NAMES {
        names.push(text.to_owned());
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into());
    let v6 = || Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into());
    v4().or_else(v6)
}
