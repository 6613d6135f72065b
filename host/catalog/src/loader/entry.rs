//! One policy as the loader knows it: the version that serves, and the last one that was tried.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::content::Fingerprint;
use crate::directory::Unit;
use crate::prover::Stop;
use crate::snapshot::LoadedPolicy;
use crate::status::Attempt;
use crate::store::Version;

/// Delay before the first repetition of a proof that ended without a verdict, as at a deadline.
const RETRY_DELAY: Duration = Duration::from_secs(10);
/// Upper bound of that delay, which doubles with each failure.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(15);
/// Number of proofs without a verdict after which a policy no longer counts as a good one.
const MAX_FAILURES: u32 = 2;

/// How a pass treats what it finds changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Loads it, and the last good version in place of what is not good: nothing serves yet.
    First,
    /// Loads it.
    Now,
    /// Loads it, and tries again what failed before.
    Again,
    /// Loads it once it has been the same for so long: a file that is half written, or away for a moment, may make
    /// sense and mean something else.
    Settled(Duration),
}

impl Pass {
    /// Returns whether the caller waits until everything is loaded.
    const fn waits(self) -> bool {
        matches!(self, Self::First | Self::Now)
    }
}

/// A policy: the version in service, and what is known of the files in the directory.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The last good version.
    pub(super) serving: Option<Serving>,
    /// What was tried last, so that the same failure is reported once.
    pub(super) tried: Option<Tried>,
    /// Why it failed, if it did and may do better another time.
    pub(super) transient: Option<String>,
    /// Number of proofs in a row that ended without a verdict.
    pub(super) failures: u32,
    /// Earliest time of the next try of what failed without a verdict.
    pub(super) retry_at: Option<Instant>,
    /// The version that is waiting to be proved, or being proved.
    pub(super) loading: Option<Loading>,
    /// What was found instead, and since when.
    pub(super) pending: Option<(Option<Tried>, Instant)>,
    /// How the last try went, for the status.
    pub(super) attempt: Option<Attempt>,
}

/// A version that is waiting to be proved, or being proved.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) found: Tried,
    /// Number of the job, to tell its result from that of a job that was cancelled.
    pub(super) ticket: u64,
    pub(super) cancel: Stop,
}

/// A version in service.
#[derive(Clone, Debug)]
pub(super) struct Serving {
    pub(super) loaded: Arc<LoadedPolicy>,
    pub(super) version: Version,
    /// Start of the time for which it has served without a break, in seconds since the Unix epoch.
    pub(super) since: u64,
    pub(super) restored: bool,
}

/// What lies in the directory under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    Content(Fingerprint),
    Unreadable(String),
}

/// What an entry wants of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    Nothing,
    Time,
    Loading,
}

impl Entry {
    /// Whether a pass has to do something about `found`. Notes what is still changing.
    pub(super) fn wants(&mut self, found: Option<&Tried>, pass: Pass) -> Wants {
        let loading = self.loading.as_ref().map(|loading| &loading.found);
        if loading.is_some() && loading == found && !pass.waits() {
            self.pending = None;
            return Wants::Nothing;
        }
        if self.tried.as_ref() == found {
            self.pending = None;
            // A newer version that is gone again is not to replace this one.
            self.cancel();
            return if self.is_retried(pass) {
                Wants::Loading
            } else {
                Wants::Nothing
            };
        }
        let Pass::Settled(quiet) = pass else {
            return Wants::Loading;
        };
        match &self.pending {
            Some((pending, since)) if pending.as_ref() == found => {
                if since.elapsed() >= quiet {
                    Wants::Loading
                } else {
                    Wants::Time
                }
            }
            _ => {
                self.pending = Some((found.cloned(), Instant::now()));
                Wants::Time
            }
        }
    }

    /// Returns whether a pass tries again what was tried before.
    fn is_retried(&self, pass: Pass) -> bool {
        let is_due = || self.retry_at.is_none_or(|at| at <= Instant::now());
        match pass {
            Pass::Again => true,
            Pass::First | Pass::Now => self.transient.is_some(),
            Pass::Settled(_) => self.transient.is_some() && is_due(),
        }
    }

    /// Cancels the proof that is waiting or under way.
    pub(super) fn cancel(&mut self) {
        if let Some(loading) = self.loading.take() {
            loading.cancel.stop();
        }
    }

    /// Returns whether the policy has proved well so far.
    pub(super) const fn is_known(&self) -> bool {
        self.serving.is_some() && self.failures < MAX_FAILURES
    }

    /// Records a proof that came to a verdict.
    pub(super) const fn proved(&mut self) {
        self.failures = 0;
        self.retry_at = None;
    }

    /// Records a proof that ended without a verdict, and sets when it is repeated.
    pub(super) fn failed_to_prove(&mut self) {
        let doubled = RETRY_DELAY.saturating_mul(1_u32 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Instant::now().checked_add(doubled.min(MAX_RETRY_DELAY));
    }
}

impl Unit {
    pub(super) fn tried(&self) -> Tried {
        match &self.found {
            Ok(fingerprint) => Tried::Content(*fingerprint),
            Err(error) => Tried::Unreadable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_verdict_is_tried_again_later_and_later() {
        let settled = Pass::Settled(Duration::ZERO);
        let found = Tried::Unreadable("slow".to_owned());
        let mut entry = Entry {
            tried: Some(found.clone()),
            transient: Some("slow".to_owned()),
            ..Entry::default()
        };
        assert_eq!(entry.wants(Some(&found), settled), Wants::Loading);
        let mut before = Duration::ZERO;
        for _ in 0..40 {
            entry.failed_to_prove();
            let delay = entry
                .retry_at
                .unwrap()
                .saturating_duration_since(Instant::now());
            assert!(delay + Duration::from_secs(1) >= before && delay <= MAX_RETRY_DELAY);
            before = delay;
            assert_eq!(entry.wants(Some(&found), settled), Wants::Nothing);
            assert_eq!(entry.wants(Some(&found), Pass::Again), Wants::Loading);
        }
        assert!(before > MAX_RETRY_DELAY / 2);
        let other = Tried::Unreadable("other".to_owned());
        assert_eq!(entry.wants(Some(&other), Pass::Now), Wants::Loading);
        entry.proved();
        assert_eq!(entry.wants(Some(&found), settled), Wants::Loading);
    }

    #[test]
    fn a_version_that_is_gone_again_is_not_waited_for() {
        let settled = Pass::Settled(Duration::ZERO);
        let (old, new) = ["old", "new"]
            .map(|text| Tried::Unreadable(text.to_owned()))
            .into();
        let cancel = Stop::default();
        let mut entry = Entry {
            tried: Some(old.clone()),
            loading: Some(Loading {
                found: new.clone(),
                ticket: 1,
                cancel: cancel.clone(),
            }),
            ..Entry::default()
        };
        assert_eq!(entry.wants(Some(&new), settled), Wants::Nothing);
        assert!(!cancel.is_stopped());
        assert_eq!(entry.wants(Some(&old), settled), Wants::Nothing);
        assert!(cancel.is_stopped() && entry.loading.is_none());
    }
}
