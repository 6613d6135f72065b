//! Certificates, well formed and malformed.

use std::net::IpAddr;

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber, date_time_ymd,
};
use rstest::rstest;

use super::alternative::{MAX_NAME, MAX_NAMES};
use super::*;

/// Start of 2026 and of 2027, in seconds since the Unix epoch.
const YEAR: [u64; 2] = [1_767_225_600, 1_798_761_600];

const CLIENT: &str = include_str!("../../tests/fixtures/client.pem");
const MAIL: &str = include_str!("../../tests/fixtures/mail.pem");

fn tls(leaf: &str) -> ClientTls {
    ClientTls {
        verified: true,
        chains: vec![vec![leaf.to_owned(), "the issuer's".to_owned()]],
        ..ClientTls::default()
    }
}

fn unverified(leaf: &str) -> ClientTls {
    ClientTls {
        verified: false,
        ..tls(leaf)
    }
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// Returns the PEM and DER of a self-signed certificate, valid through 2026, with `change` applied.
fn made(change: impl FnOnce(&mut CertificateParams)) -> (String, Vec<u8>) {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    change(&mut params);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    (certificate.pem(), certificate.der().to_vec())
}

fn with_names(names: Vec<SanType>) -> Certificate {
    let (pem, _) = made(|params| params.subject_alt_names = names);
    read(&tls(&pem)).unwrap()
}

fn verified(tls: &ClientTls) -> Option<Certificate> {
    tls.verified.then(|| read(tls))?
}

fn verified_subject(tls: &ClientTls) -> Option<String> {
    verified(tls).map(|certificate| certificate.subject)
}

fn certificate_expiry(tls: &ClientTls) -> Option<u64> {
    verified(tls).map(|certificate| certificate.not_after)
}

#[test]
fn every_field_is_read() {
    let (pem, der) = made(|params| {
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Acme");
        params.distinguished_name.push(DnType::CommonName, "alice");
        params.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xff]));
        params.subject_alt_names = vec![
            SanType::DnsName("a.example.com".try_into().unwrap()),
            uri("spiffe://example.com/ns/a/sa/b"),
            SanType::Rfc822Name("alice@example.com".try_into().unwrap()),
            SanType::IpAddress("10.0.0.7".parse::<IpAddr>().unwrap()),
            SanType::IpAddress("2001:db8::7".parse::<IpAddr>().unwrap()),
            SanType::DnsName("*.example.com".try_into().unwrap()),
        ];
    });
    let texts = |texts: &[&str]| texts.iter().copied().map(str::to_owned).collect::<Vec<_>>();
    let expected = Certificate {
        verified: true,
        subject: "CN=alice,O=Acme".to_owned(),
        issuer: "CN=alice,O=Acme".to_owned(),
        serial: "aff".to_owned(),
        fingerprint: HEXLOWER.encode(&Sha256::digest(&der)),
        dns_names: texts(&["a.example.com", "*.example.com"]),
        uri_names: texts(&["spiffe://example.com/ns/a/sa/b"]),
        email_names: texts(&["alice@example.com"]),
        ip_names: texts(&["10.0.0.7", "2001:db8::7"]),
        spiffe_id: Some("spiffe://example.com/ns/a/sa/b".to_owned()),
        not_before: YEAR[0],
        not_after: YEAR[1],
    };
    assert_eq!(read(&tls(&pem)), Some(expected.clone()));
    assert_eq!(
        read(&unverified(&pem)),
        Some(Certificate {
            verified: false,
            ..expected
        })
    );
}

#[test]
fn the_fingerprint_is_that_of_other_tools() {
    // From `openssl x509 -in client.pem -noout -fingerprint -sha256 -serial`.
    let certificate = read(&tls(CLIENT)).unwrap();
    assert_eq!(
        certificate.fingerprint,
        "b82f3e5d6a95cda2ce4fc4c47277ebda9969dbb02818e248fc973200f7fb49dd"
    );
    assert_eq!(
        certificate.serial,
        "7c5c62a3fd784e64e2d2090c4627c40d0759b6eb"
    );
}

