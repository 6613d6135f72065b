//! Subjects, with the rules of `Subject` and `RenamingSubject` in nats-io/jwt v2. They are laxer
//! than those of servers.

use super::Findings;

impl Findings {
    /// Checks the form of a subject. `place` names it in the text.
    pub(super) fn subject(&mut self, place: &str, subject: &str) {
        if subject.is_empty() {
            self.error(format!("{place}: the subject is empty"));
            return;
        }
        if subject.contains(' ') {
            self.error(format!("{place}: `{subject}` has a space"));
        }
        if subject.starts_with('.') || subject.ends_with('.') {
            self.error(format!("{place}: `{subject}` begins or ends with a dot"));
        }
        if subject.contains("..") {
            self.error(format!("{place}: `{subject}` has two dots in a row"));
        }
    }

    /// Checks the local subject of an import of `from`, which may refer to its wildcards as `$1`.
    pub(super) fn renaming(&mut self, place: &str, to: &str, from: &str) {
        self.subject(place, to);
        if ends_open(to) != ends_open(from) {
            self.error(format!(
                "{place}: `{to}` and `{from}` have to end in `>` both or neither"
            ));
        }
        let wildcards = count_wildcards(from);
        let mut found = count_wildcards(to);
        for number in to.split('.').filter_map(reference) {
            if i64::try_from(wildcards).is_ok_and(|wildcards| number > wildcards) {
                self.error(format!(
                    "{place}: `${number}` in `{to}` refers to a wildcard that `{from}` does not have"
                ));
            } else {
                found += 1;
            }
        }
        if found != wildcards {
            self.error(format!(
                "{place}: `{to}` has to name each `*` of `{from}` once, as `*` or `$1`"
            ));
        }
    }
}

/// Returns whether a subject has wildcards.
pub(super) fn has_wildcards(subject: &str) -> bool {
    ends_open(subject) || count_wildcards(subject) > 0
}

/// Returns whether every subject that `inner` stands for is one of `outer`.
pub(super) fn is_contained_in(inner: &str, outer: &str) -> bool {
    let mut inner = inner.split('.');
    let mut outer = outer.split('.').peekable();
    while let Some(token) = outer.next() {
        match inner.next() {
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
