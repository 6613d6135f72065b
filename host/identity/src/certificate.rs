//! Whose certificate a client has.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use portcullis_core::{Certificate, ClientTls};
use x509_parser::asn1_rs::ToDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::parse_x509_pem;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The larger ones are not worth a login's time, in bytes of PEM.
const MAX_PEM: usize = 64 * 1024;

/// The short names of RFC 4514, and the two more that Go uses.
const NAMES: [(&str, &str); 11] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.17", "POSTALCODE"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// The client's certificate.
pub(crate) fn read(tls: &ClientTls) -> Option<Certificate> {
    Some(Certificate {
        verified: true,
        subject: verified_subject(tls)?,
        not_after: certificate_expiry(tls)?,
        ..Certificate::default()
    })
}

/// The subject of the leaf that the server verified, as RFC 4514 writes it.
pub(crate) fn verified_subject(tls: &ClientTls) -> Option<String> {
    with_leaf(tls, |leaf| distinguished_name(leaf.subject()))
}

/// When the client's certificate ends, in seconds since the Unix epoch; none if the server verified none. No login is
/// to outlast it: servers look at certificates only when a connection begins.
pub fn certificate_expiry(tls: &ClientTls) -> Option<u64> {
    with_leaf(tls, |leaf| {
        u64::try_from(leaf.validity().not_after.timestamp()).ok()
    })
}

/// What `read` finds in the leaf that the server verified.
fn with_leaf<T>(
    tls: &ClientTls,
    read: impl FnOnce(&X509Certificate<'_>) -> Option<T>,
) -> Option<T> {
    let leaf = tls.verified.then(|| tls.chains.first()?.first())??;
    if leaf.len() > MAX_PEM {
        return None;
    }
    let (_, pem) = parse_x509_pem(leaf.as_bytes()).ok()?;
    read(&pem.parse_x509().ok()?)
}

/// The most specific part first, as everybody writes names and no certificate holds them.
fn distinguished_name(name: &X509Name<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.iter_rdn() {
        let attributes: Option<Vec<_>> = part.iter().map(attribute).collect();
        parts.push(attributes?.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let number = attribute.attr_type().to_id_string();
    let name = NAMES.iter().find(|(known, _)| *known == number);
    if let (Some((_, name)), Ok(text)) = (name, attribute.as_str()) {
        return Some(format!("{name}={}", escaped(text)));
    }
    let value = attribute.attr_value().to_der_vec().ok()?;
    Some(format!("{number}=#{}", HEXLOWER.encode(&value)))
}

/// RFC 4514, 2.4. Control characters are escaped too, so that a name stays on its line.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        let at_edge =
            (index == 0 && matches!(character, ' ' | '#')) || (index == last && character == ' ');
        if character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\{byte:02x}");
            }
            continue;
        }
        if at_edge || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(leaf: &str) -> ClientTls {
        ClientTls {
            verified: true,
            chains: vec![vec![leaf.to_owned(), "the issuer's".to_owned()]],
            ..ClientTls::default()
        }
    }

    #[test]
    fn a_subject_is_written_from_the_most_specific_part_on() {
        let leaf = include_str!("../tests/fixtures/client.pem");
        assert_eq!(
            verified_subject(&tls(leaf)).as_deref(),
            Some(r"CN=alice\, the \+1,UID=a7,OU=Ops+O=Acme,C=DE,DC=acme,DC=example")
        );
    }

    #[test]
    fn a_verified_certificate_says_when_it_ends() {
        let leaf = tls(include_str!("../tests/fixtures/client.pem"));
        let end = certificate_expiry(&leaf).unwrap();
        assert!(end > 1_700_000_000, "{end}");
        let unverified = ClientTls {
            verified: false,
            ..leaf
        };
        assert_eq!(certificate_expiry(&unverified), None);
    }

    #[test]
    fn what_has_no_short_name_is_written_as_a_number() {
        let leaf = include_str!("../tests/fixtures/mail.pem");
        assert_eq!(
            verified_subject(&tls(leaf)).as_deref(),
            Some("1.2.840.113549.1.9.1=#16056140622e63,CN=a")
        );
    }

    #[test]
    fn a_certificate_that_the_server_did_not_verify_names_nobody() {
        let leaf = include_str!("../tests/fixtures/client.pem");
        let unverified = ClientTls {
            verified: false,
            ..tls(leaf)
        };
        assert_eq!(verified_subject(&unverified), None);
        let none = ClientTls {
            chains: vec![],
            ..tls(leaf)
        };
        assert_eq!(verified_subject(&none), None);
    }

    #[test]
    fn what_is_no_certificate_names_nobody() {
        let leaf = include_str!("../tests/fixtures/client.pem");
        let cut: String = leaf.chars().take(400).collect();
        let huge = format!("{}{leaf}", "\n".repeat(MAX_PEM));
        for text in [
            "",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            &cut,
            &huge,
        ] {
            assert_eq!(verified_subject(&tls(text)), None);
        }
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(escaped(" #a "), r"\ #a\ ");
        assert_eq!(escaped("#"), r"\#");
        assert_eq!(escaped(r#"a"b\c<d>;e"#), r#"a\"b\\c\<d\>\;e"#);
        assert_eq!(escaped("a\nb"), r"a\0ab");
        assert_eq!(escaped(" "), r"\ ");
    }
}
