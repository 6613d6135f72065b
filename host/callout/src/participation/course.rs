//! The rules by which a host joins, leaves and returns.

use std::time::{Duration, Instant};

use super::mismatches::Mismatches;
use super::{ParticipationOptions, Standing, WhenAlone};

/// Wait before the first trial after mismatches; every further one takes twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(10);
/// Longest wait between two trials.
const LONGEST_RETRY: Duration = Duration::from_mins(5);
/// Number of equal answers in a row after which a host that stands by joins as the last one, or the last one leaves.
const CONFIRMATIONS: u32 = 2;

/// The host's standing, and what it takes to change it.
#[derive(Debug)]
pub(super) struct Course {
    options: ParticipationOptions,
    standing: Standing,
    /// The last answers about other hosts: what they said, and how many in a row.
    answers: (bool, u32),
    retry_after: Duration,
    retry_at: Option<Instant>,
}

impl Course {
    pub(super) const fn new(options: ParticipationOptions) -> Self {
        Self {
            options,
            standing: Standing::Starting,
            answers: (false, 0),
            retry_after: FIRST_RETRY,
            retry_at: None,
        }
    }

    pub(super) const fn standing(&self) -> Standing {
        self.standing
    }

    /// Returns the standing of a host that is `blocked` by something else than mismatches, or is not.
    ///
    /// `others` says whether another host takes part, if that was asked.
    pub(super) fn step(
        &mut self,
        blocked: bool,
        mismatches: &Mismatches,
        others: Option<bool>,
        now: Instant,
    ) -> Standing {
        let at_limit = mismatches.reached(self.options.max_mismatches);
        let suspected = mismatches.suspicion().is_some();
        self.standing = if !blocked && !suspected {
            self.settle();
            Standing::TakesPart
        } else if !blocked && self.is_on_trial(at_limit, now) {
            if self.standing != Standing::OnTrial {
                mismatches.start_over();
                self.answers = (false, 0);
            }
            Standing::OnTrial
        } else {
            let next = self.step_aside(others);
            if next == Standing::StandsBy && self.standing != next && !blocked {
                self.retry_at = Some(now + self.retry_after);
                self.retry_after = (self.retry_after * 2).min(LONGEST_RETRY);
            }
            next
        };
        self.standing
    }

    /// Whether the standing depends on other hosts, so that they have to be asked.
    pub(super) const fn needs_others(&self, obstructed: bool) -> bool {
        obstructed && matches!(self.options.when_alone, WhenAlone::Deny)
    }

    fn settle(&mut self) {
        self.answers = (false, 0);
        self.retry_after = FIRST_RETRY;
        self.retry_at = None;
    }

    fn is_on_trial(&self, at_limit: bool, now: Instant) -> bool {
        match self.standing {
            Standing::OnTrial => !at_limit,
            Standing::StandsBy => self.retry_at.is_none_or(|at| at <= now),
            _ => false,
        }
    }

