//! Attempts to decide on threads that should not be kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, Verdict};

use crate::evaluation::EvaluationError;
use crate::policy::Policy;

/// An attempt to decide that was given up.
#[derive(Clone, Copy, Debug)]
pub struct GaveUp {
    /// How many lines the policy logged.
    lines: usize,
}

/// A decision that failed.
pub(crate) struct Failed {
    pub(crate) error: EvaluationError,
    /// How many lines the policy logged.
    pub(crate) lines: usize,
}

impl Policy {
    /// As [`decide`](Self::decide), but gives up once the policy's own code has run for `at_most`, if it may run for longer: for
    /// threads that should not be kept. Slow password hashes do not count.
    ///
    /// # Errors
    ///
    /// When it was given up; what [`decide`](Self::decide) comes to if not.
    pub fn begin(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
        at_most: Duration,
    ) -> Result<Result<Verdict, EvaluationError>, GaveUp> {
        let limit = self.limit(deadline);
        let key_values = self.engine().key_values();
        let decided = self.decide_in(key_values, request, deadline, limit.min(at_most), 0);
        match decided {
            Err(Failed {
                error: EvaluationError::Deadline(_),
                lines,
            }) if at_most < limit => Err(GaveUp { lines }),
            decided => Ok(decided.map_err(|failed| failed.error)),
        }
    }

    /// As [`decide`](Self::decide), after an attempt that was given up. So many lines as the policy logged then are not logged again: on
    /// one request it does the same every time, unless what it looks up has changed.
    ///
    /// # Errors
    ///
    /// As [`decide`](Self::decide).
    pub fn decide_after(
        &self,
        attempt: GaveUp,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Result<Verdict, EvaluationError> {
        let limit = self.limit(deadline);
        let key_values = self.engine().key_values();
        self.decide_in(key_values, request, deadline, limit, attempt.lines)
            .map_err(|failed| failed.error)
    }
}
