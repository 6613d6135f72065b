//! The present contract: its bindings, and permits as resources of the host.

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
        bench_guests::Verdict::Permit(permit) => {
            permit.permit.publish(&permit.publish, &[]);
            permit.permit.subscribe(&permit.subscribe, &[]);
            Verdict::Permit(permit.permit)
        }
        bench_guests::Verdict::Deny(reason) => Verdict::Deny(reason),
        bench_guests::Verdict::Abstain => Verdict::Abstain,
    }
}

/// A permit in the host, with the subjects that cross in one call.
struct InHost {
    permit: Permit,
    publish: Vec<String>,
    subscribe: Vec<String>,
}

impl PermitParts for InHost {
    fn new(account: &str) -> Self {
        Self {
            permit: Permit::new(account),
            publish: Vec::new(),
            subscribe: Vec::new(),
        }
    }

    fn user_name(&mut self, name: String) {
        self.permit.user_name(&name);
    }

    fn publish_allow(&mut self, subject: String) {
        self.publish.push(subject);
    }

    fn subscribe_allow(&mut self, subject: String) {
        self.subscribe.push(subject);
    }

    fn expires_in(&mut self, seconds: u64) {
        self.permit.expires_in(seconds);
    }
}