    /// Returns the standing of a host that cannot decide.
    fn step_aside(&mut self, others: Option<bool>) -> Standing {
        if self.options.when_alone == WhenAlone::Silent {
            return Standing::StandsBy;
        }
        if let Some(others) = others {
            let (last, times) = self.answers;
            let times = if last == others {
                times.saturating_add(1)
            } else {
                1
            };
            self.answers = (others, times);
        }
        let (others, times) = self.answers;
        let sure = times >= CONFIRMATIONS;
        match self.standing {
            // One answer suffices to spare clients a denial.
            Standing::Starting | Standing::TakesPart | Standing::OnTrial if others => {
                Standing::StandsBy
            }
            Standing::Alone if others && sure => Standing::StandsBy,
            Standing::Starting | Standing::StandsBy if !others && sure => Standing::Alone,
            Standing::TakesPart | Standing::OnTrial => Standing::Alone,
            unchanged => unchanged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: ParticipationOptions = ParticipationOptions {
        max_mismatches: 3,
        when_alone: WhenAlone::Deny,
    };

    struct Host {
        course: Course,
        mismatches: Mismatches,
        now: Instant,
    }

    impl Host {
        fn new(when_alone: WhenAlone) -> Self {
            Self {
                course: Course::new(ParticipationOptions {
                    when_alone,
                    ..OPTIONS
                }),
                mismatches: Mismatches::default(),
                now: Instant::now(),
            }
        }

        fn step(&mut self, blocked: bool, others: Option<bool>) -> Standing {
            self.course
                .step(blocked, &self.mismatches, others, self.now)
        }

        fn mismatch(&self, times: u64) {
            for _ in 0..times {
                self.mismatches.refused("issuer");
            }
        }
    }

    #[test]
    fn a_host_that_can_decide_joins_at_once() {
        let mut host = Host::new(WhenAlone::Deny);
        assert_eq!(host.step(false, None), Standing::TakesPart);
    }

    #[test]
    fn a_host_that_cannot_decide_stays_out_while_another_takes_part() {
        let mut host = Host::new(WhenAlone::Deny);
        assert_eq!(host.step(true, None), Standing::Starting);
        assert_eq!(host.step(true, Some(true)), Standing::StandsBy);
        assert_eq!(host.step(true, Some(false)), Standing::StandsBy, "one miss");
        assert_eq!(host.step(true, Some(true)), Standing::StandsBy);
        assert_eq!(host.step(true, Some(false)), Standing::StandsBy);
        assert_eq!(host.step(true, Some(false)), Standing::Alone);
        assert_eq!(host.step(true, Some(true)), Standing::Alone, "one sign");
        assert_eq!(host.step(true, Some(true)), Standing::StandsBy);
        assert_eq!(host.step(false, None), Standing::TakesPart);
    }

    #[test]
    fn the_last_host_stays_and_denies_unless_it_is_to_be_silent() {
        let mut host = Host::new(WhenAlone::Deny);
        assert_eq!(host.step(false, None), Standing::TakesPart);
        assert_eq!(host.step(true, None), Standing::Alone);
        assert_eq!(host.step(true, Some(false)), Standing::Alone);
        let mut silent = Host::new(WhenAlone::Silent);
        assert_eq!(silent.step(true, None), Standing::StandsBy);
        assert_eq!(silent.step(false, None), Standing::TakesPart);
    }

    #[test]
    fn mismatches_in_a_row_make_a_host_leave_and_come_back_on_trial_ever_later() {
        let mut host = Host::new(WhenAlone::Deny);
        assert_eq!(host.step(false, None), Standing::TakesPart);
        host.mismatch(2);
        host.mismatches.right();
        host.mismatch(2);
        assert_eq!(host.step(false, Some(true)), Standing::TakesPart);
        host.mismatch(1);
        assert_eq!(host.step(false, Some(true)), Standing::StandsBy);
        for wait in [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4] {
            host.now += wait.saturating_sub(Duration::from_millis(1));
            assert_eq!(host.step(false, Some(true)), Standing::StandsBy);
            host.now += Duration::from_millis(1);
            assert_eq!(host.step(false, Some(true)), Standing::OnTrial);
            host.mismatch(2);
            assert_eq!(host.step(false, Some(true)), Standing::OnTrial);
            host.mismatch(1);
            assert_eq!(host.step(false, Some(true)), Standing::StandsBy);
        }
        host.now += LONGEST_RETRY;
        assert_eq!(host.step(false, Some(true)), Standing::OnTrial);
        host.mismatches.right();
        assert_eq!(host.step(false, None), Standing::TakesPart);
    }

    #[test]
    fn other_refusals_are_no_mismatches() {
        let mut host = Host::new(WhenAlone::Deny);
        for _ in 0..10 {
            host.mismatches.refused("malformed");
            host.mismatches.refused("foreign");
        }
        assert_eq!(host.step(false, Some(true)), Standing::TakesPart);
    }

    #[test]
    fn a_mismatched_host_that_is_alone_stays() {
        let mut host = Host::new(WhenAlone::Deny);
        host.step(false, None);
        host.mismatch(3);
        assert_eq!(host.step(false, Some(false)), Standing::Alone);
        host.mismatches.right();
        assert_eq!(host.step(false, None), Standing::TakesPart);
    }
}
