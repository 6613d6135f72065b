//! Comparison and intersection of subjects with wildcards.

use super::PermissionSubject;

/// A subject split into tokens. Without a queue group, it stands for every use of the subject.
#[derive(Clone, Debug)]
pub(crate) struct Pattern<'a> {
    tokens: Vec<&'a str>,
    queue: Option<Vec<&'a str>>,
}

impl PermissionSubject {
    /// Returns the queue group of a subscribe permission. `None` if the subject has no queue group.
    pub fn queue(&self) -> Option<&str> {
        self.0.split_once(' ').map(|(_, queue)| queue)
    }

    /// Returns whether this subject matches everything that `other` matches. A subject without a
    /// queue group matches subscriptions with and without one.
    ///
    /// ```
    /// use portcullis_core::PermissionSubject;
    ///
    /// let subject = |text: &str| text.parse::<PermissionSubject>().unwrap();
    /// assert!(subject("a.>").covers(&subject("a.*.c workers")));
    /// assert!(!subject("a.*").covers(&subject("a.>")));
    /// ```
    pub fn covers(&self, other: &Self) -> bool {
        self.pattern().covers(&other.pattern())
    }

    /// Returns whether some subject matches both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.pattern().overlaps(&other.pattern())
    }

    /// Returns the subject that matches what both match. `None` if they have nothing in common, or
    /// if the result is longer than [`MAX_LEN`](Self::MAX_LEN) bytes.
    ///
    /// ```
    /// use portcullis_core::PermissionSubject;
    ///
    /// let subject = |text: &str| text.parse::<PermissionSubject>().unwrap();
    /// let common = subject("a.*.>").intersection(&subject("*.b.>"));
    /// assert_eq!(common, Some(subject("a.b.>")));
    /// ```
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        self.pattern().intersection(&other.pattern())?.subject()
    }

    pub(crate) fn pattern(&self) -> Pattern<'_> {
        Pattern::new(&self.0)
    }
}

impl<'a> Pattern<'a> {
    /// Splits a subject, with a queue group if one follows. The subject is valid.
    pub(crate) fn new(subject: &'a str) -> Self {
        let (subject, queue) = match subject.split_once(' ') {
            Some((subject, queue)) => (subject, Some(queue)),
            None => (subject, None),
        };
        Self {
            tokens: subject.split('.').collect(),
            queue: queue.map(|queue| queue.split('.').collect()),
        }
    }

    /// Returns the pattern of every subject.
    pub(crate) fn everything() -> Self {
        Self::new(">")
    }

    /// Returns the tokens of the subject.
    pub(crate) fn tokens(&self) -> &[&'a str] {
        &self.tokens
    }

    /// Returns the number of tokens that a comparison reads, those of the queue group included.
    pub(crate) fn size(&self) -> usize {
        let queue = self.queue.as_ref().map_or(0, Vec::len);
        self.tokens.len().saturating_add(queue)
    }

    /// Returns the pattern with one more token at the end.
    pub(crate) fn followed_by(&self, token: &'a str) -> Self {
        let mut longer = self.clone();
        longer.tokens.push(token);
        longer
    }

    /// Returns the pattern without its queue group.
    pub(crate) fn plain(self) -> Self {
        Self {
            queue: None,
            ..self
        }
    }

    /// Returns the pattern with `>` in place of its last token.
    pub(crate) fn open_ended(&self) -> Self {
        self.with_last(">")
    }

    /// Returns the pattern with `token` in place of its last one.
    pub(crate) fn with_last(&self, token: &'a str) -> Self {
        let mut other = self.clone();
        other.tokens.pop();
        other.tokens.push(token);
        other
    }
}

