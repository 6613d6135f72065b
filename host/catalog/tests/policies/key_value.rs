//! The buckets that policies and their tests look into.

use std::sync::Arc;

use portcullis_catalog::{Catalog, CatalogOptions, TestedPolicy, test_policies};
use portcullis_core::{Allowed, FixedKeyValues, Outcome};
use portcullis_test_policies::{engine, engine_with_buckets, granted_buckets, guest};

use crate::site::Site;

/// Creates a site with `looks_up`, this grant of buckets, and these tests.
fn site(buckets: &[&str], tests: &str) -> Site {
    let mut site = Site::new(&[]);
    site.put("p.wasm", &guest("looks_up"));
    site.put("p.toml", b"[settings]\nbucket = \"revoked\"\n");
    site.put("p.tests.toml", tests.as_bytes());
    site.grant("p", granted_buckets(buckets).into());
    site
}

const GRANT: &[&str] = &["revoked"];

const TESTS: &str = r#"
[[tests]]
name = "whoever is not revoked gets in"
login = { username = "mallory" }
permit = { account = "APP", publish = { allow = [">"] }, subscribe = { allow = [">"] } }

[[tests]]
name = "whoever is revoked does not"
deny = "revoked: on leave"
[tests.login]
username = "alice"
[tests.login.key-value.revoked]
alice = "on leave"

[[tests]]
name = "nobody gets in while that is not known"
deny = "not synchronised"
login = { username = "alice", key-value-unavailable = ["revoked"] }
"#;

#[test]
fn tests_have_buckets_of_their_own() {
    // The engine's bucket revokes mallory, and not alice.
    let site = site(GRANT, TESTS);
    let tested = test_policies(&engine_with_buckets(), &site.options(), &Allowed::Any).unwrap();
    let outcomes = tested.into_iter().next().unwrap().outcomes.unwrap();
    let failures: Vec<_> = outcomes
        .iter()
        .filter_map(|test| test.failure.as_ref())
        .collect();
    assert_eq!((outcomes.len(), failures), (3, vec![]));
    assert!(
        outcomes.iter().all(|test| test
            .asked
            .iter()
            .any(|asked| asked.starts_with("key-value.get(revoked,"))),
        "{outcomes:?}"
    );
}

#[test]
fn without_a_host_the_tests_have_the_grants_that_they_need() {
    let mut site = site(GRANT, TESTS);
    site.grant("q", granted_buckets(&[]).into());
    site.put("q.wasm", &guest("looks_up"));
    site.put("q.toml", b"[settings]\nbucket = \"revoked\"\n");
    site.put("q.tests.toml", TESTS.as_bytes());
    let mut options = site.options();
    options.grants.retain(|name, _| name.as_str() == "q");
    let test = |options: &CatalogOptions| {
        test_policies(&engine_with_buckets(), options, &Allowed::Any).unwrap()
    };
    let error = |tested: &TestedPolicy| tested.outcomes.as_ref().err().unwrap().to_string();
    let missing = |policy| format!("`key-value = [\"BUCKET\"]` under [policies.grants.{policy}]");
    let refused = test(&options);
    assert!(error(&refused[0]).contains(&missing("p")), "{refused:?}");

    options.assumes_grants = true;
    let tested = test(&options);
    let outcomes = tested[0].outcomes.as_ref().unwrap();
    assert!(
        outcomes.iter().all(|test| test.failure.is_none()),
        "{outcomes:?}"
    );
    assert_eq!(tested[0].assumed, granted_buckets(GRANT));
    // The configuration says what this policy has.
    assert!(error(&tested[1]).contains(&missing("q")), "{tested:?}");
    assert_eq!(tested[1].assumed, granted_buckets(&[]));

    // A policy that looks keys up loads before a test names a bucket.
    let without = "[[tests]]\nname = \"t\"\nlogin = { username = \"a\" }\nabstain = true\n";
    site.put("p.tests.toml", without.as_bytes());
    let any_bucket = FixedKeyValues::default().others_are_empty();
    let any_bucket = engine().with_key_values(Arc::new(any_bucket));
    let tested = test_policies(&any_bucket, &options, &Allowed::Any).unwrap();
    let outcomes = tested[0].outcomes.as_ref().unwrap();
    let failure = outcomes[0].failure.as_deref().unwrap_or_default();
    assert!(
        failure.contains("bucket `revoked` is not granted"),
        "{failure}"
    );
    assert_eq!(tested[0].assumed, granted_buckets(GRANT));
}

#[test]
fn what_is_wrong_in_a_tests_buckets_is_named() {
    for (wrong, expected) in [
        (
            "\"a b\" = \"1\"",
            "login.key-value.revoked: `a b` can be no key of a bucket",
        ),
        ("alice = 1", "expected a string"),
    ] {
        let tests = format!(
            "[[tests]]\nname = \"t\"\nabstain = true\nlogin.key-value.revoked = {{ {wrong} }}\n"
        );
        let site = site(GRANT, &tests);
        let (_, report) = Catalog::open(engine_with_buckets(), site.options()).unwrap();
        let rejection = report.rejections().next().unwrap();
        assert!(rejection.error.contains(expected), "{rejection:?}");
    }
}

#[test]
fn a_policy_has_the_buckets_that_its_operator_grants() {
    let open = |buckets: &[&str]| {
        let site = site(buckets, "tests = []");
        let (catalog, report) = Catalog::open(engine_with_buckets(), site.options()).unwrap();
        let rejections: Vec<_> = report.rejections().cloned().collect();
        (catalog, site, rejections)
    };
    let (catalog, _site, rejections) = open(GRANT);
    assert_eq!(rejections.len(), 0, "{rejections:?}");
    let outcome = crate::site::decide(&catalog).outcome;
    assert!(matches!(outcome, Outcome::Permit(_)), "{outcome:?}");
    for (buckets, expected) in [
        (
            [].as_slice(),
            "needs `key-value = [\"BUCKET\"]` under [policies.grants.p] in portcullis.toml",
        ),
        (
            &["other"],
            "the key-value bucket `other`, which this host does not mirror",
        ),
    ] {
        let (_, site, rejections) = open(buckets);
        let [rejection] = rejections.as_slice() else {
            panic!("{buckets:?}: {rejections:?}")
        };
        assert!(
            rejection.error.contains(expected),
            "{buckets:?}: {rejection:?}"
        );
        assert_eq!(rejection.file, site.path().join("p.wasm"), "{buckets:?}");
    }
}
