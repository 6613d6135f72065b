//! The rules by which a host joins the queue group, leaves it and returns.

use std::time::{Duration, Instant};

use super::obstacle::Effect;
use super::options::{ParticipationOptions, WhenAlone};
use super::peers::Others;
use super::standing::Standing;

/// Delay before the first trial after mismatches. Each further delay is twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(10);
/// Maximum delay between two trials.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(5);
/// Number of consecutive equal answers after which a standing changes. A host that stands by then
/// joins as the last one, or the last host leaves.
const CONFIRMATIONS: u32 = 2;

/// The standing of the host, and the state that its changes depend on.
#[derive(Debug)]
pub(super) struct Course {
    options: ParticipationOptions,
    standing: Standing,
    /// The last answers about other hosts: whether one takes part, and the number of consecutive
    /// equal answers.
    answers: (bool, u32),
    retry_after: Duration,
    retry_at: Option<Instant>,
}

/// The facts about the host that one step depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition {
    /// The effect of the obstacles whose end the host can observe while it stands by.
    pub(super) lasting: Effect,
    /// Whether the last requests or permits suggest a fault of the host. Only new ones can end
    /// that.
    pub(super) suspected: bool,
    /// Whether the limit of such requests or permits was reached since the last trial began.
    pub(super) at_limit: bool,
}

impl Condition {
    const fn effect(self) -> Effect {
        match (self.lasting, self.suspected) {
            (Effect::None | Effect::Doubt, true) => Effect::Failure,
            (lasting, _) => lasting,
        }
    }
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

    /// Returns the standing of a host in this `condition`.
    ///
    /// `others` is the answer about other hosts, if the host asked in this step.
    pub(super) fn step(
        &mut self,
        condition: Condition,
        others: Option<Others>,
        now: Instant,
    ) -> Standing {
        let blocked = condition.lasting != Effect::None;
        self.standing = if !blocked && !condition.suspected {
            self.settle();
            Standing::TakesPart
        } else if !blocked && self.is_on_trial(condition.at_limit, now) {
            if self.standing != Standing::OnTrial {
                self.answers = (false, 0);
            }
            Standing::OnTrial
        } else {
            let next = self.step_aside(condition.effect(), others);
            if next == Standing::StandsBy && self.standing != next && !blocked {
                self.retry_at = Some(now + self.retry_after);
                self.retry_after = (self.retry_after * 2).min(MAX_RETRY_DELAY);
            }
            next
        };
        self.standing
    }

