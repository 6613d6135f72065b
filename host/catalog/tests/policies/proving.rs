//! The process that proves versions: the effect of a hostile module on it, and on this process.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use portcullis_catalog::{
    Catalog, CatalogOptions, ChildProver, MaxLimits, PolicyGrants, Prover, Report, inspect,
    test_policies,
};
use portcullis_core::Allowed;
use portcullis_engine::Grants;
use portcullis_test_policies::{PATIENCE, engine, guest, unreadable, wat};
use portcullis_test_support::{Gauge, nested_component, nested_world, with_loops};

use crate::prover::child;
use crate::site::{Site, greeting, names, open};

/// Returns a prover that runs `script` in a shell.
fn shell(script: &str) -> Prover {
    Prover::Child(ChildProver::new("/bin/sh", ["-c", script]))
}

fn proving(site: &Site, prover: Prover) -> CatalogOptions {
    CatalogOptions {
        prover,
        max_module_size: 8 << 20,
        ..site.options()
    }
}

/// Creates a site whose policy `p` greets.
fn greeter() -> Site {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    site.put_greeting("p.toml", "hello");
    site
}

/// Returns the rejection of `module` when it replaces a good version, which must keep serving.
fn refusal(options: CatalogOptions, site: &Site, module: &[u8]) -> String {
    let (catalog, report) = open(options);
    assert_eq!(rejections(&report), Vec::<String>::new());
    site.put("p.wasm", module);
    let report = catalog.reload().unwrap();
    assert_eq!(greeting(&catalog), "greeting=hello");
    let [rejection] = <[String; 1]>::try_from(rejections(&report)).unwrap();
    assert!(!rejection.contains('\n'), "{rejection}");
    rejection
}

fn rejections(report: &Report) -> Vec<String> {
    report.rejections().map(|one| one.error.clone()).collect()
}

#[test]
fn a_module_that_overflows_the_stack_is_refused_and_the_good_version_serves() {
    for levels in [1_000, 1_000_000] {
        for module in [nested_component(levels), nested_world(levels)] {
            let site = greeter();
            refusal(proving(&site, child()), &site, &module);
        }
    }
    let site = greeter();
    let error = refusal(proving(&site, child()), &site, &nested_component(1_000_000));
    assert!(error.contains("ran out of stack"), "{error}");
}

#[test]
fn a_module_that_overflows_the_stack_is_refused_in_this_process_before_it_is_read() {
    for levels in [200, 1_000, 1_000_000] {
        for module in [nested_component(levels), nested_world(levels)] {
            let site = greeter();
            let error = refusal(proving(&site, Prover::InProcess), &site, &module);
            assert!(error.contains("nested more than 100 deep"), "{error}");
        }
    }
}

#[test]
fn a_module_that_fills_the_memory_fills_that_of_its_child() {
    let site = greeter();
    let options = CatalogOptions {
        load_memory: 512 << 20,
        load_timeout: Duration::from_mins(5),
        ..proving(&site, child())
    };
    let module = with_loops(&guest("tells"), 49_900, 40_000).unwrap();
    assert!(module.len() < 1 << 20);
    let before = Gauge::of(std::process::id()).unwrap().memory;
    let error = refusal(options, &site, &module);
    assert!(
        error.contains("more than 512.0 MiB of memory") && error.contains("`load-memory`"),
        "{error}"
    );
    // Other tests run in this process at the same time; compiling this module here would take
    // gigabytes.
    let after = Gauge::of(std::process::id()).unwrap().memory;
    assert!(after < before + (1 << 20), "{before} KiB, then {after}");
}

