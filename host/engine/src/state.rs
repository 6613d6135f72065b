//! What a store holds: the request, the permits under construction, and the accounts of what was used.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, PolicyName, SecretVerifier};
use wasmtime::component::ResourceTable;

use crate::limits::{Limiter, Limits};

/// The state behind one instance of a policy.
pub(crate) struct State {
    pub(crate) name: PolicyName,
    pub(crate) phase: Phase,
    pub(crate) verifier: Arc<dyn SecretVerifier>,
    pub(crate) permits: ResourceTable,
    pub(crate) limiter: Limiter,
    pub(crate) clock: GuestClock,
    pub(crate) log: GuestLog,
}

/// What the policy is doing.
pub(crate) enum Phase {
    /// Taking its settings: there is no request to ask about.
    Configure,
    /// Deciding.
    Decide {
        /// The request.
        request: Arc<AuthorizationRequest>,
        /// When its answer is too late.
        deadline: Instant,
    },
}

/// Measures the time a policy spends in its own code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestClock {
    started: Instant,
    lent: Duration,
    limit: Duration,
    /// When the answer is too late, whoever used the time.
    deadline: Option<Instant>,
}

/// Counts a policy's log lines and keeps the last error among them: a panic message arrives there just
/// before its trap.
#[derive(Debug, Default)]
pub(crate) struct GuestLog {
    pub(crate) lines: u32,
    pub(crate) last_error: Option<String>,
}

impl State {
    pub(crate) fn new(
        name: PolicyName,
        phase: Phase,
        verifier: Arc<dyn SecretVerifier>,
        memory: usize,
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
        let mut permits = ResourceTable::new();
        permits.set_max_capacity(Limits::PERMITS);
        Self {
            name,
            phase,
            verifier,
            permits,
            limiter: Limiter::new(memory),
            clock,
            log: GuestLog::default(),
        }
    }
}

impl GuestClock {
    /// Runs `work` on the policy's behalf without charging it.
    pub(crate) fn lend<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = Instant::now();
        let result = work();
        self.lent = self.lent.saturating_add(before.elapsed());
        result
    }

    /// What the policy may still use; none once it has used it all or the request's deadline has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let now = Instant::now();
        let used = now
            .saturating_duration_since(self.started)
            .saturating_sub(self.lent);
        let own = self.limit.saturating_sub(used);
        let remaining = match self.deadline {
            Some(deadline) => own.min(deadline.saturating_duration_since(now)),
            None => own,
        };
        (!remaining.is_zero()).then_some(remaining)
    }
}
