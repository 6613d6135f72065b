//! One immutable set of policies, and its decisions.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{
    AuthorizationRequest, Decision, Denial, DenialClass, KeyValues, Outcome, PolicyName, PolicyRef,
    PolicyStep, Sample, StepAnswer, Verdict,
};
use portcullis_engine::{Attempt, BudgetExceeded, Comparisons, EvaluationError};
use portcullis_environment::Clock;

use crate::link::{Link, LoadedPolicy};
use crate::routes::{Route, Routes};

/// The policies in service, in the order of their evaluation. A snapshot never changes; a reload
/// publishes a new one.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) clock: Arc<dyn Clock>,
    /// Policies that are asked first, about every login. They can only deny or abstain.
    guards: Vec<Link>,
    /// Chains for some logins. The first one that fits a login decides it.
    chains: Routes,
    /// The chain for logins that no entry of `chains` fits.
    chain: Vec<Link>,
    /// Maximum number of comparisons of a client's secrets, summed over all policies of a login.
    comparisons: usize,
    /// The reason why every login is denied. `None` if policies decide.
    closed: Option<String>,
    /// Whether decisions list the evaluations of policies with their questions.
    records_steps: bool,
}

/// The role of a policy in a decision. The permits of a guard are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Guard,
    Decider,
}

impl Snapshot {
    /// Minimum of the allowed comparisons of a client's secrets, summed over a login's policies. A
    /// higher limit of one policy raises it.
    const MIN_COMPARISONS: usize = 64;

    pub(crate) fn new(
        guards: Vec<Link>,
        chains: Vec<Route>,
        chain: Vec<Link>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut snapshot = Self {
            clock,
            guards,
            chains: Routes::new(chains),
            chain,
            comparisons: Self::MIN_COMPARISONS,
            closed: None,
            records_steps: false,
        };
        let limits = snapshot.links().filter_map(|link| match link {
            Link::Policy(loaded) => Some(loaded.policy.limits().comparisons),
            Link::Missing(_) => None,
        });
        snapshot.comparisons = limits.fold(Self::MIN_COMPARISONS, usize::max);
        snapshot
    }

    /// Returns a snapshot of the same policies that denies every login for this reason.
    pub(crate) fn closed(self, reason: String) -> Self {
        Self {
            closed: Some(reason),
            ..self
        }
    }

    /// Returns this snapshot, whose decisions list the evaluations of policies if `records_steps`.
    pub(crate) fn recording_steps(self, records_steps: bool) -> Self {
        Self {
            records_steps,
            ..self
        }
    }

    /// Returns the reason why every login is denied. `None` if policies decide.
    pub(crate) fn closed_because(&self) -> Option<&str> {
        self.closed.as_deref()
    }

