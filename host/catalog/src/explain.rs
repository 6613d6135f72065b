//! One decision with each of its steps, for operators and policy authors.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{
    AuthorizationRequest, Decision, Denial, KeyValues, Permit, PolicyName, PolicyRef, Verdict,
};
use portcullis_engine::{EvaluationError, Recorded};

use crate::link::Link;
use crate::snapshot::{Role, Snapshot};

/// A decision with its steps.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The decision, before the host's own rules.
    pub decision: Decision,
    /// Name of the chain for some logins that decided. `None` for the chain for the other logins.
    pub chain: Option<String>,
    /// The evaluations, in order.
    pub steps: Vec<Step>,
    /// The policies that were not asked, because an earlier one decided, in order.
    pub not_asked: Vec<PolicyName>,
}

/// The evaluation of one policy.
#[derive(Clone, Debug)]
pub struct Step {
    /// The version of the policy.
    pub policy: Arc<PolicyRef>,
    /// Whether the policy is a guard, whose permits count as abstentions.
    pub is_guard: bool,
    /// The answer of the policy.
    pub answer: Answer,
    /// The questions that the policy asked the host, each once, such as `identity.claim(roles)`.
    pub asked: Vec<String>,
    /// The log lines of the policy, with levels, such as `warn: no such user`.
    pub log: Vec<String>,
    /// Duration of the evaluation.
    pub elapsed: Duration,
}

/// The answer of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a few live at a time, and most are permits"
)]
pub enum Answer {
    /// The policy permits the login.
    Permit(Permit),
    /// The policy denies the login, for this reason.
    Deny(String),
    /// The policy leaves the decision to the next policy.
    Abstain,
    /// The policy did not answer. The host denies the login.
    Failed(Denial),
}

impl From<&Result<Verdict, EvaluationError>> for Answer {
    fn from(verdict: &Result<Verdict, EvaluationError>) -> Self {
        match verdict {
            Ok(Verdict::Permit(permit)) => Self::Permit(permit.clone()),
            Ok(Verdict::Deny(reason)) => Self::Deny(reason.clone()),
            Ok(Verdict::Abstain) => Self::Abstain,
            Err(error) => Self::Failed(error.denial()),
        }
    }
}

impl Snapshot {
    /// Decides as [`decide`](Self::decide) does, and records each step. Policies look up keys in
    /// `key_values`. Blocks.
    pub fn explain(
        &self,
        request: &Arc<AuthorizationRequest>,
        deadline: Instant,
        key_values: &Arc<dyn KeyValues>,
    ) -> Explained {
        let mut progress = self.start();
        let comparisons = Arc::clone(&progress.comparisons);
        let steps = RefCell::new(Vec::new());
        let asked = self.ask(&mut progress, request, deadline, |loaded, _, _| {
            let began = self.clock.now();
            let recorded = loaded
                .policy
                .evaluate(Arc::clone(request), deadline)
                .with_comparisons(&comparisons)
                .with_key_values(key_values)
                .run_recorded();
            let elapsed = self.clock.elapsed(began);
            let Recorded {
                verdict,
                asked,
                log,
            } = recorded;
            steps.borrow_mut().push(Step {
                policy: Arc::clone(&loaded.reference),
                is_guard: false,
                answer: Answer::from(&verdict),
                asked,
                log,
                elapsed,
            });
            Ok::<_, Infallible>(verdict)
        });
        let Ok((outcome, policy)) = asked;
        let (route, links) = self.links_of(request);
        let mut steps = steps.into_inner();
        let mut not_asked = Vec::new();
        for (index, (link, role)) in links.enumerate() {
            match (steps.get_mut(index), link) {
                (Some(step), _) => step.is_guard = role == Role::Guard,
                (None, Link::Policy(loaded)) => not_asked.push(loaded.reference.name.clone()),
                (None, Link::Missing(name)) => not_asked.push(name.clone()),
            }
        }
        Explained {
            decision: progress.into_decision(outcome, policy),
            chain: route.map(|route| route.name.clone()),
            steps,
            not_asked,
        }
    }
}
