//! State of a store: the request, permits under construction, and counters of use.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, PolicyName, SecretVerifier};
use wasmtime::component::ResourceTable;

use crate::comparisons::{Comparisons, ComparisonsExceeded};
use crate::limiter::{Limiter, OutputExceeded};
use crate::limits::Limits;
use crate::look_up::LookUps;
use crate::text::truncate;

/// The state behind one instance of a policy.
pub(crate) struct State {
    pub(crate) name: PolicyName,
    pub(crate) phase: Phase,
    pub(crate) verifier: Arc<dyn SecretVerifier>,
    pub(crate) limits: Limits,
    pub(crate) permits: ResourceTable,
    /// Size of all permits of this decision so far, in bytes.
    pub(crate) permit_bytes: usize,
    pub(crate) limiter: Limiter,
    pub(crate) clock: GuestClock,
    pub(crate) log: GuestLog,
    /// Fuel of the decision, if it is metered.
    pub(crate) fuel: u64,
    /// Questions of the policy, if they are recorded.
    pub(crate) asked: Option<Questions>,
    /// Look-ups of a policy with granted buckets.
    pub(crate) look_ups: Option<LookUps>,
    /// Whether `plain:` forms are granted.
    pub(crate) plain_hashes: bool,
    /// Whether secrets match no slow hash, and none is computed.
    pub(crate) skips_slow_hashes: bool,
    /// Number of comparisons of secrets in this decision.
    comparisons: usize,
    /// Comparisons of all policies that decide about this login, if they are counted together.
    pub(crate) comparisons_of_login: Option<Arc<Comparisons>>,
    /// Whether the policy is being loaded, in which case it may build any number of permits.
    is_loading: bool,
}

/// The questions of a policy, each once, in the order in which it first asked them.
#[derive(Debug, Default)]
pub(crate) struct Questions(RefCell<Vec<String>>);

impl Questions {
    /// Maximum number of recorded questions. Only a policy that varies its questions asks more.
    const MAX_RECORDED: usize = 256;

    fn record(&self, question: &str, about: Option<&str>) {
        let mut asked = self.0.borrow_mut();
        if asked.len() >= Self::MAX_RECORDED {
            return;
        }
        let mut text = question.to_owned();
        if let Some(about) = about {
            let mut about = about.to_owned();
            truncate(&mut about, 128);
            text = format!("{text}({})", about.escape_debug());
        }
        if !asked.contains(&text) {
            asked.push(text);
        }
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    pub(crate) fn into_texts(self) -> Vec<String> {
        self.0.into_inner()
    }
}

/// The phase of a policy.
#[derive(Clone)]
pub(crate) enum Phase {
    /// The policy receives its settings. There is no request yet.
    Configure,
    /// The policy decides.
    Decide {
        /// Request of the decision.
        request: Arc<AuthorizationRequest>,
        /// Time after which the answer is too late.
        deadline: Instant,
    },
}

/// A clock of the time that a policy spends in its own code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestClock {
    started: Instant,
    lent: Duration,
    limit: Duration,
    /// Time after which the answer is too late, regardless of where time was spent.
    deadline: Option<Instant>,
}

/// The counter of a policy's log lines. It keeps the last line if that is an error, because a panic
/// message arrives just before its trap.
#[derive(Debug, Default)]
pub(crate) struct GuestLog {
    pub(crate) lines: usize,
    /// Number of lines that an earlier attempt at the same decision has logged.
    pub(crate) logged: usize,
    pub(crate) last_error: Option<String>,
    /// Lines with their levels, if they are recorded for a policy's tests.
    pub(crate) kept: Option<Vec<String>>,
}

impl GuestLog {
    /// Returns the number of lines that were dropped because a decision may log at most `limit`.
    pub(crate) const fn dropped(&self, limit: usize) -> usize {
        self.lines.saturating_sub(limit)
    }
}

