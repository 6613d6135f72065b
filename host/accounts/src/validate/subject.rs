//! Subjects, with the rules of `Subject` and `RenamingSubject` in nats-io/jwt v2. They are laxer
//! than those of servers.

use super::{Findings, shown};

/// A budget for the comparison of subjects with each other, in compared tokens.
///
/// Claims come from strangers too. Each comparison spends from the budget, so that no claims of the
/// allowed size occupy a thread for long.
#[derive(Debug)]
pub(super) struct Comparisons {
    left: usize,
}

impl Comparisons {
    /// Some tens of milliseconds of work: 2,000 subjects with wildcards, each compared with 2,000.
    const MAX: usize = 1 << 22;
    /// Cost of a pair of which one subject contains the other, because that is a flaw to describe.
    const FOUND: usize = 64;

    pub(super) const fn new() -> Self {
        Self { left: Self::MAX }
    }

    /// Returns whether a comparison was given up.
    pub(super) const fn is_exceeded(&self) -> bool {
        self.left == 0
    }

    /// Returns whether every subject that `inner` stands for is one of `outer`. `false` once the
    /// budget is exceeded.
    pub(super) fn is_contained(&mut self, inner: &str, outer: &str) -> bool {
        let is_contained = is_contained_in(inner, outer, &mut self.left);
        if is_contained {
            self.left = self.left.saturating_sub(Self::FOUND);
        }
        is_contained
    }
}

impl Findings {
    /// Checks the form of a subject. `place` names it in the text.
    pub(super) fn subject(&mut self, place: &str, subject: &str) {
        if subject.is_empty() {
            self.error(format!("{place}: the subject is empty"));
            return;
        }
        let name = shown(subject);
        if subject.contains(' ') {
            self.error(format!("{place}: `{name}` has a space"));
        }
        if subject.starts_with('.') || subject.ends_with('.') {
            self.error(format!("{place}: `{name}` begins or ends with a dot"));
        }
        if subject.contains("..") {
            self.error(format!("{place}: `{name}` has two dots in a row"));
        }
    }

    /// Checks the local subject of an import of `from`, which may refer to its wildcards as `$1`.
    pub(super) fn renaming(&mut self, place: &str, to: &str, from: &str) {
        self.subject(place, to);
        let (target, source) = (shown(to), shown(from));
        if ends_open(to) != ends_open(from) {
            self.error(format!(
                "{place}: `{target}` and `{source}` have to end in `>` both or neither"
            ));
        }
        let wildcards = count_wildcards(from);
        let mut found = count_wildcards(to);
        for number in to.split('.').filter_map(reference) {
            if i64::try_from(wildcards).is_ok_and(|wildcards| number > wildcards) {
                self.error(format!(
                    "{place}: `${number}` in `{target}` refers to a wildcard that `{source}` does not have"
                ));
            } else {
                found += 1;
            }
        }
        if found != wildcards {
            self.error(format!(
                "{place}: `{target}` has to name each `*` of `{source}` once, as `*` or `$1`"
            ));
        }
    }
}

/// Returns whether a subject has wildcards.
pub(super) fn has_wildcards(subject: &str) -> bool {
    ends_open(subject) || count_wildcards(subject) > 0
}

/// Returns whether every subject that `inner` stands for is one of `outer`. Takes each compared
/// token from `left`, and stops at 0.
fn is_contained_in(inner: &str, outer: &str, left: &mut usize) -> bool {
    let mut inner = inner.split('.');
    let mut outer = outer.split('.').peekable();
    while let Some(token) = outer.next() {
        *left = left.saturating_sub(1);
        match inner.next() {
            _ if *left == 0 => return false,
            None => return false,
            Some(_) if token == ">" && outer.peek().is_none() => return true,
            Some(found) if token != found && token != "*" => return false,
            Some(_) => {}
        }
    }
    inner.next().is_none()
}

/// Returns a local subject with `*` in place of references such as `$1`.
pub(super) fn without_references(subject: &str) -> String {
    let tokens = subject.split('.');
    let tokens: Vec<_> = tokens
        .map(|token| reference(token).map_or(token, |_| "*"))
        .collect();
    tokens.join(".")
}

fn ends_open(subject: &str) -> bool {
    subject == ">" || subject.ends_with(".>")
}

fn count_wildcards(subject: &str) -> usize {
    subject.split('.').filter(|token| *token == "*").count()
}

/// Returns the number of a reference such as `$1`.
fn reference(token: &str) -> Option<i64> {
    token.strip_prefix('$')?.parse().ok()
}
