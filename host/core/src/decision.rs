//! Verdicts of policies, and the decision on a request.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::{AuthorizationRequest, Denial, DenialClass, Permit, PolicyName, PolicyRef};

/// The verdict of one policy on one request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives for each login in flight; most of them are permits"
)]
pub enum Verdict {
    /// The policy permits the login.
    Permit(Permit),
    /// The policy denies the login, for this reason.
    Deny(String),
    /// The policy leaves the decision to the next policy.
    Abstain,
}

/// The outcome of a request, and the policy that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The outcome: permit or denial.
    pub outcome: Outcome,
    /// The policy that decided. `None` if no policy did.
    pub policy: Option<Arc<PolicyRef>>,
    /// The policies that abstained before the decision, in order.
    pub abstained: Vec<PolicyName>,
    /// The evaluations of policies, in order, if the authorizer records them. Empty otherwise.
    pub steps: Vec<PolicyStep>,
}

/// The evaluation of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStep {
    /// The version of the policy.
    pub policy: Arc<PolicyRef>,
    /// Whether the policy is a guard, whose permits count as abstentions.
    pub is_guard: bool,
    /// The answer of the policy.
    pub answer: StepAnswer,
    /// The questions that the policy asked the host, each once, such as `identity.claim(roles)`.
    pub asked: Vec<String>,
    /// Begin of the evaluation that led to the answer, on the monotonic clock.
    pub began_at: Instant,
    /// Duration of the evaluation that led to the answer.
    pub elapsed: Duration,
}

/// The answer of one policy, without its permit and its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepAnswer {
    /// The policy permits the login.
    Permit,
    /// The policy denies the login.
    Deny,
    /// The policy leaves the decision to the next policy.
    Abstain,
    /// The policy did not answer.
    Fail,
}

impl StepAnswer {
    /// Returns the name in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
            Self::Abstain => "abstain",
            Self::Fail => "fail",
        }
    }
}

/// A permit or a denial.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives for each login in flight; most of them are permits"
)]
pub enum Outcome {
    /// The login is permitted.
    Permit(Permit),
    /// The login is denied.
    Deny(Denial),
}

impl Outcome {
    /// Returns the permit. `None` for a denial.
    pub const fn permit(&self) -> Option<&Permit> {
        match self {
            Self::Permit(permit) => Some(permit),
            Self::Deny(_) => None,
        }
    }
}

impl Decision {
    /// Returns a permit of an authorizer without policies.
    pub const fn permit(permit: Permit) -> Self {
        Self {
            outcome: Outcome::Permit(permit),
            policy: None,
            abstained: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Returns a denial that no policy made.
    pub fn deny(class: DenialClass, reason: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Deny(Denial::new(class, reason)),
            policy: None,
            abstained: Vec::new(),
            steps: Vec::new(),
        }
    }
}

/// A source of decisions on requests. The callout service is generic over it, and the catalog of
/// policies implements it.
pub trait Authorizer: Send + Sync + 'static {
    /// Decides one request, before `deadline` if possible. Never fails and never panics: every
    /// failure is a [`DenialClass`].
    fn authorize(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> impl Future<Output = Decision> + Send;

    /// Decides `request`, a login that the host made up to test itself, as
    /// [`authorize`](Self::authorize) decides the login of a client. The decision leaves no trace:
    /// no count, no log line, and no state that later decisions see. The host discards its permit.
    ///
    /// Returns `None` if the authorizer makes no such decisions, which is the default.
    fn dry_run(
        &self,
        request: Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> impl Future<Output = Option<Decision>> + Send {
        let _ = (request, deadline);
        std::future::ready(None)
    }

    /// Returns the policy versions in service, for operators who query the service.
    fn policies(&self) -> Vec<PolicyRef> {
        Vec::new()
    }

    /// Returns the reason why no login can be decided now, regardless of its credentials. `None` if
    /// logins can be decided.
    ///
    /// A host whose authorizer cannot decide leaves logins to other hosts.
    fn cannot_decide(&self) -> Option<String> {
        None
    }
}
