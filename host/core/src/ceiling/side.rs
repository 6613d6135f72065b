//! One side of a permit under one side of a ceiling.

use std::collections::BTreeSet;

use super::exceeded::CeilingExceeded;
use crate::subject::{Entry, SubjectSet};
use crate::work::{WorkBudget, WorkExceeded};
use crate::{PermissionSubject, Permit, SubjectPermission};

/// One side of a permit, publish or subscribe, and the same side of its ceiling.
pub(super) struct Side<'a> {
    name: &'static str,
    permit: Lists<'a>,
    ceiling: Lists<'a>,
}

struct Lists<'a> {
    allow: Vec<Entry<'a>>,
    deny: Vec<Entry<'a>>,
}

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

    /// Returns what both allow, minus what either denies.
    pub(super) fn clipped(
        &self,
        work: &mut WorkBudget,
    ) -> Result<SubjectPermission, CeilingExceeded> {
        self.check_queues(work)?;
        let ceiling = SubjectSet::new(&self.ceiling.allow, work)?;
        let mut allow = BTreeSet::new();
        for ours in &self.permit.allow {
            for theirs in ceiling.overlapping(&ours.pattern, work)? {
                work.spend(ours.pattern.size().saturating_add(theirs.pattern.size()))?;
                let Some(common) = ours.pattern.intersection(&theirs.pattern) else {
                    continue;
                };
                let common = common.subject().ok_or_else(|| CeilingExceeded::TooLong {
                    subject: ours.subject.clone(),
                    ceiling: theirs.subject.clone(),
                })?;
                allow.insert(common);
                // INVARIANT: the list stays bounded. `essential` cannot reduce this many subjects
                // to a valid permit, so more work is pointless.
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
            allow: essential(&allow, Use::Allow, work)?,
            deny: essential(&deny, Use::Deny, work)?,
        })
    }

    /// Checks that neither side allows the plain subject where both name queue groups.
    ///
    /// If a server finds a queue group named for a subject, it excludes all queue groups that are
    /// not named. The plain subject in the same list does not change that.
    fn check_queues(&self, work: &mut WorkBudget) -> Result<(), CeilingExceeded> {
        if self.permit.queued().next().is_none() {
            return Ok(());
        }
        let ceiling = SubjectSet::new(self.ceiling.queued(), work)?;
        let plain = SubjectSet::new(self.permit.plain().chain(self.ceiling.plain()), work)?;
        for ours in self.permit.queued() {
            for theirs in ceiling.overlapping(&ours.pattern, work)? {
                work.spend(ours.pattern.size().saturating_add(theirs.pattern.size()))?;
                let Some(common) = ours.pattern.subject_in_common(&theirs.pattern) else {
                    continue;
                };
                if let Some(plain) = plain.overlapping(&common, work)?.first() {
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

    /// Checks that the permit stays within the ceiling.
    pub(super) fn check(&self, work: &mut WorkBudget) -> Result<(), CeilingExceeded> {
        let ceiling = Grants::new(&self.ceiling, work)?;
        let denied = SubjectSet::new(&self.ceiling.deny, work)?;
        let own = SubjectSet::new(&self.permit.deny, work)?;
        for entry in &self.permit.allow {
            let (side, subject) = (self.name, entry.subject);
            if !ceiling.cover(entry, work)? {
                return Err(CeilingExceeded::NotCovered {
                    side,
                    subject: subject.clone(),
                });
            }
            if let Some(denied) = undenied(entry, &denied, &own, work)? {
                return Err(CeilingExceeded::Denied {
                    side,
                    subject: subject.clone(),
                    denied: denied.clone(),
                });
            }
        }
        Ok(())
    }

    /// Returns whether the ceiling allows everything that clients can request with `subject`, which
    /// ends in a `*` that servers cannot hold to one token. What the ceiling denies of that, the
    /// permit has to deny too.
    pub(super) fn allows_open_ended(
        &self,
        subject: &PermissionSubject,
        work: &mut WorkBudget,
    ) -> Result<bool, WorkExceeded> {
        let mut entry = Entry::new(subject);
        entry.pattern = entry.pattern.open_ended();
        if !Grants::new(&self.ceiling, work)?.cover(&entry, work)? {
            return Ok(false);
        }
        let denied = SubjectSet::new(&self.ceiling.deny, work)?;
        let own = SubjectSet::new(&self.permit.deny, work)?;
        Ok(undenied(&entry, &denied, &own, work)?.is_none())
    }
}

/// Returns the first subject of `denied` that overlaps `entry` without a subject of `own` that
/// covers what they have in common.
fn undenied<'a>(
    entry: &Entry<'_>,
    denied: &SubjectSet<'_, 'a>,
    own: &SubjectSet<'_, '_>,
    work: &mut WorkBudget,
) -> Result<Option<&'a PermissionSubject>, WorkExceeded> {
    for denied in denied.overlapping(&entry.pattern, work)? {
        work.spend(entry.pattern.size().saturating_add(denied.pattern.size()))?;
        let Some(common) = entry.pattern.intersection(&denied.pattern) else {
            continue;
        };
        let own = own.covering(&common, work)?;
        work.spend(own.len().saturating_mul(common.size()))?;
        if !own.iter().any(|own| own.pattern.covers(&common)) {
            return Ok(Some(denied.subject));
        }
    }
    Ok(None)
}

impl<'a> Lists<'a> {
    fn new(permission: &'a SubjectPermission) -> Self {
        Self {
            allow: Entry::list(&permission.allow),
            deny: Entry::list(&permission.deny),
        }
    }

    fn queued(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.allow.iter().filter(|entry| entry.pattern.has_queue())
    }

    fn plain(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.allow.iter().filter(|entry| !entry.pattern.has_queue())
    }
}

/// The allowed subjects of one side, indexed for repeated queries.
struct Grants<'s, 'a> {
    allow: SubjectSet<'s, 'a>,
    queued: SubjectSet<'s, 'a>,
}

impl<'s, 'a> Grants<'s, 'a> {
    fn new(lists: &'s Lists<'a>, work: &mut WorkBudget) -> Result<Self, WorkExceeded> {
        Ok(Self {
            allow: SubjectSet::new(&lists.allow, work)?,
            queued: SubjectSet::new(lists.queued(), work)?,
        })
    }

    /// Returns whether one of the allowed subjects covers `entry`. A plain subject does so only if
    /// no entry with a queue group overlaps.
    fn cover(&self, entry: &Entry<'_>, work: &mut WorkBudget) -> Result<bool, WorkExceeded> {
        let wider = self.allow.covering(&entry.pattern, work)?;
        work.spend(wider.len().saturating_mul(entry.pattern.size()))?;
        let mut wider = wider
            .iter()
            .filter(|own| own.pattern.covers(&entry.pattern));
        if wider.clone().any(|own| own.pattern.has_queue()) {
            return Ok(true);
        }
        Ok(wider.next().is_some() && self.queued.overlapping(&entry.pattern, work)?.is_empty())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Allow,
    Deny,
}

/// Returns the subjects that no other subject of the list covers.
fn essential(
    subjects: &BTreeSet<PermissionSubject>,
    side: Use,
    work: &mut WorkBudget,
) -> Result<Vec<PermissionSubject>, WorkExceeded> {
    let entries = Entry::list(subjects);
    let set = SubjectSet::new(&entries, work)?;
    let mut essential = Vec::with_capacity(entries.len());
    for entry in &entries {
        let wider = set.covering(&entry.pattern, work)?;
        work.spend(wider.len().saturating_mul(entry.pattern.size()))?;
        let is_covered = wider.iter().any(|wider| {
            wider.subject != entry.subject
                // Next to a plain subject, one with a queue group is a restriction and not
                // redundant: see `check_queues`.
                && (side == Use::Deny || wider.pattern.has_queue() == entry.pattern.has_queue())
                && wider.pattern.covers(&entry.pattern)
        });
        if !is_covered {
            essential.push(entry.subject.clone());
        }
    }
    Ok(essential)
}
