//! One side of a permit under one side of a ceiling.

use std::collections::BTreeSet;

use super::CeilingExceeded;
use crate::subject::Pattern;
use crate::{PermissionSubject, Permit, SubjectPermission};

/// One side of a permit and of its ceiling.
pub(super) struct Side<'a> {
    name: &'static str,
    permit: Lists<'a>,
    ceiling: Lists<'a>,
}

struct Lists<'a> {
    allow: Vec<Entry<'a>>,
    deny: Vec<Entry<'a>>,
}

#[derive(Clone)]
struct Entry<'a> {
    subject: &'a PermissionSubject,
    pattern: Pattern<'a>,
}

/// Lists longer than this are not searched for subjects that others cover: it takes the square of their length.
const MOST_COMPARED: usize = 1024;

impl<'a> Side<'a> {
    pub(super) fn new(
        name: &'static str,
        permit: &'a SubjectPermission,
        ceiling: &'a SubjectPermission,
    ) -> Self {
        Self {
            name,
            permit: Lists::new(permit),
            ceiling: Lists::new(ceiling),
        }
    }

    /// What both allow, less what either denies.
    pub(super) fn clipped(&self) -> Result<SubjectPermission, CeilingExceeded> {
        self.check_queues()?;
        let mut allow = BTreeSet::new();
        for ours in &self.permit.allow {
            for theirs in &self.ceiling.allow {
                let Some(common) = ours.pattern.intersection(&theirs.pattern) else {
                    continue;
                };
                let common = common.subject().ok_or_else(|| CeilingExceeded::TooLong {
                    subject: ours.subject.clone(),
                    ceiling: theirs.subject.clone(),
                })?;
                allow.insert(common);
                // Far beyond what can be left once covered subjects are gone; no reason to compute for ever.
                if allow.len() > 4 * Permit::MAX_SUBJECTS {
                    return Err(CeilingExceeded::TooMany {
                        limit: Permit::MAX_SUBJECTS,
                    });
                }
            }
        }
        let deny = self.permit.deny.iter().chain(&self.ceiling.deny);
        let deny = deny.map(|entry| entry.subject.clone()).collect();
        Ok(SubjectPermission {
            allow: essential(allow, Use::Allow),
            deny: essential(deny, Use::Deny),
        })
    }

    /// Where both sides name queue groups, neither may allow the subject without one. A server reads its lists so that a
    /// queue group named for a subject excludes those that are not named, even if the plain subject is allowed beside it.
    fn check_queues(&self) -> Result<(), CeilingExceeded> {
        for ours in self.permit.queued() {
            for theirs in self.ceiling.queued() {
                let Some(common) = ours.pattern.subject_in_common(&theirs.pattern) else {
                    continue;
                };
                let mut plain = self.permit.plain().chain(self.ceiling.plain());
                if let Some(plain) = plain.find(|plain| plain.pattern.overlaps(&common)) {
                    return Err(CeilingExceeded::MixedQueues {
                        subject: ours.subject.clone(),
                        ceiling: theirs.subject.clone(),
                        plain: plain.subject.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Whether the permit stays below the ceiling.
    pub(super) fn check(&self) -> Result<(), CeilingExceeded> {
        self.permit
            .allow
            .iter()
            .try_for_each(|entry| self.check_entry(entry))
    }

    fn check_entry(&self, entry: &Entry<'_>) -> Result<(), CeilingExceeded> {
        let (side, subject) = (self.name, entry.subject);
        if !self.ceiling.grants(entry) {
            return Err(CeilingExceeded::NotCovered {
                side,
                subject: subject.clone(),
            });
        }
        for denied in &self.ceiling.deny {
            let Some(common) = entry.pattern.intersection(&denied.pattern) else {
                continue;
            };
            let mut ours = self.permit.deny.iter();
            if !ours.any(|own| own.pattern.covers(&common)) {
                return Err(CeilingExceeded::Denied {
                    side,
                    subject: subject.clone(),
                    denied: denied.subject.clone(),
                });
            }
        }
        Ok(())
    }
}

impl<'a> Lists<'a> {
    fn new(permission: &'a SubjectPermission) -> Self {
        let entries = |subjects: &'a [PermissionSubject]| {
            let entry = |subject: &'a PermissionSubject| Entry {
                subject,
                pattern: subject.pattern(),
            };
            subjects.iter().map(entry).collect()
        };
        Self {
            allow: entries(&permission.allow),
            deny: entries(&permission.deny),
        }
    }

    fn queued(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.allow.iter().filter(|entry| entry.pattern.has_queue())
    }

    fn plain(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.allow.iter().filter(|entry| !entry.pattern.has_queue())
    }

    /// Whether one of the allowed subjects lets through all that `entry` does. A plain one does so only where no queue group
    /// is named.
    fn grants(&self, entry: &Entry<'_>) -> bool {
        self.allow.iter().any(|own| {
            own.pattern.covers(&entry.pattern)
                && (own.pattern.has_queue()
                    || !self
                        .queued()
                        .any(|queued| queued.pattern.subject_overlaps(&entry.pattern)))
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Allow,
    Deny,
}

/// The subjects that no other covers.
fn essential(subjects: BTreeSet<PermissionSubject>, side: Use) -> Vec<PermissionSubject> {
    if subjects.len() > MOST_COMPARED {
        return subjects.into_iter().collect();
    }
    let entries: Vec<_> = subjects
        .iter()
        .map(|subject| (subject, subject.pattern()))
        .collect();
    let is_covered = |(subject, pattern): &(&PermissionSubject, Pattern<'_>)| {
        entries.iter().any(|(other, wider)| {
            other != subject
                // Beside a plain subject, one with a queue group is no repetition but a restriction: see `check_queues`.
                && (side == Use::Deny || wider.has_queue() == pattern.has_queue())
                && wider.covers(pattern)
        })
    };
    entries
        .iter()
        .filter(|entry| !is_covered(entry))
        .map(|(subject, _)| (*subject).clone())
        .collect()
}
