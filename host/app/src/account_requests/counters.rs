//! Numbers of requests of accounts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use portcullis_core::{DenialClass, Sample};

/// The reasons for which a request gets no decision.
const REASONS: [&str; 8] = [
    "invalid",
    "name",
    "not-limited",
    "other-signer",
    "overloaded",
    "time",
    "too-large",
    "unreadable",
];

/// The counts since the start of the host.
#[derive(Debug, Default)]
pub(super) struct Counters {
    received: AtomicU64,
    /// Denials by class, and refusals by reason. Both are constants of the host.
    denied: Mutex<BTreeMap<&'static str, u64>>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    pub(super) fn received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn denied(&self, class: DenialClass) {
        *self.denied.lock().entry(class.as_str()).or_default() += 1;
    }

    pub(super) fn refused(&self, reason: &'static str) {
        *self.refused.lock().entry(reason).or_default() += 1;
    }

    /// Returns a sample of each counter.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let mut samples = vec![Sample::counter(
            "account_requests",
            "Requests of accounts that signed themselves",
            self.received.load(Ordering::Relaxed),
        )];
        let denied = self.denied.lock();
        samples.extend(DenialClass::ALL.map(|class| {
            let help = "Requests of accounts that were denied, by class";
            let count = denied.get(class.as_str()).copied().unwrap_or_default();
            let sample = Sample::counter("account_request_denials", help, count);
            sample.with("class", class.as_str())
        }));
        let refused = self.refused.lock();
        samples.extend(REASONS.map(|reason| {
            let help = "Requests of accounts that got no decision, by reason";
            let count = refused.get(reason).copied().unwrap_or_default();
            Sample::counter("account_request_refusals", help, count).with("reason", reason)
        }));
        samples
    }
}
