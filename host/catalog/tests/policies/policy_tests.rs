//! Tests of a policy that come with it: they decide whether it serves.

use std::time::Instant;

use portcullis_catalog::{CatalogOptions, PermitCheck, Prover, Rejection, test_policies};
use portcullis_core::{Allowed, Denial, DenialClass};
use portcullis_engine::{EvaluationError, Grants, Limits};
use portcullis_test_policies::{PATIENCE, engine, guest, load_with, policy, request};

use crate::prover::child;
use crate::site::{Site, decide, denial, greeting, open};

/// Creates a site where the guest `tells` greets with `one`, with a test of that.
fn site() -> Site {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    site.put_greeting("p.toml", "one");
    site.put("p.tests.toml", tests("one").as_bytes());
    site
}

fn tests(greeting: &str) -> String {
    format!(
        "[[tests]]\nname = \"greets\"\nlogin = {{ username = \"alice\" }}\ndeny = \"greeting={greeting}\"\n"
    )
}

/// Returns the rejection that a reload of the site reports.
fn rejection(site: &Site, catalog: &portcullis_catalog::Catalog) -> Rejection {
    let report = catalog.reload().unwrap();
    let rejection = report.rejections().next().unwrap().clone();
    assert_eq!(rejection.file, site.path().join("p.tests.toml"));
    assert!(!rejection.error.contains('\n'), "{rejection:?}");
    rejection
}

#[test]
fn a_policy_that_passes_its_tests_serves() {
    let (catalog, report) = site().open();
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    assert_eq!(greeting(&catalog), "greeting=one");
}

#[test]
fn a_failed_test_keeps_the_last_good_version_serving() {
    let site = site();
    let (catalog, _) = site.open();
    site.put_greeting("p.toml", "two");
    let rejection = rejection(&site, &catalog);
    assert_eq!(rejection.line, Some(2));
    assert!(rejection.serving.is_some());
    let start = "test `greets`: expected a deny because of `greeting=one`, found a deny because of `greeting=two;";
    assert!(rejection.error.starts_with(start), "{}", rejection.error);
    assert_eq!(greeting(&catalog), "greeting=one");

    site.put("p.tests.toml", tests("two").as_bytes());
    catalog.reload().unwrap();
    assert_eq!(
        greeting(&catalog),
        "greeting=two",
        "a change of the tests alone is a change"
    );
}

#[test]
fn what_a_permit_has_too_little_and_too_much_is_named() {
    let site = Site::new(&[]);
    site.put_rules(
        "p",
        r#"[{ match = { username = "alice" }, permit = { account = "APP", publish-allow = ["a", "b"], subscribe-allow = ["_INBOX.>"] } }]"#,
    );
    let (catalog, _) = site.open();
    let test = |permit: &str| {
        let text = format!(
            "[[tests]]\nname = \"alice\"\nlogin = {{ username = \"alice\" }}\npermit = {permit}\n"
        );
        site.put("p.tests.toml", text.as_bytes());
    };
    test(
        r#"{ account = "OPS", publish = { allow = ["b", "c"] }, subscribe = { allow = ["_INBOX.>"] } }"#,
    );
    assert_eq!(
        rejection(&site, &catalog).error,
        "test `alice`: account: expected `OPS`, found `APP`, publish allow: missing `c`, unexpected `a`"
    );
    test(
        r#"{ account = "APP", publish = { allow = ["b", "a"] }, subscribe = { allow = ["_INBOX.>"] } }"#,
    );
    let report = catalog.reload().unwrap();
    assert_eq!(report.rejections().count(), 0, "{report:?}");
}

/// Returns a check with which the host denies logins in `OPS`.
fn no_operations() -> PermitCheck {
    PermitCheck::new(|policy, login| {
        assert_eq!(login.server_version.as_deref(), Some("2.15.3"));
        if login.permit.account() != "OPS" {
            return Ok(());
        }
        let reason = format!("`{policy}` has no business in `OPS`");
        Err(Denial::new(DenialClass::AccountNotAllowed, reason))
    })
}

