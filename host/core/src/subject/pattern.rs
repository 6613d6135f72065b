//! What subjects with wildcards have in common.

use super::PermissionSubject;

/// A subject in its parts. Without a queue group it stands for every way to use the subject.
#[derive(Clone, Debug)]
pub(crate) struct Pattern<'a> {
    tokens: Vec<&'a str>,
    queue: Option<Vec<&'a str>>,
}

impl PermissionSubject {
    /// The queue group of a subscribe permission.
    pub fn queue(&self) -> Option<&str> {
        self.0.split_once(' ').map(|(_, queue)| queue)
    }

    /// Whether everything that `other` matches, this matches too. A subject without a queue group matches
    /// subscriptions with and without one.
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

    /// Whether anything is matched by both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.pattern().overlaps(&other.pattern())
    }

    /// What both match; none if there is nothing, or if it takes more than [`MAX_LEN`](Self::MAX_LEN) bytes to say.
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
        let (subject, queue) = match self.0.split_once(' ') {
            Some((subject, queue)) => (subject, Some(queue)),
            None => (&*self.0, None),
        };
        Pattern {
            tokens: subject.split('.').collect(),
            queue: queue.map(|queue| queue.split('.').collect()),
        }
    }
}

impl<'a> Pattern<'a> {
    /// The tokens of the subject.
    pub(crate) fn tokens(&self) -> &[&'a str] {
        &self.tokens
    }

    /// How many tokens comparing it looks at, its queue group's included.
    pub(crate) fn size(&self) -> usize {
        let queue = self.queue.as_ref().map_or(0, Vec::len);
        self.tokens.len().saturating_add(queue)
    }

    /// The pattern with one more token at the end.
    pub(crate) fn followed_by(&self, token: &'a str) -> Self {
        let mut longer = self.clone();
        longer.tokens.push(token);
        longer
    }

    /// The pattern without its queue group.
    pub(crate) fn plain(self) -> Self {
        Self {
            queue: None,
            ..self
        }
    }

    /// The pattern with `>` in the place of its last token.
    pub(crate) fn open_ended(&self) -> Self {
        let mut open = self.clone();
        open.tokens.pop();
        open.tokens.push(">");
        open
    }
}

impl Pattern<'_> {
    pub(crate) const fn has_queue(&self) -> bool {
        self.queue.is_some()
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

    /// As [`overlaps`](Self::overlaps), whatever the queue groups.
    pub(crate) fn subject_overlaps(&self, other: &Self) -> bool {
        tokens_overlap(&self.tokens, &other.tokens)
    }

    /// The subjects that both match, without queue groups.
    pub(crate) fn subject_in_common(&self, other: &Self) -> Option<Self> {
        let tokens = tokens_in_common(&self.tokens, &other.tokens)?;
        Some(Self {
            tokens,
            queue: None,
        })
    }

    /// The one pattern that matches what both match.
    pub(crate) fn intersection(&self, other: &Self) -> Option<Self> {
        let queue = match (&self.queue, &other.queue) {
            (Some(ours), Some(theirs)) => Some(tokens_in_common(ours, theirs)?),
            (Some(queue), None) | (None, Some(queue)) => Some(queue.clone()),
            (None, None) => None,
        };
        let tokens = tokens_in_common(&self.tokens, &other.tokens)?;
        Some(Self { tokens, queue })
    }

    /// The subject, if it is not too long to be one.
    pub(crate) fn subject(&self) -> Option<PermissionSubject> {
        let mut text = self.tokens.join(".");
        if let Some(queue) = &self.queue {
            text.push(' ');
            text.push_str(&queue.join("."));
        }
        (text.len() <= PermissionSubject::MAX_LEN).then(|| PermissionSubject(text.into()))
    }
}

/// Counts a comparison of two tokens, for tests of what comparing subjects costs.
#[inline]
pub(super) fn count_comparison() {
    #[cfg(test)]
    COMPARED.with(|compared| compared.set(compared.get() + 1));
}

#[cfg(test)]
thread_local! {
    static COMPARED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// How many tokens `work` compares.
#[cfg(test)]
pub(crate) fn compared(work: impl FnOnce()) -> u64 {
    COMPARED.set(0);
    work();
    COMPARED.get()
}

/// Whether `ours` matches whatever `theirs` matches. `>` stands for one token or more.
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

/// Token by token the narrower one; `>` gives way to whatever the other has left.
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
