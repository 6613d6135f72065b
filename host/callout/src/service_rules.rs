//! The rules of a service that can be replaced while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_authority::{LoginRules, ThrottleOptions};
use portcullis_core::Authorizer;
use portcullis_environment::{Clock, SystemClock};

use crate::deny::DenyModes;
use crate::handler::{Handler, HandlingRules};
use crate::keys::HostKeys;
use crate::open::OpenRules;
use crate::options::TimeLimits;

/// New rules for a service.
#[derive(Debug)]
pub struct RulesUpdate {
    /// The keys that open requests and seal responses.
    pub keys: Arc<HostKeys>,
    /// The demands on requests.
    pub open: OpenRules,
    /// The forms of denials.
    pub deny: DenyModes,
    /// The limits on the time of requests.
    pub times: TimeLimits,
    /// The proof of identities and the host's own rules for permits.
    pub login: Arc<LoginRules>,
    /// The limits on failed attempts. The throttle keeps its memory, and so `per` and
    /// `max_entries`.
    pub throttle: ThrottleOptions,
}

/// A handle that replaces the rules of a service while it runs. Valid while the service runs and
/// after.
pub struct ServiceRules<A, C = SystemClock> {
    handler: Arc<Handler<A, C>>,
}

impl<A: Authorizer, C: Clock + Clone> ServiceRules<A, C> {
    pub(crate) const fn new(handler: Arc<Handler<A, C>>) -> Self {
        Self { handler }
    }

    /// Returns the proof of identities and the rules for permits that new logins begin with.
    pub fn login(&self) -> Arc<LoginRules> {
        self.handler.authority.rules()
    }

    /// Returns the keys that new requests are opened with.
    pub fn keys(&self) -> Arc<HostKeys> {
        Arc::clone(&self.handler.rules.load().keys)
    }

    /// Returns the time limit for one decision.
    pub fn deadline(&self) -> Duration {
        self.handler.rules.load().times.deadline
    }

    /// Replaces the rules. A login in progress keeps all rules that it began with. The limits on
    /// failed attempts are the exception: they apply to it too.
    pub fn replace(&self, update: RulesUpdate) {
        let authority = &self.handler.authority;
        authority.throttle().replace_limits(&update.throttle);
        authority.replace_rules(Arc::clone(&update.login));
        self.handler.rules.store(Arc::new(HandlingRules {
            keys: update.keys,
            open: update.open,
            deny: update.deny,
            times: update.times,
            login: update.login,
        }));
    }
}

impl<A, C> fmt::Debug for ServiceRules<A, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceRules")
            .finish_non_exhaustive()
    }
}
