//! Lints: permissions that a server accepts and that seldom mean what their author means.
//!
//! A lint decides from the settings of a policy, whose lists have the keys of
//! `portcullis_sdk::profile`, and from what the permits of its passing tests contain. It rejects
//! nothing: the host logs what it finds when it loads a version.

mod lists;
mod rules;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_core::Permissions;
use portcullis_engine::Engine;

use crate::content::Content;
use crate::lines::line_of_refusal;
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::policy_tests::TestOutcome;
use crate::prover::prove;
use crate::single::SinglePolicy;
use crate::unit_error::UnitError;
use lists::{Entry, Lists, Settings};

/// Maximum size of settings that are looked at, in bytes. Larger ones are lists of users.
const MAX_SETTINGS: usize = 1 << 20;

/// A kind of doubtful permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Lint {
    /// A login may send requests and cannot receive replies.
    RequestWithoutInbox,
    /// Logins can receive the replies to each other.
    SharedInbox,
    /// A login may use the whole API of `JetStream`.
    JetstreamApi,
    /// A login may create consumers without a filter in the subject.
    UnfilteredConsumer,
    /// A subject has a wildcard of another system.
    NotAWildcard,
    /// A subject has a place in single braces.
    SingleBraces,
    /// A subject or an account begins with a place.
    LeadingPlace,
    /// The policy does not read a setting.
    UnusedSetting,
    /// A rule has no effect, because of another one.
    NeverMatches,
}

/// A doubtful permission, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of the finding.
    pub lint: Lint,
    /// The file with the permission, or with the test whose permit has it.
    pub file: PathBuf,
    /// The line in the file, counted from 1.
    pub line: Option<usize>,
    /// What is doubtful, in one line.
    pub message: String,
}

/// The result of linting one policy.
#[derive(Debug)]
pub struct Linted {
    /// The findings, those of the settings first.
    pub findings: Vec<Finding>,
    /// The reason why the policy's tests did not run. The findings are those of its settings then.
    pub error: Option<UnitError>,
}

impl Lint {
    /// All lints.
    pub const ALL: [Self; 9] = [
        Self::RequestWithoutInbox,
        Self::SharedInbox,
        Self::JetstreamApi,
        Self::UnfilteredConsumer,
        Self::NotAWildcard,
        Self::SingleBraces,
        Self::LeadingPlace,
        Self::UnusedSetting,
        Self::NeverMatches,
    ];

    /// Returns the code of the lint, as reports show it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RequestWithoutInbox => "request-without-inbox",
            Self::SharedInbox => "shared-inbox",
            Self::JetstreamApi => "jetstream-api",
            Self::UnfilteredConsumer => "unfiltered-consumer",
            Self::NotAWildcard => "not-a-wildcard",
            Self::SingleBraces => "single-braces",
            Self::LeadingPlace => "leading-place",
            Self::UnusedSetting => "unused-setting",
            Self::NeverMatches => "never-matches",
        }
    }

    /// Returns the way out, in one line.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::RequestWithoutInbox => {
                "set `private-inbox` under `intents`, or allow the inbox of the login under `subscribe`"
            }
            Self::SharedInbox => {
                "allow an inbox for each login with `private-inbox` under `intents`, and set the same prefix in the client"
            }
            Self::JetstreamApi => {
                "allow the subjects of the streams and consumers that the login needs, or give it an account of its own"
            }
            Self::UnfilteredConsumer => {
                "allow the form with a filter, `$JS.API.CONSUMER.CREATE.STREAM.CONSUMER.FILTER`, or a consumer that an \
                 administrator makes"
            }
            Self::NotAWildcard => {
                "write `*` for one token of a subject and a final `>` for the rest"
            }
            Self::SingleBraces => {
                "write `{{claim.sub}}` if the policy fills templates, and a subject without braces if it does not"
            }
            Self::LeadingPlace => "begin with a text of your own, such as `app.{{claim.sub}}.>`",
            Self::UnusedSetting => {
                "correct or remove it, and add `#[serde(deny_unknown_fields)]` to the settings of the policy"
            }
            Self::NeverMatches => "remove one of the two",
        }
    }
}

