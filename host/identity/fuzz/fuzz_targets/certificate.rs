//! Client certificates: the facts for policies are clean and bounded. The input is DER, or PEM
//! after `r`.
#![no_main]

use data_encoding::BASE64;
use libfuzzer_sys::fuzz_target;
use portcullis_core::{Certificate, ClientTls};
use portcullis_identity::read_certificate;

fuzz_target!(|data: &[u8]| {
    let pem = match data.split_first() {
        Some((b'r', pem)) => String::from_utf8_lossy(pem).into_owned(),
        _ => format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            BASE64.encode(data)
        ),
    };
    let tls = ClientTls {
        verified: true,
        chains: vec![vec![pem]],
        ..ClientTls::default()
    };
    if let Some(certificate) = read_certificate(&tls) {
        check(&certificate);
    }
});

fn check(certificate: &Certificate) {
    assert!(certificate.verified);
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    assert_eq!(certificate.fingerprint.len(), 64);
    assert!(certificate.fingerprint.chars().all(is_digit));
    let serial = &certificate.serial;
    assert!(
        !serial.is_empty() && serial.chars().all(is_digit),
        "{serial}"
    );
    assert!(serial == "0" || !serial.starts_with('0'), "{serial}");
    for names in [
        &certificate.dns_names,
        &certificate.uri_names,
        &certificate.email_names,
        &certificate.ip_names,
    ] {
        assert!(names.len() <= 100);
        for name in names {
            assert!(name.len() <= 2048);
            assert!(name.chars().all(|c| (' '..='~').contains(&c)), "{name:?}");
        }
    }
    for name in [&certificate.subject, &certificate.issuer] {
        assert!(!name.contains(char::is_control), "{name:?}");
    }
    if let Some(id) = &certificate.spiffe_id {
        assert_eq!(&certificate.uri_names, std::slice::from_ref(id));
        assert!(id.starts_with("spiffe://"));
    }
}
