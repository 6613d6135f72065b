//! The findings, compared with those of the Go library.

use portcullis_claims::{
    AccountClaims, ActivationClaims, Import, OperatorClaims, ShareKind, UserClaims,
};
use portcullis_core::{KeyKind, PublicKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;

/// Time of the validation. The Go library validated at its own time, between this and `exp` of
/// claims that have not expired.
const NOW: u64 = 1_795_300_862;

/// Claims, with the findings of both libraries.
#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    claims: Value,
    /// Findings of the Go library, each once: `E` for blocking ones, `T` for times, `W` for others.
    go: Vec<String>,
    /// Our findings, in the same notation.
    ours: Vec<String>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../tests/fixtures/validation.json")).unwrap()
}

fn findings<C: Validate + DeserializeOwned>(claims: &Value) -> Vec<String> {
    let claims: C = serde_json::from_value(claims.clone()).unwrap();
    let letter = |severity| match severity {
        Severity::Error => "E",
        Severity::Time => "T",
        Severity::Warning => "W",
    };
    claims
        .validate(NOW)
        .iter()
        .map(|finding| format!("{}: {}", letter(finding.severity), finding.text))
        .collect()
}

fn validate(case: &Case) -> Vec<String> {
    match case.kind.as_str() {
        "operator" => findings::<OperatorClaims>(&case.claims),
        "account" => findings::<AccountClaims>(&case.claims),
        "user" => findings::<UserClaims>(&case.claims),
        "activation" => findings::<ActivationClaims>(&case.claims),
        other => panic!("no claims of the kind {other}"),
    }
}

fn counts(findings: &[String]) -> [usize; 3] {
    ["E: ", "T: ", "W: "].map(|letter| {
        let of_this = |finding: &&String| finding.starts_with(letter);
        findings.iter().filter(of_this).count()
    })
}

#[test]
fn claims_are_refused_where_the_go_library_refuses_them() {
    for case in cases() {
        let found = validate(&case);
        let (ours, go) = (counts(&found), counts(&case.go));
        assert_eq!(ours, go, "{}: {found:#?} {:#?}", case.name, case.go);
    }
}

#[test]
fn findings_say_what_servers_refuse() {
    for case in cases() {
        assert_eq!(validate(&case), case.ours, "{}", case.name);
    }
}

#[test]
fn a_finding_says_what_it_means_for_servers() {
    let mut findings = Findings::default();
    findings.warning("a");
    assert!(!findings.is_refused());
    findings.add(Severity::Time, "b".to_owned());
    assert!(findings.is_refused() && !findings.has_errors());
    findings.error("c");
    findings.error("c");
    assert!(findings.has_errors());
    let texts: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "doubtful: a",
            "servers refuse this now: b",
            "servers refuse this: c"
        ]
    );
}

#[test]
fn findings_stay_on_their_line() {
    let claims = serde_json::json!({
        "nats": {
            "type": "user",
            "version": 2,
            "src": ["10.0.0.0\r\n"],
            "times": [{ "start": "08:00:00", "end": "17\n:00" }],
            "pub": { "allow": ["a..\u{2028}b"] },
        },
    });
    let found = findings::<UserClaims>(&claims);
    assert_eq!(found.len(), 3, "{found:?}");
    let end = r"E: end `17\n:00` of a time range is not a time of day, such as `08:00:00`";
    assert!(found.iter().any(|text| text == end), "{found:?}");
    let breaks = |letter: char| letter.is_control() || letter == '\u{2028}';
    assert!(!found.iter().any(|text| text.contains(breaks)), "{found:?}");
}

/// Returns the claims of an account with these imports of services, signed by this key.
fn importing(subjects: impl IntoIterator<Item = String>, issuer: &str) -> AccountClaims {
    let mut claims = AccountClaims::new("AAA", NOW);
    claims.issuer = Some(issuer.to_owned());
    claims.nats.limits.imports = -1;
    let imports = subjects.into_iter().map(|subject| Import {
        subject,
        account: "AB".to_owned(),
        kind: Some(ShareKind::Service),
        ..Import::default()
    });
    claims.nats.imports.extend(imports);
    claims
}

#[test]
fn the_findings_of_hostile_claims_are_few_and_short() {
    // Each of the first contains each of the others.
    let outer = (0..60).map(|depth| format!("{}>", "*.".repeat(depth)));
    let inner = (0..400).map(|number| format!("{}{number}", "a.".repeat(60)));
    let mut claims = importing(outer.chain(inner), "OA");
    let references: Vec<_> = (1..50_000).map(|number| format!("${number}")).collect();
    claims.nats.imports[0].local_subject = references.join(".");
    let findings = claims.validate(NOW);
    assert!(findings.is_refused());
    assert!(findings.iter().count() <= MAX_FINDINGS + 2);
    assert!(findings.iter().all(|finding| finding.text.len() < 600));
}

#[test]
fn comparing_subjects_with_each_other_is_bounded() {
    const TOO_MANY: &str = "too many to be compared";
    let key = PublicKey::from_bytes(KeyKind::Account, [7; PublicKey::LEN]);
    let told = |claims: &AccountClaims, of: Severity| {
        let findings = claims.validate(NOW);
        let is_it = |finding: &&Finding| finding.text.contains(TOO_MANY);
        findings
            .iter()
            .find(is_it)
            .is_some_and(|it| it.severity == of)
    };
    let subjects = |number| (0..number).map(|number| format!("a{number}.*"));
    let many = importing(subjects(5000), key.as_str());
    assert!(told(&many, Severity::Error), "a stranger may ask for it");
    assert!(told(&importing(subjects(5000), "OA"), Severity::Warning));
    let ordinary = importing(subjects(1000), key.as_str());
    assert!(!ordinary.validate(NOW).has_errors());
    // Subjects without wildcards need no comparison.
    let literal = (0..14_000).map(|number| format!("a{number}"));
    assert!(!importing(literal, key.as_str()).validate(NOW).has_errors());
}

#[test]
fn overlaps_are_found_among_many_subjects() {
    let literal = (0..3000).map(|number| format!("a{number}"));
    let overlapping = ["b.*", "b.c", "a7", "b.>"].map(str::to_owned);
    let claims = importing(literal.chain(overlapping), "OA");
    let findings = claims.validate(NOW);
    let texts: Vec<_> = findings.iter().map(|it| it.text.as_str()).collect();
    let pairs = [("b.*", "b.c"), ("a7", "a7"), ("b.*", "b.>"), ("b.c", "b.>")];
    assert_eq!(texts.len(), pairs.len(), "{texts:?}");
    for ((known, later), text) in pairs.into_iter().zip(texts) {
        let start = format!("the imports `{known}` and `{later}` of services of `AB` overlap");
        assert!(text.starts_with(&start), "{text}");
    }
}
