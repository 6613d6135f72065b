//! The contract as it is: bindings, and permits as resources of the host.

#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the canonical ABI hands over exactly sized allocations"
)]

use bench_guests::{Facts, PermitParts, decide};

use self::exports::portcullis::policy::decider::Verdict;
use self::portcullis::policy::permits::Permit;

wit_bindgen::generate!({
    path: "../../wit",
    world: "policy",
});

/// Decides by `facts`.
pub(crate) fn answer(facts: Facts) -> Verdict {
    match decide::<InHost>(facts) {
        bench_guests::Verdict::Permit(permit) => Verdict::Permit(permit.0),
        bench_guests::Verdict::Deny(reason) => Verdict::Deny(reason),
        bench_guests::Verdict::Abstain => Verdict::Abstain,
    }
}

struct InHost(Permit);

impl PermitParts for InHost {
    fn new(account: &str) -> Self {
        Self(Permit::new(account))
    }

    fn user_name(&mut self, name: String) {
        self.0.user_name(&name);
    }

    fn publish_allow(&mut self, subject: String) {
        self.0.publish_allow(&subject);
    }

    fn subscribe_allow(&mut self, subject: String) {
        self.0.subscribe_allow(&subject);
    }

    fn expires_in(&mut self, seconds: u64) {
        self.0.expires_in(seconds);
    }
}