impl Finding {
    /// Returns the finding for a line in the log of a policy's `configure`, if the SDK has written
    /// it there about a setting that the policy does not read. `file` is the settings file, with
    /// `text`.
    pub fn of_log_line(file: &Path, text: &str, line: &str) -> Option<Self> {
        let is_unread = line.ends_with(": the policy does not read this setting");
        is_unread.then(|| Self {
            lint: Lint::UnusedSetting,
            file: file.to_owned(),
            line: line_of_refusal(text, line),
            message: line.to_owned(),
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lint,
            file,
            line,
            message,
        } = self;
        write!(formatter, "`{}`", file.display())?;
        if let Some(line) = line {
            write!(formatter, ", line {line}")?;
        }
        write!(formatter, ": {}: {message}; {}", lint.code(), lint.cure())
    }
}

/// Lints a module and the files next to it, without serving it. Blocks.
///
/// # Errors
///
/// Fails if the files cannot be read, or if the module is not WebAssembly.
pub fn lint_module(
    engine: &Engine,
    options: &CatalogOptions,
    module: &Path,
) -> Result<Linted, UnitError> {
    let policy = SinglePolicy::read(module, options)?;
    let task = policy.task(&Arc::new(options.clone()));
    let (outcomes, error) = match prove(engine, task) {
        Ok(proved) => (proved.outcomes, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    Ok(Linted {
        findings: findings(&policy.paths, &policy.content, &outcomes),
        error,
    })
}

/// Lints the text of a settings file.
pub fn lint_settings(file: &Path, text: &str) -> Vec<Finding> {
    let settings = Settings::parse(text);
    let all = settings.together();
    let mut findings = Vec::new();
    let mut record = |lint, entry: &Entry, message| {
        findings.push(found(file, lint, entry.line, message));
    };
    for profile in &settings.profiles {
        rules::check_subjects(profile, &mut record);
        rules::check_lists(profile, &all, &mut record);
    }
    let accounts = settings.accounts.iter();
    for account in accounts.filter(|entry| rules::leads_with_place(&entry.text)) {
        let message = format!("the account `{}` is any that a login names", account.text);
        record(Lint::LeadingPlace, account, message);
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

/// Lints a version whose tests ran.
pub(crate) fn findings(paths: &Paths, content: &Content, outcomes: &[TestOutcome]) -> Vec<Finding> {
    let settings = content.settings.as_deref().unwrap_or_default();
    let settings = Some(settings).filter(|bytes| bytes.len() <= MAX_SETTINGS);
    let text = settings.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let mut findings = lint_settings(&paths.settings, text.unwrap_or_default());
    for outcome in outcomes {
        let Some(login) = &outcome.permitted else {
            continue;
        };
        for finding in of_permit(&paths.tests, outcome, login.permit.permissions()) {
            // One subject may be in the settings and in many permits.
            let is_known = |other: &Finding| {
                other.lint == finding.lint
                    && (other.message == finding.message || other.file == paths.settings)
            };
            if !findings.iter().any(is_known) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn of_permit(file: &Path, outcome: &TestOutcome, permissions: &Permissions) -> Vec<Finding> {
    let lists = Lists::of_permissions(permissions);
    let mut findings = Vec::new();
    let mut record = |lint, _: &Entry, message| {
        findings.push(found(file, lint, Some(outcome.line), message));
    };
    rules::check_subjects(&lists, &mut record);
    rules::check_lists(&lists, &lists, &mut record);
    findings
}

fn found(file: &Path, lint: Lint, number: Option<usize>, message: String) -> Finding {
    Finding {
        lint,
        file: file.to_owned(),
        line: number,
        message,
    }
}

#[cfg(test)]
mod tests;