#[rstest]
#[case::bytes(&[0x12, 0x34], "1234")]
#[case::a_high_bit(&[0xff], "ff")]
#[case::one_digit(&[0x05], "5")]
#[case::zero(&[0x00], "0")]
fn serial_numbers_have_no_leading_zeros(#[case] bytes: &[u8], #[case] expected: &str) {
    let (pem, _) = made(|params| params.serial_number = Some(SerialNumber::from_slice(bytes)));
    assert_eq!(read(&tls(&pem)).unwrap().serial, expected);
}

#[rstest]
#[case::one(&["spiffe://td/a"], Some("spiffe://td/a"))]
#[case::none(&[], None)]
#[case::another_uri(&["https://td/a"], None)]
#[case::two_ids(&["spiffe://td/a", "spiffe://td/b"], None)]
#[case::beside_another_uri(&["spiffe://td/a", "https://example.com"], None)]
#[case::behind_another_uri(&["https://example.com", "spiffe://td/a"], None)]
#[case::beside_one_that_is_left_out(&["spiffe://td/a", "https://example.com/\u{1}"], None)]
#[case::no_id(&["spiffe://td/a/"], None)]
fn a_spiffe_id_is_the_only_uri(#[case] uris: &[&str], #[case] expected: Option<&str>) {
    let certificate = with_names(uris.iter().copied().map(uri).collect());
    assert_eq!(certificate.spiffe_id.as_deref(), expected);
}

#[rstest]
#[case::authority(IsCa::Ca(BasicConstraints::Unconstrained), &[], None)]
#[case::signs_certificates(IsCa::NoCa, &[KeyUsagePurpose::KeyCertSign], None)]
#[case::signs_revocations(IsCa::NoCa, &[KeyUsagePurpose::CrlSign], None)]
#[case::workload(IsCa::ExplicitNoCa, &[KeyUsagePurpose::DigitalSignature], Some("spiffe://td/a"))]
fn an_authority_is_no_workload(
    #[case] is_ca: IsCa,
    #[case] usages: &[KeyUsagePurpose],
    #[case] expected: Option<&str>,
) {
    let (pem, _) = made(|params| {
        params.subject_alt_names = vec![uri("spiffe://td/a")];
        params.is_ca = is_ca;
        params.key_usages = usages.to_vec();
    });
    assert_eq!(read(&tls(&pem)).unwrap().spiffe_id.as_deref(), expected);
}

#[test]
fn names_are_bounded_in_number_and_length() {
    let dns = |number: usize| SanType::DnsName(format!("n{number}").try_into().unwrap());
    let certificate = with_names((0..MAX_NAMES + 5).map(dns).collect());
    assert_eq!(certificate.dns_names.len(), MAX_NAMES);
    assert_eq!(certificate.dns_names.last().unwrap(), "n99");

    let long = |length: usize| uri(&"u".repeat(length));
    let certificate = with_names(vec![long(MAX_NAME), long(MAX_NAME + 1)]);
    assert_eq!(certificate.uri_names, ["u".repeat(MAX_NAME)]);
}

#[test]
fn names_that_break_a_line_are_left_out() {
    let texts = ["good.example.com", "a\nb", "a\0.example.com", ""];
    let dns = |text: &str| SanType::DnsName(text.try_into().unwrap());
    let certificate = with_names(texts.into_iter().map(dns).collect());
    assert_eq!(certificate.dns_names, ["good.example.com"]);
}

#[test]
fn two_extensions_of_alternative_names_are_none() {
    let (pem, _) = made(|params| {
        params.subject_alt_names = vec![uri("spiffe://td/a")];
        // DER of SEQUENCE { [6] "spiffe://td/b" }
        let content = [&[0x30, 0x0f, 0x86, 0x0d][..], b"spiffe://td/b"].concat();
        let oid = [2, 5, 29, 17];
        params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&oid, content)];
    });
    let certificate = read(&tls(&pem)).unwrap();
    assert_eq!(certificate.spiffe_id, None);
    assert_eq!(certificate.uri_names, [""; 0]);
}