#[test]
fn a_function_that_fills_the_memory_is_refused_in_this_process_before_it_is_compiled() {
    let site = greeter();
    let module = with_loops(&guest("tells"), 49_900, 3_000).unwrap();
    let error = refusal(proving(&site, Prover::InProcess), &site, &module);
    assert!(error.contains("49900 locals"), "{error}");
    // Ordinary modules have large functions.
    let module = with_loops(&guest("tells"), 1_000, 1_000).unwrap();
    site.put("p.wasm", &module);
    let (catalog, report) = open(proving(&site, Prover::InProcess));
    assert_eq!(rejections(&report), Vec::<String>::new());
    assert_eq!(greeting(&catalog), "greeting=hello");
}

#[test]
fn a_child_that_comes_to_no_answer_is_a_refusal_with_a_reason() {
    for (script, part) in [
        ("exit 3", "ended without an answer"),
        (
            "echo it went wrong >&2; exit 3",
            "without an answer: it went wrong",
        ),
        ("kill -9 $$", "ended by signal 9"),
        ("kill -6 $$", "ended by signal 6"),
        ("echo nonsense", "not to be believed"),
        (r"printf '\005\377\377\377\377'", "not to be believed"),
        (r"printf '\005\002\000\000\000{}'", "not to be believed"),
        ("yes", "not to be believed"),
    ] {
        let site = Site::new(&[]);
        site.put("p.wasm", &guest("abstains"));
        let (catalog, report) = open(proving(&site, shell(script)));
        let [error] = <[String; 1]>::try_from(rejections(&report)).unwrap();
        assert!(
            error.contains(part) && !error.contains('\n'),
            "{script}: {error}"
        );
        assert_eq!(names(&catalog), Vec::<String>::new());
    }
}

#[test]
fn a_child_that_hangs_is_given_up_after_the_time_that_loading_has() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("abstains"));
    let options = CatalogOptions {
        load_timeout: Duration::from_millis(200),
        ..proving(&site, shell("exec sleep 1000"))
    };
    let (_, report) = open(options);
    let [error] = <[String; 1]>::try_from(rejections(&report)).unwrap();
    assert!(error.contains("not loaded within 200ms"), "{error}");
}

#[test]
fn a_stop_does_not_wait_for_policies_that_are_being_loaded() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("abstains"));
    let options = proving(&site, shell("exec sleep 1000"));
    let stop = options.stop.clone();
    let started = Instant::now();
    let opening = std::thread::spawn(move || Catalog::open(engine(), options).unwrap());
    stop.stop();
    let (catalog, report) = opening.join().unwrap();
    assert!(started.elapsed() < PATIENCE);
    assert!(
        report.changes.is_empty(),
        "nothing is known of it: {report:?}"
    );
    assert_eq!(names(&catalog), Vec::<String>::new());
}

#[test]
fn where_no_child_can_be_made_policies_are_proved_here() {
    let site = greeter();
    let prover = Prover::Child(ChildProver::new("/nonexistent/portcullis", ["prove"]));
    let error = refusal(proving(&site, prover), &site, &nested_component(1_000));
    assert!(error.contains("nested more than 100 deep"), "{error}");
}

/// Returns all kinds of outcomes of a policy, as files of a `Site`.
fn units() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let tests = |expected: &str| {
        format!("[[tests]]\nname = \"one\"\nlogin = {{ username = \"a\" }}\n{expected}\n")
    };
    let passes: &'static str = tests("deny = \"greeting\"").leak();
    let fails: &'static str = tests("abstain = true").leak();
    vec![
        ("good", guest("tells"), "[settings]\ngreeting = \"a\"\n", ""),
        (
            "tested",
            guest("tells"),
            "[settings]\ngreeting = \"a\"\n",
            passes,
        ),
        (
            "failing",
            guest("tells"),
            "[settings]\ngreeting = \"a\"\n",
            fails,
        ),
        (
            "anew",
            unreadable("tells"),
            "[settings]\ngreeting = \"a\"\n",
            passes,
        ),
        (
            "reused",
            guest("counts"),
            "[instances]\ndecisions = 3\n",
            "",
        ),
        ("unset", guest("tells"), "", ""),
        ("misset", guest("tells"), "[settings]\ngreeting = 7\n", ""),
        ("ungranted", guest("reads_secrets"), "", ""),
        ("granted", guest("reads_secrets"), "", ""),
        (
            "no-bucket",
            guest("looks_up"),
            "[settings]\nbucket = \"nowhere\"\n",
            "",
        ),
        (
            "beyond",
            guest("abstains"),
            "[limits]\nmemory = \"1GiB\"\n",
            "",
        ),
        ("broken-settings", guest("abstains"), "[settings\n", ""),
        (
            "broken-tests",
            guest("abstains"),
            "",
            "[[tests]]\nname = 1\n",
        ),
        ("empty", Vec::new(), "", ""),
        ("text", b"(module)".to_vec(), "", ""),
        (
            "cut",
            guest("abstains").into_iter().take(2_000).collect(),
            "",
            "",
        ),
        ("untyped", wat("(module)"), "", ""),
        ("panics", guest("panics_in_configure"), "", ""),
    ]
}