/// Writes a permit of the policy `p` for `account`, and a test that expects it.
fn put_permit(site: &Site, account: &str) {
    let grant = format!(
        r#"{{ account = "{account}", publish-allow = ["a"], subscribe-allow = ["b q"], responses = {{ max = 2, ttl-ms = 7 }},
           sources = ["127.0.0.0/8"], connection-types = ["STANDARD"], times = [["00:00:00", "23:59:59"]], times-location = "UTC",
           subscriptions = 10, payload = 4096, tags = ["a:b"] }}"#
    )
    .replace('\n', " ");
    site.put_rules(
        "p",
        &format!(r#"[{{ match = {{ username = "alice" }}, permit = {grant} }}]"#),
    );
    let test = format!(
        "[[tests]]\nname = \"alice\"\nlogin = {{ username = \"alice\", server = {{ version = \"2.15.3\" }} }}\n\
         permit = {{ account = \"{account}\", publish = {{ allow = [\"a\"] }}, subscribe = {{ allow = [\"b q\"] }}, \
         responses = {{ max = 2, ttl-ms = 7 }}, subscriptions = 10 }}\n"
    );
    site.put("p.tests.toml", test.as_bytes());
}

#[test]
fn a_permit_that_the_host_refuses_keeps_the_last_good_version_serving() {
    for prover in [Prover::InProcess, child()] {
        let site = Site::new(&[]);
        put_permit(&site, "APP");
        let (catalog, report) = open(CatalogOptions {
            permit_check: Some(no_operations()),
            prover,
            ..site.options()
        });
        assert_eq!(report.rejections().count(), 0, "{report:?}");
        put_permit(&site, "OPS");
        let rejection = rejection(&site, &catalog);
        assert_eq!(
            rejection.error,
            "test `alice`: the host denies every such login: `p` has no business in `OPS`"
        );
        assert!(rejection.serving.is_some());
    }
}

#[test]
fn what_a_guard_permits_counts_for_nothing() {
    let site = Site::new(&[]);
    put_permit(&site, "OPS");
    let (_, report) = open(CatalogOptions {
        permit_check: Some(no_operations()),
        guards: vec!["p".parse().unwrap()],
        ..site.options()
    });
    assert_eq!(report.rejections().count(), 0, "{report:?}");
}

#[test]
fn a_test_that_traps_or_never_ends_refuses_the_policy() {
    for (name, part) in [("panics", "on purpose"), ("spins", "deadline")] {
        let site = Site::new(&[]);
        site.put("p.wasm", &guest(name));
        let test = "[[tests]]\nname = \"any\"\nlogin = {}\nabstain = true\n";
        site.put("p.tests.toml", test.as_bytes());
        let (catalog, report) = site.open();
        let rejection = report.rejections().next().unwrap();
        assert!(
            rejection
                .error
                .starts_with("test `any`: expected it to abstain, but the policy"),
            "{rejection:?}"
        );
        assert!(rejection.error.contains(part), "{rejection:?}");
        assert_eq!(denial(&catalog).0, DenialClass::NoPolicy);
    }
}

#[test]
fn a_fuel_budget_is_the_same_everywhere_and_is_held() {
    let site = site();
    let (first, second) = (engine(), engine());
    let measured = |engine| {
        let tested = test_policies(engine, &site.options(), &Allowed::Any).unwrap();
        let outcomes = tested.into_iter().next().unwrap().outcomes.unwrap();
        assert_eq!(outcomes[0].failure, None);
        let asked = &outcomes[0].asked;
        assert!(asked.contains(&"client.host".to_owned()), "{asked:?}");
        outcomes[0].fuel
    };
    let fuel = measured(&first);
    assert!(fuel > 1_000, "{fuel} for dozens of questions");
    assert_eq!(measured(&second), fuel, "the same on every engine");
    let budget = |fuel: u64| {
        let text = format!("{}fuel = {fuel}\n", tests("one"));
        site.put("p.tests.toml", text.as_bytes());
    };
    budget(fuel);
    let (catalog, report) = site.open();
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    // The engine checks fuel at loops and function entries only, so a slightly short budget may
    // suffice.
    let short = fuel / 2;
    budget(short);
    let error = rejection(&site, &catalog).error;
    let part = format!("more than {short} units of fuel");
    assert!(error.contains(&part), "{error}");
}