impl State {
    pub(crate) fn new(
        name: PolicyName,
        phase: Phase,
        verifier: Arc<dyn SecretVerifier>,
        limits: Limits,
        time: Duration,
    ) -> Self {
        let clock = GuestClock {
            started: Instant::now(),
            lent: Duration::ZERO,
            limit: time,
            deadline: match phase {
                Phase::Configure => None,
                Phase::Decide { deadline, .. } => Some(deadline),
            },
        };
        let is_loading = matches!(phase, Phase::Configure);
        let mut permits = ResourceTable::new();
        permits.set_max_capacity(Limits::PERMITS);
        Self {
            name,
            phase,
            verifier,
            limiter: Limiter::new(&limits),
            limits,
            permits,
            permit_bytes: 0,
            clock,
            log: GuestLog::default(),
            fuel: u64::MAX,
            asked: None,
            look_ups: None,
            plain_hashes: false,
            skips_slow_hashes: false,
            comparisons: 0,
            comparisons_of_login: None,
            is_loading,
        }
    }

    /// Returns the state with `plain:` forms granted or not.
    pub(crate) fn allowing_plain_hashes(self, plain_hashes: bool) -> Self {
        Self {
            plain_hashes,
            ..self
        }
    }

    /// Resets the state before an instance makes another decision.
    pub(crate) fn begin_again(&mut self, phase: Phase, time: Duration) {
        let (name, verifier) = (self.name.clone(), Arc::clone(&self.verifier));
        let next = Self::new(name, phase, verifier, self.limits, time);
        // The instance keeps its memory, so the limiter keeps its count.
        let (limiter, plain_hashes) = (self.limiter, self.plain_hashes);
        *self = Self {
            limiter,
            plain_hashes,
            ..next
        };
    }

    /// Resets the count of comparisons.
    #[cfg(feature = "measure")]
    pub(crate) const fn forget_comparisons(&mut self) {
        self.comparisons = 0;
    }

    /// Counts a comparison of a secret with a hash. Fails if the decision, or the login over all of
    /// its policies, has reached its limit.
    pub(crate) fn charge_comparison(&mut self) -> Result<(), ComparisonsExceeded> {
        let limit = self.limits.comparisons;
        if self.comparisons >= limit {
            return Err(ComparisonsExceeded::Policy { limit });
        }
        if let Some(comparisons) = &self.comparisons_of_login {
            comparisons.charge()?;
        }
        self.comparisons = self.comparisons.saturating_add(1);
        Ok(())
    }

    /// Records a question of the policy, with its argument.
    pub(crate) fn record(&self, question: &str, about: Option<&str>) {
        if let Some(asked) = &self.asked {
            asked.record(question, about);
        }
    }

    /// Counts the size of a text for a permit. Counts nothing while the policy is loaded, because
    /// its `configure` may build any number of permits in the process that loads it. A `configure`
    /// that runs before a decision counts.
    pub(crate) fn charge_permit(&mut self, text: &str) -> Result<(), OutputExceeded> {
        /// Approximate size of an entry in addition to its text, in bytes.
        const ENTRY: usize = 64;
        if self.is_loading {
            return Ok(());
        }
        let limit = Limits::PERMIT_BYTES;
        self.permit_bytes = self
            .permit_bytes
            .saturating_add(text.len())
            .saturating_add(ENTRY);
        if self.permit_bytes > limit {
            return Err(OutputExceeded::PermitBytes { limit });
        }
        Ok(())
    }
}

impl GuestClock {
    /// Returns the time limit of the policy.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Runs `work` on the policy's behalf without charging its time.
    pub(crate) fn lend<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = Instant::now();
        let result = work();
        self.lent = self.lent.saturating_add(before.elapsed());
        result
    }

    /// Returns whether the request's deadline has passed before the policy has used up `own`, its
    /// time for a decision.
    pub(crate) fn is_late(&self, own: Duration) -> bool {
        let now = Instant::now();
        self.deadline.is_some_and(|deadline| deadline <= now) && self.used(now) < own
    }

    /// Returns the time that the policy has spent in its own code.
    fn used(&self, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.started);
        elapsed.saturating_sub(self.lent)
    }

    /// Returns the remaining time of the policy. `None` once it has used all of it, or the
    /// request's deadline has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let now = Instant::now();
        let own = self.limit.saturating_sub(self.used(now));
        let remaining = match self.deadline {
            Some(deadline) => own.min(deadline.saturating_duration_since(now)),
            None => own,
        };
        (!remaining.is_zero()).then_some(remaining)
    }
}
