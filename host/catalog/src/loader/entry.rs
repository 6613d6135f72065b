//! The loader's record of one policy: the version in service, and the last one that was tried.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::content::Fingerprint;
use crate::directory::PolicyFiles;
use crate::link::LoadedPolicy;
use crate::lint::Finding;
use crate::seen::SeenLogins;
use crate::status::Attempt;
use crate::stop::Stop;
use crate::store::Version;
use crate::tally::Tally;

/// Delay before the first repetition of a proof that ended without a verdict, as at a deadline.
const RETRY_DELAY: Duration = Duration::from_secs(10);
/// Upper bound of the delay between repetitions, which doubles with each failure.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(15);
/// Number of proofs without a verdict after which a policy no longer counts as a known one.
const MAX_FAILURES: u32 = 2;

/// The way in which a pass treats changed files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Loads them, and restores the last good version of a rejected policy. No policy serves yet.
    First,
    /// Loads them.
    Now,
    /// Loads them, and repeats failed attempts.
    Again,
    /// Loads them once they have not changed for this time. A file that is half written, or absent
    /// for a moment, may be valid and mean something else.
    Settled(Duration),
}

impl Pass {
    /// Returns whether the caller waits until every version is loaded.
    const fn waits(self) -> bool {
        matches!(self, Self::First | Self::Now)
    }
}

/// A policy: the version in service, and the state of its files in the directory.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The last good version.
    pub(super) serving: Option<Serving>,
    /// Logins that versions of the policy have decided.
    pub(super) seen: Arc<SeenLogins>,
    /// Decisions that versions of the policy have made.
    pub(super) tally: Arc<Tally>,
    /// Doubtful permissions of the last good version.
    pub(super) findings: Vec<Finding>,
    /// The content that was tried last, so that a failure is reported once.
    pub(super) tried: Option<Observed>,
    /// The text of the last failure, if the same content may succeed later.
    pub(super) transient: Option<String>,
    /// Number of proofs in a row that ended without a verdict.
    pub(super) failures: u32,
    /// Earliest time of the next attempt after a proof without a verdict.
    pub(super) retry_at: Option<Instant>,
    /// The version that waits for its proof or is being proved.
    pub(super) loading: Option<Loading>,
    /// Different content found by a pass, with the time of the first such pass. `None` in place of
    /// the content if the files are gone.
    pub(super) pending: Option<(Option<Observed>, Instant)>,
    /// The result of the last attempt, for the status.
    pub(super) attempt: Option<Attempt>,
}

/// A version that waits for its proof or is being proved.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) found: Observed,
    /// Number of the job. It tells the job's result from that of a cancelled job.
    pub(super) ticket: u64,
    pub(super) cancel: Stop,
}

/// A version in service.
#[derive(Clone, Debug)]
pub(super) struct Serving {
    pub(super) loaded: Arc<LoadedPolicy>,
    pub(super) version: Version,
    /// Start of the time for which the version has served without a break, in seconds since the
    /// Unix epoch.
    pub(super) since: u64,
    pub(super) restored: bool,
}

/// The state of a policy's files in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observed {
    Content(Fingerprint),
    Unreadable(String),
}

/// The action that an entry needs from a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    None,
    Wait,
    Load,
}

impl Entry {
    /// Returns what a pass has to do about `found`. Records content that is still changing.
    pub(super) fn action(&mut self, found: Option<&Observed>, pass: Pass, now: Instant) -> Action {
        let loading = self.loading.as_ref().map(|loading| &loading.found);
        if loading.is_some() && loading == found && !pass.waits() {
            self.pending = None;
            return Action::None;
        }
        if self.tried.as_ref() == found {
            self.pending = None;
            // The newer version is gone from the directory, so its proof must not replace this
            // version.
            self.cancel();
            return if self.is_retried(pass, now) {
                Action::Load
            } else {
                Action::None
            };
        }
        let Pass::Settled(quiet) = pass else {
            return Action::Load;
        };
        match &self.pending {
            Some((pending, since)) if pending.as_ref() == found => {
                if now.saturating_duration_since(*since) >= quiet {
                    Action::Load
                } else {
                    Action::Wait
                }
            }
            _ => {
                self.pending = Some((found.cloned(), now));
                Action::Wait
            }
        }
    }

    /// Returns whether a pass repeats the last attempt.
    fn is_retried(&self, pass: Pass, now: Instant) -> bool {
        let is_due = || self.retry_at.is_none_or(|at| at <= now);
        match pass {
            Pass::Again => true,
            Pass::First | Pass::Now => self.transient.is_some(),
            Pass::Settled(_) => self.transient.is_some() && is_due(),
        }
    }

