//! What a store holds: the request, the permits under construction, and the accounts of what was used.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, PolicyName, SecretVerifier};
use wasmtime::component::ResourceTable;

use crate::limiter::{Limiter, OutputExceeded};
use crate::limits::Limits;

/// The state behind one instance of a policy.
pub(crate) struct State {
    pub(crate) name: PolicyName,
    pub(crate) phase: Phase,
    pub(crate) verifier: Arc<dyn SecretVerifier>,
    pub(crate) limits: Limits,
    pub(crate) permits: ResourceTable,
    /// What the permits of this decision have taken so far, in bytes.
    pub(crate) permit_bytes: usize,
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
    pub(crate) lines: usize,
    pub(crate) last_error: Option<String>,
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
        }
    }

    /// Counts what a permit is about to take. Not during `configure`, which may try as many permits as its settings ask for.
    pub(crate) fn charge_permit(&mut self, text: &str) -> Result<(), OutputExceeded> {
        /// What an entry takes besides its text, about.
        const ENTRY: usize = 64;
        if matches!(self.phase, Phase::Configure) {
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