#[test]
fn fuel_runs_out_only_where_it_is_limited() {
    let policy = load_with(
        &engine().metered().unwrap(),
        &guest("tells"),
        r#"{"greeting":"one"}"#,
        Limits::default(),
        Grants::default(),
    );
    let policy = policy.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let starved = policy.evaluate(request(), deadline).run_metered(100);
    assert_eq!(starved.verdict, Err(EvaluationError::Fuel(100)));
    let fed = policy.evaluate(request(), deadline).run_metered(u64::MAX);
    assert!(fed.verdict.is_ok() && fed.fuel > 100);
}

#[test]
fn a_broken_test_file_is_refused_with_its_line() {
    let site = site();
    let (catalog, _) = site.open();
    site.put("p.tests.toml", b"[[tests]]\nname = \"a\"\nlogon = {}\n");
    let refused = rejection(&site, &catalog);
    assert!(
        refused.error.contains("unknown field `logon`"),
        "{refused:?}"
    );
    assert_eq!(refused.line, Some(3));
    site.remove("p.tests.toml");
    let report = catalog.reload().unwrap();
    assert_eq!(report.rejections().count(), 0, "a policy needs no tests");
}

#[test]
fn a_test_file_without_a_module_is_mentioned() {
    let site = Site::new(&[]);
    site.put("q.tests.toml", b"");
    let (_, report) = site.open();
    assert_eq!(report.orphans, [site.path().join("q.tests.toml")]);
}

#[test]
fn tests_speak_of_tokens_groups_and_certificates() {
    let site = Site::new(&[]);
    site.put("p.wasm", &policy("oidc-roles"));
    let settings = r#"
[settings]
account = "APP"
[settings.roles.reader]
subscribe = { allow = ["orders.>"] }
"#;
    site.put("p.toml", settings.as_bytes());
    let test = r#"
[[tests]]
name = "a reader"
permit = { account = "APP", subscribe = { allow = ["orders.>"] } }
[tests.login]
token = "eyJ"
identity = { method = "oidc", principal = "alice", proved = true, issuer = "https://idp", groups = ["reader"], claims = { sub = "alice", roles = ["reader"] } }
"#;
    site.put("p.tests.toml", test.as_bytes());
    let (catalog, report) = site.open();
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    assert_eq!(
        decide(&catalog).abstained.len(),
        1,
        "the request is no token's"
    );
}

#[test]
fn the_questions_of_a_decision_are_reported_with_the_paths_of_claims() {
    let site = Site::new(&[]);
    site.put("p.wasm", &policy("oidc-roles"));
    let settings = "[settings]\naccount = \"APP\"\n[settings.roles.reader]\n";
    site.put("p.toml", settings.as_bytes());
    let test = "[[tests]]\nname = \"none\"\nlogin = { identity = { method = \"oidc\", principal = \"alice\", proved = true, issuer = \"https://idp\" } }\n\
                permit = { account = \"APP\" }\n";
    site.put("p.tests.toml", test.as_bytes());
    let tested = test_policies(&engine(), &site.options(), &Allowed::Any).unwrap();
    let outcomes = tested.into_iter().next().unwrap().outcomes.unwrap();
    assert_eq!(outcomes[0].failure, None);
    let asked = &outcomes[0].asked;
    for question in ["identity.method", "identity.claim(roles)"] {
        assert!(
            asked.iter().any(|found| found == question),
            "`{question}` is not in {asked:?}"
        );
    }
    assert!(
        !asked.iter().any(|found| found.starts_with("client.")),
        "{asked:?}"
    );
}

#[test]
fn a_failed_test_shows_what_it_logged() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("panics"));
    let test = "[[tests]]\nname = \"quiet\"\nlogin = {}\nabstain = true\n";
    site.put("p.tests.toml", test.as_bytes());
    let tested = test_policies(&engine(), &site.options(), &Allowed::Any).unwrap();
    let outcomes = tested.into_iter().next().unwrap().outcomes.unwrap();
    let failure = outcomes[0].failure.as_deref().unwrap();
    assert!(failure.contains("the guest panics on purpose"), "{failure}");
    let log = &outcomes[0].log;
    assert_eq!(log.len(), 33, "{log:?}");
    assert_eq!(log[0], "debug: line 1");
    // The 40 lines, and the line of the panic.
    assert_eq!(log[32], "9 more lines, which were dropped");
    let (_, report) = site.open();
    let refused = report.rejections().next().unwrap().error.clone();
    assert!(
        refused.contains("it logged at last `debug: line 31`, `debug: line 32`"),
        "{refused}"
    );
}
