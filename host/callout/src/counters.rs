//! The counters of the service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_core::{DenialClass, Histogram, Outcome, Sample, Server};

use crate::releases::UnknownReleases;

/// Upper bounds of the buckets of the time from arrival to reply, in microseconds: from a decision
/// without a password hash to the longest time that a server waits.
const BOUNDS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000,
];

/// The counts since the start of the service, for metrics and `$SRV.STATS`. All connections share
/// them.
#[derive(Debug, Default)]
pub struct Counters {
    received: AtomicU64,
    permitted: AtomicU64,
    lost: AtomicU64,
    late: AtomicU64,
    rejected_by_server: AtomicU64,
    in_flight: AtomicU64,
    /// Time of the last request, in seconds since the Unix epoch. 0 before the first one.
    last_at: AtomicU64,
    latency: Latency,
    unknown_releases: UnknownReleases,
    /// The counters by family and label. Labels are constants of the host. A label that comes from
    /// a configuration or a request, such as a role, needs a map and a bound of its own.
    by_name: Mutex<BTreeMap<(Family, &'static str), u64>>,
}

/// The times from arrival to reply.
#[derive(Debug)]
struct Latency(Histogram);

impl Default for Latency {
    fn default() -> Self {
        Self(Histogram::new(&BOUNDS))
    }
}

/// A family of counters that differ in their label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    /// The denials, one counter for each class.
    Denied,
    /// The requests without a decision, one counter for each reason.
    Refused,
}

/// All reasons of refusals, so that each counter is exported from zero on.
const REASONS: [&str; 14] = [
    "overloaded",
    "malformed",
    "empty",
    "audience",
    "server-id",
    "clock",
    "issuer",
    "encrypted",
    "not-encrypted",
    "encryption",
    "server-not-trusted",
    "replayed",
    "foreign",
    "no-reply-subject",
];

/// A request in flight. Dropping this value ends the count of the request.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Counters>);