    /// Returns whether the standing depends on other hosts, so that the host has to ask for them.
    pub(super) const fn needs_others(&self, condition: Condition) -> bool {
        matches!(condition.effect(), Effect::Doubt | Effect::Failure)
            && matches!(self.options.when_alone, WhenAlone::Deny)
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

    /// Returns the standing of a host with obstacles.
    fn step_aside(&mut self, effect: Effect, others: Option<Others>) -> Standing {
        if effect == Effect::Silence || self.options.when_alone == WhenAlone::Silent {
            return Standing::StandsBy;
        }
        let asked = others.is_some();
        if let Some(others) = others {
            let others = match others {
                Others::TakePart => true,
                Others::Absent => false,
                // A host that admits no client costs logins if another host exists, and has no
                // benefit if not. A host in doubt may be the only one that admits clients.
                Others::Unknown => effect == Effect::Failure,
            };
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
            // One answer suffices, because each further login would be denied.
            Standing::Starting | Standing::TakesPart | Standing::OnTrial if asked && others => {
                Standing::StandsBy
            }
            Standing::Alone if others && sure => Standing::StandsBy,
            Standing::Starting | Standing::StandsBy if !others && sure => Standing::Alone,
            Standing::TakesPart | Standing::OnTrial if asked => Standing::Alone,
            unchanged => unchanged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::mismatches::Mismatches;
    use super::*;

    const TAKE_PART: Option<Others> = Some(Others::TakePart);
    const ABSENT: Option<Others> = Some(Others::Absent);
    const UNKNOWN: Option<Others> = Some(Others::Unknown);

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
                mismatches: Mismatches::new(OPTIONS.max_mismatches),
                now: Instant::now(),
            }
        }

        /// Takes a step as the keeper does: it looks first, and asks only for a host with an
        /// obstacle.
        fn step(&mut self, lasting: Effect, others: Option<Others>) -> Standing {
            let condition = Condition {
                lasting,
                suspected: self.mismatches.suspicion().is_some(),
                at_limit: self.mismatches.reached(),
            };
            let others = others.filter(|_| self.course.needs_others(condition));
            let before = self.course.standing();
            let standing = self.course.step(condition, others, self.now);
            if standing == Standing::OnTrial && before != standing {
                self.mismatches.start_over();
            }
            standing
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
        assert_eq!(host.step(Effect::None, None), Standing::TakesPart);
    }

    #[test]
    fn a_host_that_cannot_decide_stays_out_while_another_takes_part() {
        let mut host = Host::new(WhenAlone::Deny);
        assert_eq!(host.step(Effect::Failure, None), Standing::Starting);
        assert_eq!(host.step(Effect::Failure, TAKE_PART), Standing::StandsBy);
        assert_eq!(
            host.step(Effect::Failure, ABSENT),
            Standing::StandsBy,
            "one miss"
        );
        assert_eq!(host.step(Effect::Failure, TAKE_PART), Standing::StandsBy);
        assert_eq!(host.step(Effect::Failure, ABSENT), Standing::StandsBy);
        assert_eq!(host.step(Effect::Failure, ABSENT), Standing::Alone);
        assert_eq!(
            host.step(Effect::Failure, TAKE_PART),
            Standing::Alone,
            "one sign"
        );
        assert_eq!(host.step(Effect::Failure, TAKE_PART), Standing::StandsBy);
        assert_eq!(host.step(Effect::None, None), Standing::TakesPart);
    }

    #[test]
    fn the_last_host_stays_and_denies_unless_it_is_to_be_silent() {
        let mut host = Host::new(WhenAlone::Deny);
        assert_eq!(host.step(Effect::None, None), Standing::TakesPart);
        assert_eq!(host.step(Effect::Failure, None), Standing::TakesPart);
        assert_eq!(host.step(Effect::Failure, ABSENT), Standing::Alone);
        assert_eq!(host.step(Effect::Failure, None), Standing::Alone);
        let mut silent = Host::new(WhenAlone::Silent);
        assert_eq!(silent.step(Effect::Failure, None), Standing::StandsBy);
        assert_eq!(silent.step(Effect::None, None), Standing::TakesPart);
    }

    #[test]
    fn mismatches_in_a_row_make_a_host_leave_and_come_back_on_trial_ever_later() {
        let mut host = Host::new(WhenAlone::Deny);
        assert_eq!(host.step(Effect::None, None), Standing::TakesPart);
        host.mismatch(2);
        host.mismatches.right();
        host.mismatch(2);
        assert_eq!(host.step(Effect::None, TAKE_PART), Standing::TakesPart);
        host.mismatch(1);
        assert_eq!(host.step(Effect::None, TAKE_PART), Standing::StandsBy);
        for wait in [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4] {
            host.now += wait.saturating_sub(Duration::from_millis(1));
            assert_eq!(host.step(Effect::None, TAKE_PART), Standing::StandsBy);
            host.now += Duration::from_millis(1);
            assert_eq!(host.step(Effect::None, TAKE_PART), Standing::OnTrial);
            host.mismatch(2);
            assert_eq!(host.step(Effect::None, TAKE_PART), Standing::OnTrial);
            host.mismatch(1);
            assert_eq!(host.step(Effect::None, TAKE_PART), Standing::StandsBy);
        }
        host.now += MAX_RETRY_DELAY;
        assert_eq!(host.step(Effect::None, TAKE_PART), Standing::OnTrial);
        host.mismatches.right();
        assert_eq!(host.step(Effect::None, None), Standing::TakesPart);
    }

    #[test]
    fn other_refusals_are_no_mismatches() {
        let mut host = Host::new(WhenAlone::Deny);
        for _ in 0..10 {
            host.mismatches.refused("malformed");
            host.mismatches.refused("foreign");
        }
        assert_eq!(host.step(Effect::None, TAKE_PART), Standing::TakesPart);
    }

    #[test]
    fn a_mismatched_host_that_is_alone_stays() {
        let mut host = Host::new(WhenAlone::Deny);
        host.step(Effect::None, None);
        host.mismatch(3);
        assert_eq!(host.step(Effect::None, ABSENT), Standing::Alone);
        host.mismatches.right();
        assert_eq!(host.step(Effect::None, None), Standing::TakesPart);
    }

    #[test]
    fn a_host_that_may_not_answer_never_takes_logins() {
        let mut host = Host::new(WhenAlone::Deny);
        for others in [None, ABSENT, ABSENT, ABSENT] {
            assert_eq!(host.step(Effect::Silence, others), Standing::StandsBy);
        }
        assert_eq!(host.step(Effect::None, None), Standing::TakesPart);
    }

    #[test]
    fn a_host_that_cannot_find_others_leaves_if_it_lets_no_client_in() {
        let mut host = Host::new(WhenAlone::Deny);
        for _ in 0..3 {
            assert_eq!(host.step(Effect::Failure, UNKNOWN), Standing::StandsBy);
        }
        let mut host = Host::new(WhenAlone::Deny);
        host.step(Effect::None, None);
        host.mismatch(3);
        assert_eq!(host.step(Effect::None, UNKNOWN), Standing::StandsBy);
        let mut host = Host::new(WhenAlone::Deny);
        host.step(Effect::Doubt, UNKNOWN);
        assert_eq!(host.step(Effect::Doubt, UNKNOWN), Standing::Alone);
    }
}
