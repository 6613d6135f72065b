//! The counters of the exchange.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use portcullis_core::{DenialClass, Sample};
use portcullis_http::Closed;

/// All reasons of refusals, so that each counter is exported from zero on.
pub(crate) const REASONS: [&str; 16] = [
    "account",
    "authorization",
    "body",
    "body-too-large",
    "content-type",
    "json",
    "lifetime",
    "method",
    "name",
    "nkey",
    "no-token",
    "not-found",
    "origin",
    "overloaded",
    "proof-required",
    "timeout",
];

/// The counts since the start of the exchange.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    in_flight: AtomicU64,
    issued: AtomicU64,
    nonces: AtomicU64,
    /// Denials by class, and refusals by reason. Both are constants of the host.
    denied: Mutex<BTreeMap<&'static str, u64>>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
    connections_closed: Mutex<BTreeMap<Closed, u64>>,
}

/// A request in flight. Its drop ends the count of the request.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Counters>);

impl Counters {
    /// Counts a request that arrived.
    pub(crate) fn received(self: &Arc<Self>) -> InFlight {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(crate) fn issued(&self) {
        self.issued.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn nonce(&self) {
        self.nonces.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_closed(&self, closed: Closed) {
        *self.connections_closed.lock().entry(closed).or_default() += 1;
    }

    pub(crate) fn denied(&self, class: DenialClass) {
        *self.denied.lock().entry(class.as_str()).or_default() += 1;
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        *self.refused.lock().entry(reason).or_default() += 1;
    }

    /// Returns a sample of each counter and gauge.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let read = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let mut samples = vec![
            Sample::counter(
                "exchange_requests",
                "Requests to the token exchange",
                read(&self.requests),
            ),
            Sample::whole(
                "exchange_requests_in_flight",
                "Requests to the token exchange that are being worked on",
                read(&self.in_flight),
            ),
            Sample::counter(
                "exchange_tokens",
                "User JWTs that the token exchange issued",
                read(&self.issued),
            ),
            Sample::counter(
                "exchange_nonces",
                "Nonces that the token exchange issued",
                read(&self.nonces),
            ),
        ];
        let denied = self.denied.lock();
        samples.extend(DenialClass::ALL.map(|class| {
            let help = "Requests that the token exchange denied, by class";
            let count = denied.get(class.as_str()).copied().unwrap_or_default();
            Sample::counter("exchange_denials", help, count).with("class", class.as_str())
        }));
        let refused = self.refused.lock();
        samples.extend(REASONS.map(|reason| {
            let help = "Requests to the token exchange that got no decision, by reason";
            let count = refused.get(reason).copied().unwrap_or_default();
            Sample::counter("exchange_refusals", help, count).with("reason", reason)
        }));
        let closed = self.connections_closed.lock();
        samples.extend(Closed::ALL.map(|reason| {
            let help = "Connections that the token exchange closed before their clients, by reason";
            let count = closed.get(&reason).copied().unwrap_or_default();
            let sample = Sample::counter("exchange_connections_closed", help, count);
            sample.with("reason", reason.as_str())
        }));
        samples
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
