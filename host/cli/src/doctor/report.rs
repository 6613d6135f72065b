//! The report: findings, what was looked at, and what could not be.

use std::fmt::Write as _;

use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use super::finding::{Code, Finding, Severity};
use crate::exit::ExitCode;

/// The result of one check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) findings: Vec<Finding>,
    /// The number of things that the check looked at.
    pub(crate) examined: usize,
    /// The reasons for which the check could not look at something.
    pub(crate) gaps: Vec<String>,
}

/// The results of all checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Findings, the most severe first.
    pub(crate) findings: Vec<Finding>,
    /// Names of the checks that looked at something.
    pub(crate) looked_at: Vec<&'static str>,
    /// Names of the checks that could not look at something, each with the reason.
    pub(crate) not_looked_at: Vec<(&'static str, String)>,
}

impl Checked {
    /// Returns the result of a check that could not run.
    pub(crate) fn impossible(reason: impl Into<String>) -> Self {
        Self {
            gaps: vec![reason.into()],
            ..Self::default()
        }
    }

    /// Records one thing that the check looked at, with its finding, if any.
    pub(crate) fn examine(&mut self, finding: Option<Finding>) {
        self.examined = self.examined.saturating_add(1);
        self.findings.extend(finding);
    }

    /// Records the reason for which the check could not look at something.
    pub(crate) fn skip(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if !self.gaps.contains(&reason) {
            self.gaps.push(reason);
        }
    }
}

impl Report {
    /// Adds the result of the check `name`.
    pub(crate) fn add(&mut self, name: &'static str, checked: Checked) {
        self.findings.extend(checked.findings);
        if checked.examined > 0 {
            self.looked_at.push(name);
        }
        let gaps = checked.gaps.into_iter().map(|gap| (name, gap));
        self.not_looked_at.extend(gaps);
        // A stable sort keeps the order of the checks.
        self.findings
            .sort_by_key(|finding| std::cmp::Reverse(finding.code.severity()));
    }

    /// Returns the exit code: that of errors, of warnings, or of success.
    pub(crate) fn code(&self) -> ExitCode {
        self.code_without(&[])
    }

    /// Returns the exit code if findings with the codes `ended` do not count.
    pub(crate) fn code_without(&self, ended: &[&Code]) -> ExitCode {
        let codes = self.findings.iter().map(|finding| finding.code);
        let left = codes.filter(|code| !ended.contains(&code));
        match left.map(Code::severity).max() {
            Some(Severity::Error) => ExitCode::FoundErrors,
            Some(Severity::Warning) => ExitCode::FoundWarnings,
            Some(Severity::Info) | None => ExitCode::Success,
        }
    }

    /// Returns the number of findings of `severity`.
    fn count(&self, severity: Severity) -> usize {
        let findings = self.findings.iter();
        findings
            .filter(|finding| finding.code.severity() == severity)
            .count()
    }

    /// Returns the report for people.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}\n", render(finding));
        }
        let _ = writeln!(text, "looked at: {}", self.looked_at.join(", "));
        for (name, reason) in &self.not_looked_at {
            let _ = writeln!(text, "not looked at: {name}: {}", one_line(reason));
        }
        let _ = writeln!(
            text,
            "found: {} errors, {} warnings",
            self.count(Severity::Error),
            self.count(Severity::Warning)
        );
        text
    }

    /// Returns the report as one object.
    pub(crate) fn to_json(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "code": finding.code.as_str(),
                "severity": finding.code.severity().as_str(),
                "cause": finding.cause,
                "evidence": finding.evidence,
                "remedy": finding.remedy,
            })
        });
        let gaps = self
            .not_looked_at
            .iter()
            .map(|(name, reason)| json!({ "check": name, "reason": reason }));
        json!({
            "findings": findings.collect::<Vec<_>>(),
            "looked_at": self.looked_at,
            "not_looked_at": gaps.collect::<Vec<_>>(),
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
        })
    }
}

/// Returns a finding for people, without a last line end. Each part stays on one line, because
/// servers choose some of the texts.
pub(crate) fn render(finding: &Finding) -> String {
    let (code, severity) = (finding.code.as_str(), finding.code.severity());
    let mut text = format!("{severity} {code}: {}", one_line(&finding.cause));
    for observation in &finding.evidence {
        let _ = write!(text, "\n  evidence: {}", one_line(observation));
    }
    let _ = write!(text, "\n  remedy: {}", one_line(&finding.remedy));
    text
}
