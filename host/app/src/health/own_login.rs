//! Own logins: the test of the path of a login, at the start and after each change of policies or
//! rules.

use std::sync::Arc;
use std::time::Duration;

use portcullis_authority::{Authority, FailedOwnLogin, LoginRules, OwnLogins};
use portcullis_callout::{HostKeys, ServiceRules};
use portcullis_catalog::{Catalog, Snapshot};
use portcullis_core::Authorizer;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Interval at which the host looks for changes of policies and rules.
const INTERVAL: Duration = Duration::from_millis(100);
/// Delay after the first failure in a row. Each further one doubles it.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Maximum delay after a failure.
const MAX_DELAY: Duration = Duration::from_secs(30);
/// Number of late logins in a row that count as a failure. A busy machine can make one late.
const LATE: u32 = 3;

/// The state of the own logins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum OwnLoginState {
    /// None was made yet.
    #[default]
    Untested,
    /// The last ones were decided.
    Decided,
    /// One of the last ones was not decided.
    Failed(FailedOwnLogin),
}

/// The last results of own logins, which readers can wait for.
#[derive(Debug, Default)]
pub(crate) struct OwnLoginStates(watch::Sender<OwnLoginState>);

/// The task that makes own logins.
pub(crate) struct OwnLoginTester<A> {
    pub(crate) authority: Arc<Authority<A>>,
    pub(crate) rules: ServiceRules<A>,
    /// `None` if an authorizer of the embedding program decides.
    pub(crate) catalog: Option<Catalog>,
    /// The place for the results.
    pub(crate) states: Arc<OwnLoginStates>,
}

/// The parts of a host that a test covers. A change of one of them makes another test necessary.
struct Tested {
    snapshot: Option<Arc<Snapshot>>,
    login: Arc<LoginRules>,
    keys: Arc<HostKeys>,
}

/// The failed tests in a row of the same parts.
#[derive(Default)]
struct Failures {
    number: u32,
    next: Option<Instant>,
}

impl OwnLoginStates {
    /// Returns the last result.
    pub(crate) fn get(&self) -> OwnLoginState {
        self.0.borrow().clone()
    }

    fn set(&self, state: OwnLoginState) {
        let before = self.0.send_replace(state.clone());
        if before == state {
            return;
        }
        match (before, state) {
            (_, OwnLoginState::Failed(failed)) => {
                tracing::error!(error = %failed, "own login not decided");
            }
            (OwnLoginState::Failed(_), _) => tracing::info!("own login decided again"),
            _ => {}
        }
    }
}

impl<A: Authorizer> OwnLoginTester<A> {
    /// Makes own logins now and after each change of policies or rules, without end. Repeats failed
    /// ones.
    pub(crate) async fn run(self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tested: Option<Tested> = None;
        let mut failures = Failures::default();
        loop {
            ticks.tick().await;
            let parts = self.parts();
            if tested.as_ref().is_some_and(|tested| tested.is(&parts)) {
                // A successful test holds until the parts change.
                if !failures.is_due() {
                    continue;
                }
            } else {
                failures = Failures::default();
            }
            let issuers = Arc::clone(parts.keys.main());
            let limit = self.rules.deadline();
            let result = self.authority.make_own_logins(&issuers, limit).await;
            if let Some(state) = failures.count(result) {
                self.states.set(state);
            }
            tested = Some(parts);
        }
    }

    fn parts(&self) -> Tested {
        Tested {
            snapshot: self.catalog.as_ref().map(Catalog::snapshot),
            login: self.rules.login(),
            keys: self.rules.keys(),
        }
    }
}

impl Tested {
    /// Returns whether `other` are the same parts.
    fn is(&self, other: &Self) -> bool {
        let same_policies = match (&self.snapshot, &other.snapshot) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        same_policies
            && Arc::ptr_eq(&self.login, &other.login)
            && Arc::ptr_eq(&self.keys, &other.keys)
    }
}

impl Failures {
    /// Returns whether a test has failed and has to be repeated now.
    fn is_due(&self) -> bool {
        self.next.is_some_and(|next| next <= Instant::now())
    }

    /// Counts a test. Returns the new state, or `None` if the test shows none yet.
    fn count(&mut self, result: OwnLogins) -> Option<OwnLoginState> {
        let failed = match result {
            OwnLogins::Decided => {
                *self = Self::default();
                return Some(OwnLoginState::Decided);
            }
            OwnLogins::Postponed => None,
            OwnLogins::Failed(failed) => Some(failed),
        };
        // The next attempt at a late login comes at once, because it may say more.
        let is_unsure = match &failed {
            None => true,
            Some(failed) => failed.is_late() && self.number + 1 < LATE,
        };
        let delay = if is_unsure {
            INTERVAL
        } else {
            delay_after(self.number)
        };
        self.number = self.number.saturating_add(u32::from(failed.is_some()));
        self.next = Instant::now().checked_add(delay);
        failed.filter(|_| !is_unsure).map(OwnLoginState::Failed)
    }
}

/// Returns the delay after a failure that this number of failures preceded.
fn delay_after(failures: u32) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(failures));
    doubled.min(MAX_DELAY)
}

#[cfg(test)]
mod tests;
