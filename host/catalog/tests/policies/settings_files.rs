//! Settings files: strict reading, limits and grants.

use portcullis_catalog::{MaxLimits, PolicyGrants};
use portcullis_engine::Limits;
use portcullis_test_policies::guest;

use crate::site::{Site, denial, names};

#[test]
fn settings_files_are_read_strictly() {
    let cases: [(&str, Option<usize>, &[&str]); 4] = [
        (
            "\n[setings]\n",
            Some(2),
            &["setings: unknown key, did you mean `settings`?"],
        ),
        (
            "[limits]\ndeadline = \"hunter2\"\nmemory = 7\ntables = -1\nlog-line = 3\n",
            Some(2),
            &[
                "limits.deadline: expected a duration such as `50ms`",
                "line 3: limits.memory: expected a size such as `16MiB`",
                "line 4: limits.tables: expected a whole number that is not negative",
                "line 5: limits.log-line: unknown key, did you mean `log-lines`?",
            ],
        ),
        ("limits = 7\n", Some(1), &["limits: expected a table"]),
        ("\n[settings\n", Some(2), &[]),
    ];
    for (text, line, messages) in cases {
        let site = Site::new(&[]);
        site.put("p.wasm", &guest("abstains"));
        site.put("p.toml", text.as_bytes());
        let (_, report) = site.open();
        let rejection = report.rejections().next().unwrap();
        assert_eq!(rejection.file, site.path().join("p.toml"));
        assert_eq!(rejection.line, line, "{rejection:?}");
        for message in messages {
            assert!(rejection.error.contains(message), "{rejection:?}");
        }
        assert!(!rejection.error.contains('\n'), "{rejection:?}");
        assert!(
            !rejection.error.contains("hunter2"),
            "values are not repeated: {rejection:?}"
        );
    }
}

#[test]
fn every_limit_can_be_set() {
    let site = Site::new(&[]);
    let limits = "[limits]\ndeadline = \"1s\"\nmemory = \"8MiB\"\ntables = 9000\nhost-call-bytes = \"2MiB\"\n\
                  log-lines = 5\nlog-line-bytes = \"2KiB\"\nsubjects = 7\nreason-bytes = \"3B\"\ncomparisons = 9\n";
    site.put("p.wasm", &guest("counts"));
    site.put("p.toml", limits.as_bytes());
    let (catalog, report) = site.open();
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    let (_, reason) = denial(&catalog);
    assert_eq!(reason, "dec…");
    for limit in Limits::MAX.each() {
        assert!(limits.contains(&format!("{} = ", limit.name)), "{limit:?}");
    }

    site.put("p.toml", b"[limits]\nmemory = \"257MiB\"\n");
    let (_, report) = site.open();
    let rejection = report.rejections().next().unwrap();
    assert_eq!(rejection.file, site.path().join("p.toml"));
    let bound = "limit `memory` is 257MiB, the host's bound is 256MiB; lower it under [limits]";
    assert!(rejection.error.contains(bound), "{rejection:?}");
}

#[test]
fn a_settings_file_grants_nothing() {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("reads_secrets"));
    site.put(
        "p.toml",
        b"[grants]\nsecrets = true\nkey-value = [\"revoked\", \"away\"]\nother = \"hunter2\"\n",
    );
    let (_, report) = site.open();
    let rejection = report.rejections().next().unwrap();
    assert_eq!(rejection.file, site.path().join("p.toml"));
    assert_eq!(
        rejection.error,
        "grants: only portcullis.toml grants; remove this table and write there: `[policies.grants.p]`, \
         `key-value = [\"revoked\", \"away\"]`, `secrets = true`"
    );
}

#[test]
fn limits_count_up_to_what_the_operator_allows() {
    let mut site = Site::new(&[]);
    let max = MaxLimits::default();
    let beyond = format!("[limits]\ncomparisons = {}\n", max.limits.comparisons + 1);
    for name in ["p", "q"] {
        site.put(&format!("{name}.wasm"), &guest("counts"));
        site.put(&format!("{name}.toml"), beyond.as_bytes());
    }
    let more = MaxLimits {
        limits: Limits::MAX,
        ..max
    };
    let granted = PolicyGrants {
        max_limits: Some(more),
        ..PolicyGrants::default()
    };
    site.grant("q", granted);
    let (catalog, report) = site.open();
    let refused: Vec<_> = report.rejections().collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    let expected = "limits.comparisons: 65 is more than the 64 that portcullis.toml allows: lower it, or raise `comparisons` \
                    there, under [policies.max-limits] for all policies or under [policies.grants.p.max-limits] for this one";
    assert_eq!(refused[0].error, expected);
    assert_eq!(names(&catalog), ["q"]);
}

#[test]
fn grants_of_a_policy_that_is_not_there_are_mentioned() {
    let mut site = Site::new(&[]);
    site.put("p.wasm", &guest("abstains"));
    site.grant("p", PolicyGrants::default());
    site.grant("q", PolicyGrants::default());
    let (_, report) = site.open();
    assert_eq!(report.unused_grants, ["q".parse().unwrap()]);
}

#[test]
fn a_settings_file_without_a_module_is_mentioned() {
    let site = Site::new(&[]);
    site.put("static-usr.toml", b"");
    let (_, report) = site.open();
    assert_eq!(report.orphans, [site.path().join("static-usr.toml")]);
}