impl Counters {
    /// Counts a request that arrived at `now`, in seconds since the Unix epoch. The request is in
    /// flight until the caller drops the result.
    pub(crate) fn received(self: &Arc<Self>, now: u64) -> InFlight {
        self.received.fetch_add(1, Ordering::Relaxed);
        self.last_at.store(now, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Counts a request that was decided, with its time since arrival. A permit counts if its reply
    /// was sent in time.
    pub(crate) fn decided(&self, outcome: &Outcome, took: Duration, in_time: bool) {
        self.latency.0.add(took);
        match outcome {
            Outcome::Permit(_) if !in_time => {}
            Outcome::Permit(_) => {
                self.permitted.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Deny(denial) => self.add(Family::Denied, denial.class.as_str()),
        }
    }

    /// Counts a request that got no decision, by reason.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.add(Family::Refused, reason);
    }

    /// Counts a reply that could not be handed to the NATS client.
    pub(crate) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a reply that missed the server's timeout, or a reply that was not sent because of it.
    pub(crate) fn late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a login that the host permitted and the server refused.
    pub(crate) fn rejected_by_server(&self) {
        self.rejected_by_server.fetch_add(1, Ordering::Relaxed);
    }

    /// Records the release of a server that sent a valid request.
    pub(crate) fn asked_by(&self, server: &Server) {
        self.unknown_releases.record(server);
    }

    /// Returns the releases of nats-server that sent requests and whose rules the host does not
    /// know.
    pub fn unknown_releases(&self) -> Vec<String> {
        self.unknown_releases.all()
    }

    /// Returns the number of requests that arrived.
    pub fn requests(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Returns the number of requests that got no decision, plus the number of replies that could
    /// not be handed to the NATS client.
    pub fn errors(&self) -> u64 {
        let by_name = self.by_name.lock();
        let refused: u64 = by_name
            .iter()
            .filter(|((family, _), _)| *family == Family::Refused)
            .map(|(_, count)| count)
            .sum();
        refused.saturating_add(self.lost.load(Ordering::Relaxed))
    }

    /// Returns the sum of the times from arrival to reply, over all decided requests.
    pub fn processing_time(&self) -> Duration {
        self.latency.0.total()
    }

    /// Returns the mean time from arrival to reply, over all decided requests.
    pub fn average_processing_time(&self) -> Duration {
        self.latency.0.mean()
    }

    /// Returns a sample of each counter, gauge and histogram, for `/metrics`. The field `data` of
    /// `$SRV.STATS` has all counters among them. `docs/reference/metrics.md` lists them in its
    /// first table.
    pub fn samples(&self) -> Vec<Sample> {
        let read = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let mut samples = vec![
            Sample::counter("requests", "Requests that arrived", read(&self.received)),
            Sample::counter(
                "permits",
                "Logins permitted, by a reply that was sent in time",
                read(&self.permitted),
            ),
            Sample::counter(
                "replies_lost",
                "Replies that could not be handed to the NATS client",
                read(&self.lost),
            ),
            Sample::counter(
                "replies_late",
                "Replies that the server no longer waited for",
                read(&self.late),
            ),
            Sample::counter(
                "permits_rejected",
                "Logins that the host permitted and the server refused",
                read(&self.rejected_by_server),
            ),
            Sample::gauge(
                "requests_in_flight",
                "Requests being worked on",
                f64::from(u32::try_from(read(&self.in_flight)).unwrap_or(u32::MAX)),
            ),
            Sample::whole(
                "server_releases_unknown",
                "Releases of nats-server that have asked and whose rules the host does not know",
                self.unknown_releases.all().len(),
            ),
            self.latency.0.sample(
                "decision_seconds",
                "Time from the arrival of a request to its reply",
            ),
        ];
        let last_at = read(&self.last_at);
        if last_at > 0 {
            let help = "When the last request arrived, in seconds since the Unix epoch";
            samples.push(Sample::whole(
                "last_request_timestamp_seconds",
                help,
                last_at,
            ));
        }
        let by_name = self.by_name.lock();
        let classes = DenialClass::ALL.map(|class| (Family::Denied, class.as_str()));
        let reasons = REASONS.map(|reason| (Family::Refused, reason));
        let known = classes.into_iter().chain(reasons);
        let mut counted: BTreeMap<_, _> = known.map(|name| (name, 0)).collect();
        counted.extend(by_name.iter());
        samples.extend(counted.iter().map(|((family, name), value)| {
            match *family {
                Family::Denied => Sample::counter("denials", "Logins denied, by class", *value)
                    .with("class", *name),
                Family::Refused => Sample::counter(
                    "refusals",
                    "Requests that got no decision, by reason",
                    *value,
                )
                .with("reason", *name),
            }
        }));
        samples
    }

    fn add(&self, family: Family, name: &'static str) {
        let mut by_name = self.by_name.lock();
        let count = by_name.entry((family, name)).or_default();
        *count = count.saturating_add(1);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portcullis_core::{Denial, SampleValue};

    use super::*;

    fn value(counters: &Counters, name: &str, label: Option<&str>) -> Option<SampleValue> {
        let found = counters.samples().into_iter().find(|sample| {
            sample.name == name && sample.labels.first().map(|(_, text)| text.as_str()) == label
        });
        found.map(|sample| sample.value)
    }

    #[expect(clippy::unnecessary_wraps, reason = "what is compared is optional")]
    const fn counted(number: u64) -> Option<SampleValue> {
        Some(SampleValue::Counter(number))
    }

    #[test]
    fn every_known_label_begins_at_zero() {
        let counters = Counters::default();
        for class in DenialClass::ALL {
            assert_eq!(
                value(&counters, "denials", Some(class.as_str())),
                counted(0)
            );
        }
        let page = include_str!("../../../docs/reference/metrics.md");
        let (_, table) = page.split_once("## Reasons of refusals").unwrap();
        let reasons: Vec<_> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once(" |"))
            .flat_map(|(names, _)| names.split(", "))
            .map(|name| name.trim_matches('`'))
            .collect();
        assert_eq!(reasons.len(), REASONS.len(), "{reasons:?}");
        for reason in reasons {
            assert_eq!(
                value(&counters, "refusals", Some(reason)),
                counted(0),
                "{reason}"
            );
        }
    }

    #[test]
    fn the_first_table_of_the_page_lists_the_samples() {
        let page = include_str!("../../../docs/reference/metrics.md");
        let (_, table) = page.split_once("## Logins").unwrap();
        let (table, _) = table.split_once("\n## ").unwrap();
        let listed: BTreeSet<_> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
            .map(|(name, _)| name)
            .collect();
        let counters = Arc::new(Counters::default());
        drop(counters.received(1_800_000_000));
        let samples = counters.samples();
        let exported: BTreeSet<_> = samples.iter().map(|sample| sample.name).collect();
        assert_eq!(listed, exported);
    }

    #[test]
    fn every_outcome_has_its_number() {
        let counters = Arc::new(Counters::default());
        assert_eq!(
            value(&counters, "last_request_timestamp_seconds", None),
            None
        );
        let one = counters.received(1_800_000_000);
        drop(counters.received(1_800_000_001));
        let denial = Outcome::Deny(Denial::new(DenialClass::Deadline, "late"));
        counters.decided(&denial, Duration::from_millis(10), true);
        counters.decided(&denial, Duration::from_millis(30), true);
        counters.refused("replayed");
        counters.lost();
        assert_eq!(value(&counters, "requests", None), counted(2));
        assert_eq!(
            value(&counters, "last_request_timestamp_seconds", None),
            Some(SampleValue::Gauge(1_800_000_001.0))
        );
        assert_eq!(
            value(&counters, "requests_in_flight", None),
            Some(SampleValue::Gauge(1.0))
        );
        assert_eq!(value(&counters, "permits", None), counted(0));
        assert_eq!(value(&counters, "denials", Some("deadline")), counted(2));
        assert_eq!(value(&counters, "refusals", Some("replayed")), counted(1));
        assert_eq!(counters.errors(), 2);
        assert_eq!(
            counters.average_processing_time(),
            Duration::from_millis(20)
        );
        drop(one);
        assert_eq!(
            value(&counters, "requests_in_flight", None),
            Some(SampleValue::Gauge(0.0))
        );
    }
}