    /// Returns the policies in service in order: guards, the chains for some logins, and the chain
    /// for the other logins. Each policy appears once.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyRef> {
        let loaded = self.links().filter_map(|link| match link {
            Link::Policy(loaded) => Some(&*loaded.reference),
            Link::Missing(_) => None,
        });
        once_each(loaded, |reference| &reference.name)
    }

    /// Returns the counts of each policy in service, for metrics.
    pub fn samples(&self) -> Vec<Sample> {
        let loaded = self.links().filter_map(|link| match link {
            Link::Policy(loaded) => Some(&**loaded),
            Link::Missing(_) => None,
        });
        once_each(loaded, |loaded| &loaded.reference.name)
            .flat_map(|loaded| loaded.tally.samples(&loaded.reference))
            .collect()
    }

    /// Returns the policies that the configuration lists and that have no good version. No login
    /// gets past them. Each policy appears once.
    pub fn missing(&self) -> impl Iterator<Item = &PolicyName> {
        let missing = self.links().filter_map(|link| match link {
            Link::Missing(name) => Some(name),
            Link::Policy(_) => None,
        });
        once_each(missing, |name| name)
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        let chains = self.chains.iter().flat_map(|route| &route.chain);
        self.guards.iter().chain(chains).chain(&self.chain)
    }

    /// Evaluates the guards, then the policies of the login's chain, in order until one does not
    /// abstain. Blocks.
    pub fn decide(&self, request: &Arc<AuthorizationRequest>, deadline: Instant) -> Decision {
        self.resume(self.start(), request, deadline)
    }

    /// Decides like [`decide`](Self::decide), with these buckets in place of the host's. Blocks.
    pub(crate) fn decide_with(
        &self,
        request: &Arc<AuthorizationRequest>,
        key_values: &Arc<dyn KeyValues>,
        deadline: Instant,
    ) -> Decision {
        self.finish(self.start(), request, deadline, Some(key_values))
    }

    /// Returns a decision in which no policy was evaluated yet.
    pub(crate) fn start(&self) -> Progress {
        Progress {
            abstained: Vec::new(),
            exceeded: None,
            comparisons: Arc::new(Comparisons::at_most(self.comparisons)),
            steps: Vec::new(),
        }
    }

    /// Decides like [`decide`](Self::decide), on a thread that must not block for long. Returns the
    /// progress once a policy has run for `at_most`, and before a policy that is often slow.
    pub(crate) fn try_inline(
        &self,
        request: &Arc<AuthorizationRequest>,
        deadline: Instant,
        at_most: Duration,
    ) -> Result<Decision, Progress> {
        let mut progress = self.start();
        let comparisons = Arc::clone(&progress.comparisons);
        let asked = self.ask(&mut progress, request, deadline, |loaded, _, questions| {
            if loaded.slowness.is_slow() {
                return Err(None);
            }
            let began = self.clock.now();
            let evaluation = loaded
                .policy
                .evaluate(Arc::clone(request), deadline)
                .with_comparisons(&comparisons)
                .with_questions(questions);
            match evaluation.run_inline(at_most) {
                Attempt::Decided(verdict) => {
                    loaded.slowness.decided();
                    loaded.tally.record(&verdict, self.clock.elapsed(began));
                    loaded.seen.record(request, &verdict);
                    Ok(verdict)
                }
                Attempt::BudgetExceeded(exceeded) => {
                    loaded.slowness.exceeded();
                    Err(Some(exceeded))
                }
            }
        });
        match asked {
            Ok((outcome, policy)) => Ok(progress.into_decision(outcome, policy)),
            Err(exceeded) => Err(Progress {
                exceeded,
                ..progress
            }),
        }
    }

    /// Resumes a decision that [`try_inline`](Self::try_inline) gave up. Blocks.
    pub(crate) fn resume(
        &self,
        progress: Progress,
        request: &Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Decision {
        self.finish(progress, request, deadline, None)
    }

    fn finish(
        &self,
        mut progress: Progress,
        request: &Arc<AuthorizationRequest>,
        deadline: Instant,
        key_values: Option<&Arc<dyn KeyValues>>,
    ) -> Decision {
        let comparisons = Arc::clone(&progress.comparisons);
        let asked = self.ask(
            &mut progress,
            request,
            deadline,
            |loaded, exceeded, questions| {
                let began = self.clock.now();
                let evaluation = loaded
                    .policy
                    .evaluate(Arc::clone(request), deadline)
                    .with_comparisons(&comparisons)
                    .with_questions(questions);
                let evaluation = match key_values {
                    Some(key_values) => evaluation.with_key_values(key_values),
                    None => evaluation,
                };
                let verdict = match exceeded {
                    Some(exceeded) => evaluation.resume(exceeded),
                    None => evaluation.run(),
                };
                loaded.slowness.decided();
                // With buckets of its own, the login is one of the operator's and not a client's.
                if key_values.is_none() {
                    loaded.tally.record(&verdict, self.clock.elapsed(began));
                    loaded.seen.record(request, &verdict);
                }
                Ok::<_, Infallible>(verdict)
            },
        );
        let Ok((outcome, policy)) = asked;
        progress.into_decision(outcome, policy)
    }

    /// Returns the chain for a login, `None` for that of the other logins, and the policies to ask
    /// in order.
    pub(crate) fn links_of(
        &self,
        request: &AuthorizationRequest,
    ) -> (Option<&Route>, impl Iterator<Item = (&Link, Role)>) {
        let route = self.chains.find(request);
        let guards = self.guards.iter().map(|link| (link, Role::Guard));
        let chain = route.map_or(&*self.chain, |route| &*route.chain).iter();
        let links = guards.chain(chain.map(|link| (link, Role::Decider)));
        (route, links)
    }

    /// Evaluates the policies of a login that were not evaluated yet. Returns the outcome and the
    /// policy that decided.
    pub(crate) fn ask<E>(
        &self,
        progress: &mut Progress,
        request: &AuthorizationRequest,
        deadline: Instant,
        verdict_of: impl Fn(
            &LoadedPolicy,
            Option<BudgetExceeded>,
            Option<&RefCell<Vec<String>>>,
        ) -> Result<VerdictOf, E>,
    ) -> Result<(Outcome, Option<Arc<PolicyRef>>), E> {
        let deny = |class, reason: String| Outcome::Deny(Denial::new(class, reason));
        if let Some(reason) = &self.closed {
            return Ok((deny(DenialClass::NoPolicy, reason.clone()), None));
        }
        let (route, links) = self.links_of(request);
        for (link, role) in links.skip(progress.abstained.len()) {
            let loaded = match link {
                Link::Policy(loaded) => loaded,
                Link::Missing(name) => {
                    let reason = format!("policy `{name}` is required and has no good version");
                    return Ok((deny(DenialClass::NoPolicy, reason), None));
                }
            };
            if deadline <= self.clock.now() {
                let reason =
                    "the request's deadline passed before every policy was asked".to_owned();
                return Ok((deny(DenialClass::Deadline, reason), None));
            }
            let recording = self.records_steps.then(|| Recording::start(&*self.clock));
            let questions = recording.as_ref().map(|recording| &recording.questions);
            let verdict = verdict_of(loaded, progress.exceeded.take(), questions)?;
            if let Some(recording) = recording {
                let step = recording.finish(loaded, role, &verdict, &*self.clock);
                progress.steps.push(step);
            }
            let outcome = match verdict {
                Ok(Verdict::Permit(permit)) if role == Role::Decider => Outcome::Permit(permit),
                Ok(Verdict::Deny(reason)) => deny(DenialClass::PolicyDenied, reason),
                Err(error) => Outcome::Deny(error.denial()),
                // A permit of a guard counts as an abstention, and its rights are ignored.
                Ok(Verdict::Abstain | Verdict::Permit(_)) => {
                    progress.abstained.push(loaded.reference.name.clone());
                    continue;
                }
            };
            return Ok((outcome, Some(Arc::clone(&loaded.reference))));
        }
        let (class, reason) = match route {
            Some(route) => (
                DenialClass::EndOfChain,
                format!("every policy of chain `{}` abstained", route.name),
            ),
            None if self.chain.is_empty() => (
                DenialClass::NoPolicy,
                "no policy is in service for this login".to_owned(),
            ),
            None => (DenialClass::EndOfChain, "every policy abstained".to_owned()),
        };
        Ok((deny(class, reason), None))
    }
}

