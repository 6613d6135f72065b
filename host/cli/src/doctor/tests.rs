mod breaks;
pub(super) mod fixtures;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::checks;
use super::finding::{Code, Finding, Severity};
use super::report::{Report, render};
use crate::exit::ExitCode;
use fixtures::{Break, conf, good, operated, probed, read, settings};

fn report_of(change: Break) -> Report {
    let mut evidence = good();
    change(&mut evidence);
    checks::run(&evidence)
}

#[test]
fn nothing_is_found_where_host_and_servers_agree_and_everything_was_looked_at() {
    let report = report_of(|_| {});
    assert_eq!(report.findings, []);
    assert_eq!(report.not_looked_at, []);
    assert_eq!(report.code(), ExitCode::Success);
    insta::assert_snapshot!(report.to_text(), @r"
    looked at: configuration and policies, state directory, credentials, certificates, limits of this process, issuers' keys, readiness of the host on this machine, servers, releases of servers, login of the host's user, permissions of the host's user, other connections of the host, probe login, issuer, xkey and trust, timeout, clock, server configuration, system account, target accounts, accounts that files name, recent permits, token sizes, message sizes, JetStream, decision records, locks, hosts
    found: 0 errors, 0 warnings
    ");
}

#[test]
fn a_server_may_expect_another_key_of_the_host_while_keys_are_rotated() {
    let report = report_of(|it| {
        settings(it).other_issuers = vec!["A-NEXT".to_owned()];
        settings(it).other_xkeys = vec!["X-NEXT".to_owned()];
        let callout = conf(it).callout.as_mut().unwrap();
        callout.issuer = "A-NEXT".to_owned();
        callout.xkey = Some("X-NEXT".to_owned());
        read(it, |request| request.expected = "A-NEXT".to_owned());
    });
    assert_eq!(report.findings, []);
}

#[test]
fn in_operator_mode_the_callout_account_says_what_the_configuration_does_in_config_mode() {
    let agreeing = report_of(|it| {
        operated(it);
    });
    assert_eq!(agreeing.findings, []);
    assert!(agreeing.looked_at.contains(&"JWT of the callout account"));
    let any = report_of(|it| {
        operated(it).allowed_accounts = vec!["*".to_owned()];
        settings(it).features.first_login = true;
    });
    assert_eq!(any.findings, []);
    let alone = report_of(|it| {
        operated(it);
        it.system = None;
    });
    let gaps = alone.not_looked_at.iter().map(|(name, _)| *name);
    assert!(
        gaps.collect::<Vec<_>>()
            .contains(&"JWT of the callout account")
    );
}

#[test]
fn every_break_is_found_by_its_code_and_every_code_has_a_break() {
    let mut found = BTreeSet::new();
    for (codes, change) in breaks::all() {
        let report = report_of(*change);
        let actual: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(actual, *codes, "{report:#?}");
        found.extend(codes.iter().map(|code| code.as_str()));
        let expected = match codes[0].severity() {
            Severity::Error => ExitCode::FoundErrors,
            Severity::Warning => ExitCode::FoundWarnings,
            Severity::Info => ExitCode::Success,
        };
        assert_eq!(report.code(), expected);
    }
    let all: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(found, all);
}

#[test]
fn the_text_of_every_finding_is_as_reviewed() {
    let reports = breaks::all().map(|(_, change)| report_of(*change));
    let findings: Vec<_> = reports.flat_map(|report| report.findings).collect();
    let texts: Vec<_> = findings.iter().map(render).collect();
    insta::assert_snapshot!("findings", texts.join("\n\n"));
}

#[test]
fn every_finding_as_json_is_as_reviewed() {
    let reports = breaks::all().map(|(_, change)| report_of(*change));
    let report = Report {
        findings: reports.flat_map(|report| report.findings).collect(),
        looked_at: Vec::new(),
        not_looked_at: vec![("a check", "a reason".to_owned())],
    };
    let json = serde_json::to_string_pretty(&report.to_json()).unwrap();
    insta::assert_snapshot!("findings-json", json);
}

#[test]
fn a_check_that_cannot_run_is_named_with_the_reason() {
    let report = report_of(|evidence| {
        evidence.settings = None;
        evidence.machine = None;
        evidence.health = None;
        evidence.state = None;
        evidence.records = None;
        evidence.servers = Vec::new();
        evidence.services = Err("the configuration is invalid".to_owned());
        evidence.server_conf = None;
        evidence.system = None;
    });
    assert_eq!(report.looked_at, ["configuration and policies"]);
    let names: Vec<_> = report.not_looked_at.iter().map(|(name, _)| *name).collect();
    for name in [
        "state directory",
        "servers",
        "clock",
        "target accounts",
        "hosts",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let without = report_of(|evidence| {
        evidence.server_conf = None;
        evidence.system = None;
    });
    let reasons: Vec<_> = without
        .not_looked_at
        .iter()
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(
        reasons,
        [
            "server configuration",
            "system account",
            "target accounts",
            "accounts that files name"
        ]
    );
}

#[test]
fn texts_of_servers_stay_on_their_line() {
    let hostile =
        Finding::new(Code::LoginRefused, "a\nfound: 0 errors", "b\u{1b}[2J").because("c\r");
    assert_eq!(render(&hostile).lines().count(), 3);
    assert!(!render(&hostile).contains('\u{1b}'));
}

#[test]
fn the_reference_lists_every_code() {
    let mut table = "| code | severity | meaning |\n| --- | --- | --- |\n".to_owned();
    for code in Code::ALL {
        let (name, severity, meaning) = (code.as_str(), code.severity(), code.meaning());
        writeln!(table, "| `{name}` | {severity} | {meaning} |").unwrap();
    }
    let page = include_str!("../../../../docs/reference/doctor.md");
    assert!(page.contains(&table), "the page should contain\n{table}");
}

#[test]
fn the_runbook_says_where_to_read_about_every_finding() {
    let page = include_str!("../../../../docs/guide/runbook.md");
    let (_, section) = page.split_once("## Troubleshooting by finding").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let to_act_on = |code: &&Code| code.severity() > Severity::Info;
    for code in Code::ALL.iter().filter(to_act_on) {
        let name = format!("`{}`", code.as_str());
        assert!(section.contains(&name), "{name}");
    }
}

#[test]
fn the_report_as_json_has_all_of_it() {
    let json = report_of(|evidence| probed(evidence, None)).to_json();
    assert_eq!(json["findings"][0]["code"], "callout-not-asked");
    assert_eq!(json["findings"][0]["severity"], "error");
    assert_eq!(json["errors"], 1);
    assert_eq!(json["not_looked_at"][0]["check"], "issuer, xkey and trust");
}
