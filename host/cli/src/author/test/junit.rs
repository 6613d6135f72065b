//! The report in the `XML` format of `JUnit`, which build servers read.

use std::fmt::{self, Write as _};

use portcullis_catalog::{TestOutcome, TestedPolicy};

use super::results::outcomes;

pub(super) fn render(tested: &[TestedPolicy]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for policy in tested {
        // Writing to a string does not fail.
        let _ = suite(&mut xml, policy);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(xml: &mut String, policy: &TestedPolicy) -> fmt::Result {
    let name = Escaped(policy.name.as_str());
    match outcomes(policy) {
        Ok(outcomes) => {
            let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some());
            let (run, failed) = (outcomes.len(), failed.count());
            writeln!(
                xml,
                "  <testsuite name=\"{name}\" tests=\"{run}\" failures=\"{failed}\" errors=\"0\">"
            )?;
            for outcome in outcomes {
                case(xml, policy, outcome)?;
            }
        }
        Err(error) => {
            let error = Escaped(&error);
            writeln!(
                xml,
                "  <testsuite name=\"{name}\" tests=\"1\" failures=\"0\" errors=\"1\">\n    \
                 <testcase name=\"the policy loads\" classname=\"{name}\">\n      \
                 <error message=\"{error}\"/>\n    </testcase>"
            )?;
        }
    }
    writeln!(xml, "  </testsuite>")
}

fn case(xml: &mut String, policy: &TestedPolicy, outcome: &TestOutcome) -> fmt::Result {
    let file = policy.file.display().to_string();
    writeln!(
        xml,
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\">",
        Escaped(&outcome.name),
        Escaped(policy.name.as_str()),
        Escaped(&file),
        outcome.line
    )?;
    if let Some(failure) = &outcome.failure {
        writeln!(xml, "      <failure message=\"{}\"/>", Escaped(failure))?;
    }
    let warnings = outcome
        .doubts
        .iter()
        .map(|doubt| format!("warning: {doubt}"));
    let lines: Vec<_> = outcome.log.iter().cloned().chain(warnings).collect();
    if !lines.is_empty() {
        let lines = lines.join("\n");
        writeln!(xml, "      <system-out>{}</system-out>", Escaped(&lines))?;
    }
    writeln!(xml, "    </testcase>")
}

/// A text of an attribute or an element. Characters that `XML` cannot hold become `U+FFFD`.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\n' => formatter.write_str("&#10;")?,
                '\t' => formatter.write_str("&#9;")?,
                letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                    formatter.write_char('\u{fffd}')?;
                }
                letter => formatter.write_char(letter)?,
            }
        }
        Ok(())
    }
}
