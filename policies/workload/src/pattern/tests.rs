//! Tests of which names patterns match.

use super::*;

fn captures(kind: Kind, pattern: &str, name: &str) -> Option<Vec<String>> {
    Pattern::parse(kind, pattern).unwrap().captures(name)
}

/// Asserts matches. A case is a pattern, a name, and the captures of the wildcards if the name
/// matches.
#[track_caller]
fn assert_matches(kind: Kind, cases: &[(&str, &str, Option<&[&str]>)]) {
    for (pattern, name, expected) in cases {
        let expected = expected.map(|words| words.iter().copied().map(str::to_owned).collect());
        assert_eq!(captures(kind, pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn spiffe_ids_match_segment_by_segment() {
    let (one, rest) = ("spiffe://p.example/ns/*/sa/*", "spiffe://p.example/ns/**");
    assert_matches(
        Kind::Spiffe,
        &[
            (
                one,
                "spiffe://p.example/ns/shop/sa/api",
                Some(&["shop", "api"]),
            ),
            (one, "spiffe://p.example/ns/shop/sa/", None),
            (one, "spiffe://p.example/ns//sa/api", None),
            (one, "spiffe://p.example/ns/shop/sa/api/x", None),
            (one, "spiffe://p.example/ns/shop/x/sa/api", None),
            (one, "spiffe://p.example/ns/shop/sb/api", None),
            (one, "spiffe://q.example/ns/shop/sa/api", None),
            (one, "spiffe://p.example.evil/ns/shop/sa/api", None),
            (one, "https://p.example/ns/shop/sa/api", None),
            (one, "spiffe://p.example/ns/*/sa/api", None),
            (rest, "spiffe://p.example/ns/a", Some(&["a"])),
            (rest, "spiffe://p.example/ns/a/b/c", Some(&["a/b/c"])),
            (rest, "spiffe://p.example/ns", None),
            (rest, "spiffe://p.example/ns/", None),
            (rest, "spiffe://p.example/ns/a//b", None),
            ("spiffe://p.example", "spiffe://p.example", Some(&[])),
            ("spiffe://p.example/a", "spiffe://p.example/A", None),
        ],
    );
}

#[test]
fn uris_match_segment_by_segment() {
    assert_matches(
        Kind::Uri,
        &[
            ("https://a.b/*/x", "https://a.b/1/x", Some(&["1"])),
            ("https://*/x", "https://a.b/x", Some(&["a.b"])),
            ("https://*/x", "http://a.b/x", None),
            ("urn:uuid:1-2", "urn:uuid:1-2", Some(&[])),
            ("urn:uuid:1-2", "urn:uuid:1-23", None),
        ],
    );
}

#[test]
fn dns_names_match_label_by_label_in_any_case() {
    assert_matches(
        Kind::Dns,
        &[
            ("*.example.com", "API.Example.COM", Some(&["api"])),
            ("*.EXAMPLE.com", "api.example.com", Some(&["api"])),
            ("*.example.com", "example.com", None),
            ("*.example.com", "a.b.example.com", None),
            ("*.example.com", ".example.com", None),
            ("*.example.com", "*.example.com", None),
            ("*.example.com", "a.example.com.evil.net", None),
            ("*.example.com", "a.evilexample.com", None),
            ("**.example.com", "a.b.example.com", Some(&["a.b"])),
            ("**.example.com", "a.example.com", Some(&["a"])),
            ("**.example.com", "example.com", None),
            ("**.example.com", "a..example.com", None),
            ("**.example.com", "a.*.example.com", None),
            ("api.*.com", "api.x.com", Some(&["x"])),
            ("api.example.com", "api.example.com", Some(&[])),
        ],
    );
}

#[test]
fn mail_addresses_match_on_each_side_of_the_at() {
    assert_matches(
        Kind::Email,
        &[
            ("*@example.com", "a.b@Example.COM", Some(&["a.b"])),
            ("*@example.com", "@example.com", None),
            ("*@example.com", "a@evil@example.com", Some(&["a@evil"])),
            ("*@example.com", "a@example.com@evil.net", None),
            ("*@example.com", "example.com", None),
            ("ops@*", "ops@a.b", Some(&["a.b"])),
            ("ops@*", "Ops@a.b", None),
        ],
    );
}

#[test]
fn subjects_match_attribute_by_attribute() {
    assert_matches(
        Kind::Subject,
        &[
            ("CN=*,O=Acme", "CN=alice,O=Acme", Some(&["alice"])),
            ("CN=*, O=Acme", "CN=alice,O=Acme", Some(&["alice"])),
            ("CN=*,O=Acme", r"CN=a\,O\=Acme,O=Other", None),
            ("CN=*,O=Acme", r"CN=a\,b,O=Acme", Some(&[r"a\,b"])),
            ("CN=*,O=Acme", r"CN=a\\,O=Acme", Some(&[r"a\\"])),
            ("CN=*,O=Acme", "CN=alice+OU=x,O=Acme", None),
            ("CN=*,O=Acme", r"CN=alice\+x,O=Acme", Some(&[r"alice\+x"])),
            ("CN=*,O=Acme", "CN=,O=Acme", None),
            ("CN=*,O=Acme", "OU=x,CN=alice,O=Acme", None),
            ("CN=*,O=Acme", "CN=alice,O=Acme,C=DE", None),
            ("CN=*,O=Acme", "CN=alice", None),
            ("CN=*,O=Acme", "DCN=alice,O=Acme", None),
            ("CN=*,O=Acme", "CN=*,O=Acme", None),
            ("CN=*,OU=*,O=Acme", "CN=a,OU=b,O=Acme", Some(&["a", "b"])),
            ("CN=alice", "CN=alice", Some(&[])),
            ("CN=alice", "CN=alicea", None),
        ],
    );
}

#[test]
fn fingerprints_and_service_accounts_match_whole() {
    let digest = "ab".repeat(32);
    let colons = vec!["AB"; 32].join(":");
    let other = "ac".repeat(32);
    assert_matches(
        Kind::Fingerprint,
        &[
            (&digest, &digest, Some(&[])),
            (&colons, &digest, Some(&[])),
            (&digest, &other, None),
            (&digest, "", None),
        ],
    );
    assert_matches(
        Kind::ServiceAccount,
        &[
            ("prod/api", "prod/api", Some(&[])),
            ("prod/*", "prod/api", Some(&["api"])),
            ("*/*", "prod/api", Some(&["prod", "api"])),
            ("prod/*", "prod2/api", None),
            ("prod/*", "prod/", None),
            ("prod/*", "prod/a/b", None),
        ],
    );
}

#[test]
fn patterns_that_are_none_are_refused() {
    use InvalidPattern as Invalid;
    for (kind, pattern, expected) in [
        (Kind::Spiffe, "", Invalid::NoSpiffeId),
        (Kind::Spiffe, "prod.example/ns/*", Invalid::NoSpiffeId),
        (Kind::Spiffe, "spiffe:/p.example", Invalid::NoSpiffeId),
        (Kind::Spiffe, "spiffe://*/ns/a", Invalid::NoSpiffeId),
        (Kind::Spiffe, "spiffe://**", Invalid::NoSpiffeId),
        (Kind::Spiffe, "https://p.example/a", Invalid::NoSpiffeId),
        (Kind::Spiffe, "spiffe://", Invalid::Empty),
        (Kind::Spiffe, "spiffe:///ns/a", Invalid::Empty),
        (Kind::Spiffe, "spiffe://p.example/", Invalid::Empty),
        (Kind::Spiffe, "spiffe://p.example//a", Invalid::Empty),
        (Kind::Spiffe, "spiffe://p.example/a*", Invalid::PartialStar),
        (Kind::Spiffe, "spiffe://p.example/***", Invalid::PartialStar),
        (
            Kind::Spiffe,
            "spiffe://p.example/**/a",
            Invalid::RestNotLast,
        ),
        (Kind::Uri, "", Invalid::NoUri),
        (Kind::Uri, "a.b/c", Invalid::NoUri),
        (Kind::Uri, "*", Invalid::NoUri),
        (Kind::Uri, "*://a/b", Invalid::NoUri),
        (Kind::Uri, "https://a/**/b", Invalid::RestNotLast),
        (Kind::Dns, "", Invalid::Empty),
        (Kind::Dns, "a..b", Invalid::Empty),
        (Kind::Dns, "example.com.", Invalid::Empty),
        (Kind::Dns, "api-*.example.com", Invalid::PartialStar),
        (Kind::Dns, "example.**", Invalid::RestNotFirst),
        (Kind::Email, "", Invalid::NoEmail),
        (Kind::Email, "example.com", Invalid::NoEmail),
        (Kind::Email, "@example.com", Invalid::NoEmail),
        (Kind::Email, "*@*.example.com", Invalid::PartialStar),
        (Kind::Email, "**@example.com", Invalid::NoRest),
        (Kind::Subject, "", Invalid::NoSubject),
        (Kind::Subject, "alice", Invalid::NoSubject),
        (Kind::Subject, "*", Invalid::NoSubject),
        (Kind::Subject, "CN=alice,*", Invalid::NoSubject),
        (Kind::Subject, "=a", Invalid::NoSubject),
        (Kind::Subject, "CN=a*", Invalid::PartialStar),
        (Kind::Subject, "CN=**", Invalid::PartialStar),
        (Kind::Subject, "CN=*.example.com", Invalid::PartialStar),
        (Kind::Fingerprint, "", Invalid::NoFingerprint),
        (Kind::Fingerprint, "*", Invalid::NoFingerprint),
        (Kind::Fingerprint, "abcd", Invalid::NoFingerprint),
        (Kind::ServiceAccount, "", Invalid::NoServiceAccount),
        (Kind::ServiceAccount, "api", Invalid::NoServiceAccount),
        (Kind::ServiceAccount, "a/b/c", Invalid::NoServiceAccount),
        (Kind::ServiceAccount, "/api", Invalid::NoServiceAccount),
        (Kind::ServiceAccount, "prod/**", Invalid::NoRest),
        (Kind::ServiceAccount, "prod/api-*", Invalid::PartialStar),
    ] {
        assert_eq!(Pattern::parse(kind, pattern), Err(expected), "{pattern}");
    }
}