    /// Cancels the proof that waits or runs.
    pub(super) fn cancel(&mut self) {
        if let Some(loading) = self.loading.take() {
            loading.cancel.stop();
        }
    }

    /// Returns whether the policy is known: a version serves, and recent proofs had a verdict.
    pub(super) const fn is_known(&self) -> bool {
        self.serving.is_some() && self.failures < MAX_FAILURES
    }

    /// Records a proof that had a verdict.
    pub(super) const fn proved(&mut self) {
        self.failures = 0;
        self.retry_at = None;
    }

    /// Records a proof that ended without a verdict, and sets the time of the next attempt.
    pub(super) fn failed_to_prove(&mut self, now: Instant) {
        let doubled = RETRY_DELAY.saturating_mul(1_u32 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.retry_at = now.checked_add(doubled.min(MAX_RETRY_DELAY));
    }
}

impl PolicyFiles {
    pub(super) fn observed(&self) -> Observed {
        match &self.found {
            Ok(fingerprint) => Observed::Content(*fingerprint),
            Err(error) => Observed::Unreadable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_environment::{Clock as _, ManualClock};

    use super::*;

    #[test]
    fn a_proof_without_a_verdict_is_repeated_after_growing_delays() {
        let (settled, clock) = (Pass::Settled(Duration::ZERO), ManualClock::new(0));
        let found = Observed::Unreadable("slow".to_owned());
        let mut entry = Entry {
            tried: Some(found.clone()),
            transient: Some("slow".to_owned()),
            ..Entry::default()
        };
        let action = |entry: &mut Entry, pass| entry.action(Some(&found), pass, clock.now());
        assert_eq!(action(&mut entry, settled), Action::Load);
        for seconds in [10, 20, 40, 80, 160, 320, 640, 900, 900] {
            entry.failed_to_prove(clock.now());
            clock.advance(Duration::from_millis(seconds * 1000 - 1));
            assert_eq!(action(&mut entry, settled), Action::None, "{seconds}");
            assert_eq!(action(&mut entry, Pass::Again), Action::Load);
            clock.advance(Duration::from_millis(1));
            assert_eq!(action(&mut entry, settled), Action::Load, "{seconds}");
        }
        entry.failed_to_prove(clock.now());
        let other = Observed::Unreadable("other".to_owned());
        let load = entry.action(Some(&other), Pass::Now, clock.now());
        assert_eq!(load, Action::Load);
        entry.proved();
        assert_eq!(action(&mut entry, settled), Action::Load);
    }

    #[test]
    fn a_changed_file_is_loaded_once_it_was_quiet() {
        let settled = Pass::Settled(Duration::from_millis(250));
        let (mut entry, clock) = (Entry::default(), ManualClock::new(0));
        let [half, whole] = ["half", "whole"].map(|text| Observed::Unreadable(text.to_owned()));
        assert_eq!(
            entry.action(Some(&half), settled, clock.now()),
            Action::Wait
        );
        clock.advance(Duration::from_millis(249));
        assert_eq!(
            entry.action(Some(&half), settled, clock.now()),
            Action::Wait
        );
        assert_eq!(
            entry.action(Some(&whole), settled, clock.now()),
            Action::Wait
        );
        clock.advance(Duration::from_millis(249));
        assert_eq!(
            entry.action(Some(&whole), settled, clock.now()),
            Action::Wait
        );
        clock.advance(Duration::from_millis(1));
        assert_eq!(
            entry.action(Some(&whole), settled, clock.now()),
            Action::Load
        );
    }

    #[test]
    fn a_version_that_is_gone_again_is_not_waited_for() {
        let settled = Pass::Settled(Duration::ZERO);
        let (old, new) = ["old", "new"]
            .map(|text| Observed::Unreadable(text.to_owned()))
            .into();
        let (cancel, now) = (Stop::default(), ManualClock::new(0).now());
        let mut entry = Entry {
            tried: Some(old.clone()),
            loading: Some(Loading {
                found: new.clone(),
                ticket: 1,
                cancel: cancel.clone(),
            }),
            ..Entry::default()
        };
        assert_eq!(entry.action(Some(&new), settled, now), Action::None);
        assert!(!cancel.is_stopped());
        assert_eq!(entry.action(Some(&old), settled, now), Action::None);
        assert!(cancel.is_stopped() && entry.loading.is_none());
    }
}