/// The result of evaluating one policy.
type VerdictOf = Result<Verdict, EvaluationError>;

/// The progress of a decision.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The policies that abstained, including guards.
    abstained: Vec<PolicyName>,
    /// The inline attempt of the next policy. `None` if that attempt was not made or kept to its
    /// budget.
    exceeded: Option<BudgetExceeded>,
    /// Counter of the comparisons of the client's secrets by all policies of the login.
    pub(crate) comparisons: Arc<Comparisons>,
    /// The evaluations so far, if the snapshot records them.
    steps: Vec<PolicyStep>,
}

/// The evaluation of one policy that is being recorded.
struct Recording {
    began: Instant,
    questions: RefCell<Vec<String>>,
}

impl Recording {
    fn start(clock: &dyn Clock) -> Self {
        Self {
            began: clock.now(),
            questions: RefCell::default(),
        }
    }

    fn finish(
        self,
        loaded: &LoadedPolicy,
        role: Role,
        verdict: &VerdictOf,
        clock: &dyn Clock,
    ) -> PolicyStep {
        PolicyStep {
            policy: Arc::clone(&loaded.reference),
            is_guard: role == Role::Guard,
            answer: match verdict {
                Ok(Verdict::Permit(_)) => StepAnswer::Permit,
                Ok(Verdict::Deny(_)) => StepAnswer::Deny,
                Ok(Verdict::Abstain) => StepAnswer::Abstain,
                Err(_) => StepAnswer::Fail,
            },
            asked: self.questions.into_inner(),
            began_at: self.began,
            elapsed: clock.elapsed(self.began),
        }
    }
}

impl Progress {
    pub(crate) fn into_decision(
        self,
        outcome: Outcome,
        policy: Option<Arc<PolicyRef>>,
    ) -> Decision {
        Decision {
            outcome,
            policy,
            abstained: self.abstained,
            steps: self.steps,
        }
    }
}

/// Returns the first item of each name.
fn once_each<'a, T>(
    items: impl Iterator<Item = &'a T>,
    name: impl Fn(&'a T) -> &'a PolicyName,
) -> impl Iterator<Item = &'a T>
where
    T: 'a,
{
    let mut seen = BTreeSet::new();
    items.filter(move |item| seen.insert(name(item)))
}
