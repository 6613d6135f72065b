//! Repetition of decisions that exceed their deadline while a version is proved.
//!
//! Deadlines are wall time. On a busy machine, a good policy can exceed its deadline, and one late
//! decision must not refuse a version. A policy that never ends is late every time.

use portcullis_engine::EvaluationError;

/// Number of attempts for one decision.
const ATTEMPTS: usize = 3;

/// Returns the first result of `decide` that is in time, or the result of the last attempt.
pub(crate) fn decide_in_time<T>(decide: impl Fn() -> T, is_late: impl Fn(&T) -> bool) -> T {
    for _ in 1..ATTEMPTS {
        let decided = decide();
        if !is_late(&decided) {
            return decided;
        }
    }
    decide()
}

/// Returns whether a decision failed because its time was over.
pub(crate) const fn is_late<T>(decided: &Result<T, EvaluationError>) -> bool {
    matches!(
        decided,
        Err(EvaluationError::Deadline(_) | EvaluationError::Late(_))
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Returns the result and the number of attempts, if the first `late` of them are late.
    fn attempts(late: usize) -> (usize, usize) {
        let made = Cell::new(0);
        let decide = || {
            made.set(made.get() + 1);
            made.get()
        };
        let decided = decide_in_time(decide, |attempt| *attempt <= late);
        (decided, made.get())
    }

    #[test]
    fn the_first_attempt_in_time_counts() {
        assert_eq!(attempts(0), (1, 1));
        assert_eq!(attempts(2), (3, 3));
    }

    #[test]
    fn a_decision_that_is_always_late_ends_with_the_last_attempt() {
        assert_eq!(attempts(usize::MAX), (ATTEMPTS, ATTEMPTS));
    }
}