fn site_of_units() -> Site {
    let mut site = Site::new(&[]);
    let secrets = Grants {
        secrets: true,
        ..Grants::default()
    };
    site.grant("granted", secrets.into());
    let bucket = Grants {
        key_values: ["nowhere".parse().unwrap()].into(),
        ..Grants::default()
    };
    site.grant("no-bucket", bucket.into());
    let several = MaxLimits {
        decisions_per_instance: NonZeroU32::new(3).unwrap(),
        ..MaxLimits::default()
    };
    let reused = PolicyGrants {
        max_limits: Some(several),
        ..PolicyGrants::default()
    };
    site.grant("reused", reused);
    for (name, module, settings, tests) in units() {
        site.put(&format!("{name}.wasm"), &module);
        for (extension, text) in [("toml", settings), ("tests.toml", tests)] {
            if !text.is_empty() {
                site.put(&format!("{name}.{extension}"), text.as_bytes());
            }
        }
    }
    site
}

#[test]
fn a_child_comes_to_the_same_as_this_process() {
    let site = site_of_units();
    let (here, report) = open(proving(&site, Prover::InProcess));
    let (there, of_children) = open(proving(&site, child()));
    let told = |report: &Report| -> Vec<String> {
        report
            .changes
            .iter()
            .map(|change| format!("{change:?}"))
            .collect()
    };
    assert_eq!(told(&report), told(&of_children));
    assert_eq!(report.rejections().count(), 13, "{report:?}");
    assert_eq!(names(&here), names(&there));
    let states = |catalog: &Catalog| -> Vec<_> {
        let policies = catalog.status().policies.into_iter();
        policies
            .map(|policy| {
                (
                    policy.name,
                    policy.serving.map(|serving| serving.snapshotted),
                )
            })
            .collect()
    };
    assert_eq!(states(&here), states(&there));
}

#[test]
fn tests_and_inspections_come_to_the_same_in_a_child() {
    let site = site_of_units();
    let [here, there] = [Prover::InProcess, child()].map(|prover| {
        let options = proving(&site, prover);
        let tested = test_policies(&engine(), &options, &Allowed::Any).unwrap();
        let tested: Vec<_> = tested
            .into_iter()
            .map(|one| {
                (
                    one.name,
                    one.file,
                    one.outcomes.map_err(|error| error.to_string()),
                )
            })
            .collect();
        let inspected: Vec<_> = units()
            .into_iter()
            .map(|(name, ..)| {
                let file = site.path().join(format!("{name}.wasm"));
                match inspect(&engine(), &file, &options) {
                    Ok(found) => format!(
                        "{:?} {:?} {:?} {}",
                        found.description,
                        found.settings_schema,
                        found.verdict.map_err(|error| error.to_string()),
                        found.tests
                    ),
                    Err(error) => error.to_string(),
                }
            })
            .collect();
        (tested, inspected)
    });
    assert_eq!(here, there);
}