impl Pattern<'_> {
    pub(crate) const fn has_queue(&self) -> bool {
        self.queue.is_some()
    }

    /// Returns whether the queue group of the pattern matches `queue`, a queue group without
    /// wildcards. A pattern without a queue group matches every one.
    pub(crate) fn names_queue(&self, queue: &str) -> bool {
        self.queue
            .as_ref()
            .is_none_or(|own| tokens_cover(own, &queue.split('.').collect::<Vec<_>>()))
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        let queue = match (&self.queue, &other.queue) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => tokens_cover(ours, theirs),
        };
        queue && tokens_cover(&self.tokens, &other.tokens)
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let queue = match (&self.queue, &other.queue) {
            (Some(ours), Some(theirs)) => tokens_overlap(ours, theirs),
            _ => true,
        };
        queue && self.subject_overlaps(other)
    }

    /// Returns whether the subjects overlap, regardless of queue groups. See
    /// [`overlaps`](Self::overlaps).
    pub(crate) fn subject_overlaps(&self, other: &Self) -> bool {
        tokens_overlap(&self.tokens, &other.tokens)
    }

    /// Returns the intersection of the subjects, without queue groups. `None` if it is empty.
    pub(crate) fn subject_in_common(&self, other: &Self) -> Option<Self> {
        let tokens = tokens_in_common(&self.tokens, &other.tokens)?;
        Some(Self {
            tokens,
            queue: None,
        })
    }

    /// Returns the pattern that matches what both match. `None` if they have nothing in common.
    pub(crate) fn intersection(&self, other: &Self) -> Option<Self> {
        let queue = match (&self.queue, &other.queue) {
            (Some(ours), Some(theirs)) => Some(tokens_in_common(ours, theirs)?),
            (Some(queue), None) | (None, Some(queue)) => Some(queue.clone()),
            (None, None) => None,
        };
        let tokens = tokens_in_common(&self.tokens, &other.tokens)?;
        Some(Self { tokens, queue })
    }

    /// Returns the pattern as a subject. `None` if it is too long for one.
    pub(crate) fn subject(&self) -> Option<PermissionSubject> {
        let mut text = self.tokens.join(".");
        if let Some(queue) = &self.queue {
            text.push(' ');
            text.push_str(&queue.join("."));
        }
        (text.len() <= PermissionSubject::MAX_LEN).then(|| PermissionSubject(text.into()))
    }
}

/// Counts a comparison of two tokens, for tests of the cost of comparing subjects.
#[inline]
pub(super) fn count_comparison() {
    #[cfg(test)]
    COMPARED.with(|compared| compared.set(compared.get() + 1));
}

#[cfg(test)]
thread_local! {
    static COMPARED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Returns the number of tokens that `work` compares.
#[cfg(test)]
pub(crate) fn compared(work: impl FnOnce()) -> u64 {
    COMPARED.set(0);
    work();
    COMPARED.get()
}

/// Returns whether `ours` matches everything that `theirs` matches. `>` stands for one or more
/// tokens.
fn tokens_cover(ours: &[&str], theirs: &[&str]) -> bool {
    count_comparison();
    match (ours.split_first(), theirs.split_first()) {
        (None, None) | (Some((&">", _)), Some(_)) => true,
        (Some((&own, ours)), Some((&other, theirs))) => {
            (own == other || (own == "*" && other != ">")) && tokens_cover(ours, theirs)
        }
        _ => false,
    }
}

fn tokens_overlap(ours: &[&str], theirs: &[&str]) -> bool {
    count_comparison();
    match (ours.split_first(), theirs.split_first()) {
        (None, None) | (Some((&">", _)), Some(_)) | (Some(_), Some((&">", _))) => true,
        (Some((&own, ours)), Some((&other, theirs))) => {
            (own == other || own == "*" || other == "*") && tokens_overlap(ours, theirs)
        }
        _ => false,
    }
}

/// Returns the narrower token at each position, with `>` replaced by the rest of the other subject.
/// `None` if two literals differ, or the lengths do.
fn tokens_in_common<'a>(mut ours: &[&'a str], mut theirs: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut common = Vec::with_capacity(ours.len().max(theirs.len()));
    loop {
        count_comparison();
        match (ours.split_first(), theirs.split_first()) {
            (None, None) => return Some(common),
            (Some((&">", _)), Some(_)) => {
                common.extend_from_slice(theirs);
                return Some(common);
            }
            (Some(_), Some((&">", _))) => {
                common.extend_from_slice(ours);
                return Some(common);
            }
            (Some((&own, our_rest)), Some((&other, their_rest))) => {
                common.push(match (own, other) {
                    (own, "*") => own,
                    ("*", other) => other,
                    (own, other) if own == other => own,
                    _ => return None,
                });
                (ours, theirs) = (our_rest, their_rest);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests;
