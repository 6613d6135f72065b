//! Validation of claims, with the rules of `Validate` in nats-io/jwt v2.

mod account;
mod activation;
mod operator;
mod permissions;
mod share;
mod subject;
mod url;
mod user;

use std::borrow::Cow;
use std::fmt;

use portcullis_claims::Claims;
use portcullis_core::{KeyKind, PublicKey};
use serde::Serialize;

/// Maximum length of a description or a URL with information, in bytes.
const MAX_INFO_LENGTH: usize = 8 * 1024;

/// Maximum number of flaws that are reported, apart from the first of each weight. Claims come from
/// strangers too, and each pair of their subjects can have a flaw.
const MAX_FINDINGS: usize = 100;

/// Maximum length of the text of a flaw, and of a subject in it, in bytes. Longer ones are cut,
/// which `…` shows.
const MAX_TEXT: usize = 512;
const MAX_SHOWN: usize = 200;

/// The weight of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Servers refuse the claims.
    Error,
    /// Servers refuse the claims at this time: they have expired, or are not valid yet.
    Time,
    /// Servers accept the claims, but they are doubtful.
    Warning,
}

/// A flaw of claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Weight of the flaw.
    pub severity: Severity,
    /// Text for humans, on one line.
    pub text: String,
}

/// The flaws of claims, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings {
    all: Vec<Finding>,
}

/// Claims that can be validated.
pub trait Validate {
    /// Validates the claims at the time `now`, in seconds since the Unix epoch.
    fn validate(&self, now: u64) -> Findings;
}

impl Findings {
    /// Returns the flaws, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.all.iter()
    }

    /// Returns whether the claims have no flaw.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns whether servers refuse the claims at any time.
    pub fn has_errors(&self) -> bool {
        self.any(Severity::Error)
    }

    /// Returns whether servers refuse the claims now.
    pub fn is_refused(&self) -> bool {
        self.has_errors() || self.any(Severity::Time)
    }

    fn any(&self, severity: Severity) -> bool {
        self.iter().any(|finding| finding.severity == severity)
    }

    /// Adds a flaw for which servers refuse the claims. Drops one that is known.
    fn error(&mut self, text: impl Into<String>) {
        self.add(Severity::Error, text.into());
    }

    fn warning(&mut self, text: impl Into<String>) {
        self.add(Severity::Warning, text.into());
    }

    fn add(&mut self, severity: Severity, text: String) {
        if self.all.len() >= MAX_FINDINGS && (severity == Severity::Warning || self.any(severity)) {
            return;
        }
        let text = if text.len() > MAX_TEXT {
            on_one_line(cut(&text, MAX_TEXT).into_owned())
        } else {
            on_one_line(text)
        };
        let finding = Finding { severity, text };
        if !self.all.contains(&finding) {
            self.all.push(finding);
        }
    }

    /// Returns whether further errors would not be reported.
    fn is_full(&self) -> bool {
        self.all.len() >= MAX_FINDINGS && self.has_errors()
    }

    /// Checks the times of claims. The second of the expiry is still valid.
    fn times<B>(&mut self, claims: &Claims<B>, now: u64) {
        if let Some(at) = claims.expires_at.filter(|at| *at > 0 && now > *at) {
            self.add(Severity::Time, format!("expired at {at} (Unix time)"));
        }
        if let Some(at) = claims.not_before.filter(|at| *at > now) {
            self.add(Severity::Time, format!("not valid before {at} (Unix time)"));
        }
    }

    /// Checks that `key` is a public key of this kind. `role` names it in the text.
    fn key(&mut self, role: &str, key: &str, kind: KeyKind) {
        if !PublicKey::is_valid(key, kind) {
            let letter = kind.letter();
            self.error(format!(
                "{role} `{key}` is not a public key of the kind {kind} ({letter}…)"
            ));
        }
    }

    fn info(&mut self, place: &str, description: &str, info_url: &str) {
        if description.len() > MAX_INFO_LENGTH {
            self.error(format!(
                "{place}: the description is longer than {MAX_INFO_LENGTH} bytes"
            ));
        }
        if info_url.len() > MAX_INFO_LENGTH {
            self.error(format!(
                "{place}: the URL with information is longer than {MAX_INFO_LENGTH} bytes"
            ));
        }
        let has_host = |url: url::Url<'_>| !url.scheme.is_empty() && !url.host.is_empty();
        if !info_url.is_empty() && !url::Url::parse(info_url).is_some_and(has_host) {
            self.error(format!(
                "{place}: the URL with information has no protocol or no host; write it as `https://HOST/PATH`"
            ));
        }
    }
}

/// Returns a text of the claims for use in a flaw. A long one is cut.
fn shown(text: &str) -> Cow<'_, str> {
    cut(text, MAX_SHOWN)
}

/// Returns at most `max` bytes of a text.
fn cut(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(max);
    let beginning = text.get(..end).unwrap_or_default();
    Cow::Owned(format!("{beginning}…"))
}

/// Escapes the control characters of a text, which quotes claims as they are.
fn on_one_line(text: String) -> String {
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    if !text.contains(breaks) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if breaks(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Error => "servers refuse this",
            Severity::Time => "servers refuse this now",
            Severity::Warning => "doubtful",
        };
        write!(formatter, "{kind}: {}", self.text)
    }
}

#[cfg(test)]
mod tests;