#[test]
fn a_subject_is_written_from_the_most_specific_part_on() {
    assert_eq!(
        verified_subject(&tls(CLIENT)).as_deref(),
        Some(r"CN=alice\, the \+1,UID=a7,OU=Ops+O=Acme,C=DE,DC=acme,DC=example")
    );
}

#[test]
fn what_has_no_short_name_is_written_as_a_number() {
    assert_eq!(
        verified_subject(&tls(MAIL)).as_deref(),
        Some("1.2.840.113549.1.9.1=#16056140622e63,CN=a")
    );
}

#[test]
fn an_unverified_certificate_names_no_user_and_ends_no_login() {
    assert_eq!(verified_subject(&unverified(CLIENT)), None);
    assert_eq!(certificate_expiry(&unverified(CLIENT)), None);
    let none = ClientTls {
        chains: vec![],
        ..tls(CLIENT)
    };
    assert_eq!(verified_subject(&none), None);
    assert_eq!(read(&none), None);
}

#[test]
fn a_verified_certificate_says_when_it_ends() {
    let (pem, _) = made(|_| {});
    assert_eq!(certificate_expiry(&tls(&pem)), Some(YEAR[1]));
    let (ancient, _) = made(|params| {
        params.not_before = date_time_ymd(1950, 1, 1);
        params.not_after = date_time_ymd(1960, 1, 1);
    });
    assert_eq!(certificate_expiry(&tls(&ancient)), Some(0));
}

#[test]
fn what_is_no_certificate_is_none() {
    let cut: String = CLIENT.chars().take(400).collect();
    let huge = format!("{}{CLIENT}", "\n".repeat(MAX_PEM));
    for text in [
        "",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        &cut,
        &huge,
    ] {
        assert_eq!(read(&tls(text)), None);
        assert_eq!(verified_subject(&tls(text)), None);
    }
}

fn pem(der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let label = |side| format!("-----{side} CERTIFICATE-----\n");
    format!("{}{text}\n{}", label("BEGIN"), label("END"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Checks that a certificate with a few changed bytes stays within its bounds, and that no
    /// change panics.
    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in prop::bool::weighted(0.2),
    ) {
        let mut der = sample();
        for (index, byte) in changes {
            let at = index.index(der.len());
            der[at] = byte;
        }
        if is_cut {
            der.truncate(cut.index(der.len()));
        }
        if let Some(certificate) = read(&tls(&pem(&der))) {
            prop_assert_eq!(certificate.fingerprint.len(), 64);
            let spiffe = certificate.spiffe_id.iter();
            for name in certificate.dns_names.iter().chain(&certificate.uri_names).chain(spiffe) {
                prop_assert!(name.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            }
            for text in [&certificate.subject, &certificate.issuer] {
                prop_assert!(!text.contains(char::is_control), "{}", text);
            }
        }
    }

    #[test]
    fn any_text_never_panics(text in ".*") {
        let _ = read(&tls(&text));
    }
}

/// Returns a certificate with all kinds of fields. Made once, because keys are slow to make.
fn sample() -> Vec<u8> {
    static SAMPLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let make = || {
        let change = |params: &mut CertificateParams| {
            params.distinguished_name.push(DnType::CommonName, "alice");
            params.subject_alt_names = vec![
                uri("spiffe://td/a"),
                SanType::DnsName("a.example.com".try_into().unwrap()),
                SanType::IpAddress("10.0.0.7".parse().unwrap()),
            ];
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        };
        made(change).1
    };
    SAMPLE.get_or_init(make).clone()
}

#[test]
fn the_first_certificate_of_a_file_to_expire_counts() {
    let (year, _) = made(|_| {});
    let (half, _) = made(|params| params.not_after = date_time_ymd(2026, 7, 1));
    let key = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(expiry(year.as_bytes()), Some(YEAR[1]));
    let chain = format!("{key}{year}{half}");
    let end = expiry(chain.as_bytes()).unwrap();
    assert!((YEAR[0]..YEAR[1]).contains(&end), "{end}");
    assert_eq!(expiry(key.as_bytes()), None);
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(expiry(format!("{year}{damaged}").as_bytes()), None);
}
