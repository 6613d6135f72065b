use std::fs;

use super::*;
use crate::init::{Accounts, init_with};

/// Makes a directory with `init`, applies `spoil` to it and returns the findings.
fn findings(spoil: fn(&Path), policies: &[&str]) -> (ExitCode, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    init_with(directory.path(), &[], &Accounts::default()).unwrap();
    spoil(directory.path());
    let found = run_check(&directory.path().join("portcullis.toml"), |_, tables| {
        policies
            .iter()
            .map(|message| {
                Problem::error(tables.policies.catalog.directory.join("p.toml"), *message)
            })
            .collect()
    });
    let prefix = format!("{}/", directory.path().display());
    let lines = found
        .problems
        .iter()
        .map(|problem| problem.to_string().replace(&prefix, ""))
        .collect();
    (found.code, lines)
}

#[test]
fn bad_policies_have_a_code_of_their_own() {
    assert_eq!(
        findings(|_| (), &["bad"]),
        (
            ExitCode::BadPolicies,
            vec!["policies/p.toml: bad".to_owned()]
        )
    );
}

#[test]
fn a_missing_policy_directory_has_a_code_of_its_own() {
    let (code, lines) = findings(
        |root| fs::remove_dir(root.join("policies")).unwrap(),
        &["bad"],
    );
    assert_eq!(code, ExitCode::NotFound);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("portcullis.toml: policies.directory: cannot read `"),
        "{lines:?}"
    );
}

#[test]
fn a_missing_seed_does_not_hide_bad_policies() {
    let (code, lines) = findings(
        |root| fs::remove_file(root.join("keys/issuer.nk")).unwrap(),
        &["bad"],
    );
    assert_eq!(code, ExitCode::BadConfiguration);
    assert_eq!(
        lines,
        [
            "portcullis.toml: callout.issuer-seed-file: `keys/issuer.nk` does not exist",
            "policies/p.toml: bad"
        ]
    );
}

#[test]
fn a_mistake_in_one_table_hides_nothing_elsewhere() {
    let (code, lines) = findings(
        |root| {
            fs::write(root.join("keys/issuer.nk"), "").unwrap();
            let text = "[callout]\nissuer-seed-file = \"keys/issuer.nk\"\n[log]\nlevel = 1\n";
            fs::write(root.join("portcullis.toml"), text).unwrap();
        },
        &["bad"],
    );
    assert_eq!(code, ExitCode::BadConfiguration);
    for problem in [
        "callout.target-accounts",
        "log.level",
        "`keys/issuer.nk` is empty",
        "p.toml: bad",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(problem)),
            "`{problem}` in {lines:?}"
        );
    }
}

#[test]
fn what_is_not_toml_is_all_there_is_to_say() {
    let (code, lines) = findings(
        |root| fs::write(root.join("portcullis.toml"), "[log\n").unwrap(),
        &["bad"],
    );
    assert_eq!(code, ExitCode::BadConfiguration);
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("portcullis.toml:")),
        "{lines:?}"
    );
    assert!(!lines.is_empty());
}

#[test]
fn a_directory_without_a_policy_is_not_ok() {
    let directory = tempfile::tempdir().unwrap();
    init_with(directory.path(), &[], &Accounts::default()).unwrap();
    let found = run_check(&directory.path().join("portcullis.toml"), |file, tables| {
        check_policies(file, tables, &Prover::default())
    });
    assert_eq!(found.code, ExitCode::BadPolicies);
    let lines: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert!(
        line.contains("policies.directory: there is no policy in `"),
        "{line}"
    );
}

#[test]
fn a_ceiling_of_a_policy_that_does_not_exist_is_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    init_with(directory.path(), &[], &Accounts::default()).unwrap();
    let file = directory.path().join("portcullis.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let ceilings = "\n[ceilings.policies.typo]\npublish-allow = [\"a\"]\n";
    std::fs::write(&file, config + ceilings).unwrap();
    let found = run_check(&file, |file, tables| {
        check_policies(file, tables, &Prover::default())
    });
    let warned = found
        .problems
        .iter()
        .find(|problem| !problem.is_error())
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(
        warned.contains("ceilings.policies.typo: warning: no policy of this name"),
        "{warned} {:?}",
        found.problems
    );
}

#[test]
fn json_has_the_parts_of_each_problem() {
    let file = Path::new("portcullis.toml");
    let mut findings = Findings {
        problems: Vec::new(),
        code: ExitCode::Success,
    };
    assert_eq!(findings.json(), json!({ "ok": true, "problems": [] }));
    assert_eq!(findings.text(file), "portcullis.toml: ok\n");
    let warning = Problem::warning(file, "doubtful").at_key("log.level");
    let error = Problem::error("p.toml", "bad").at_line(3);
    findings.add(ExitCode::BadPolicies, vec![warning, error]);
    assert_eq!(
        findings.json(),
        json!({
            "ok": false,
            "problems": [
                {
                    "severity": "warning", "file": "portcullis.toml", "line": null,
                    "key": "log.level", "message": "doubtful",
                },
                { "severity": "error", "file": "p.toml", "line": 3, "key": null, "message": "bad" },
            ],
        })
    );
}
