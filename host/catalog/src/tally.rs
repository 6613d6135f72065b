//! Counts of the decisions of one policy, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_core::{Blame, Histogram, PolicyRef, Sample, Verdict};
use portcullis_engine::EvaluationError;

/// Upper bounds of the buckets of a policy's time, in microseconds: from a policy without a
/// look-up to the longest time that a policy may take by default.
const BOUNDS: [u64; 8] = [10, 25, 50, 100, 1_000, 10_000, 100_000, 1_000_000];

/// The decisions that the versions of one policy made about clients' logins.
#[derive(Debug)]
pub(crate) struct Tally {
    permits: AtomicU64,
    denials: AtomicU64,
    abstentions: AtomicU64,
    failures_of_guest: AtomicU64,
    failures_of_host: AtomicU64,
    took: Histogram,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            permits: AtomicU64::default(),
            denials: AtomicU64::default(),
            abstentions: AtomicU64::default(),
            failures_of_guest: AtomicU64::default(),
            failures_of_host: AtomicU64::default(),
            took: Histogram::new(&BOUNDS),
        }
    }
}

impl Tally {
    /// Counts an evaluation that took this long.
    pub(crate) fn record(&self, verdict: &Result<Verdict, EvaluationError>, took: Duration) {
        self.took.add(took);
        let count = match verdict {
            Ok(Verdict::Permit(_)) => &self.permits,
            Ok(Verdict::Deny(_)) => &self.denials,
            Ok(Verdict::Abstain) => &self.abstentions,
            Err(error) => match error.class().blame() {
                Some(Blame::Guest) => &self.failures_of_guest,
                Some(Blame::Host) | None => &self.failures_of_host,
            },
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counts as samples of the policy, whose version in service is `policy`.
    pub(crate) fn samples(&self, policy: &PolicyRef) -> Vec<Sample> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let failures = [
            (Blame::Guest.as_str(), read(&self.failures_of_guest)),
            (Blame::Host.as_str(), read(&self.failures_of_host)),
        ];
        let verdicts = [
            ("permit", read(&self.permits)),
            ("deny", read(&self.denials)),
            ("abstain", read(&self.abstentions)),
            ("failed", failures.iter().map(|(_, count)| count).sum()),
        ];
        let labelled = |sample: Sample| sample.with("policy", policy.name.as_str());
        let verdicts = verdicts.map(|(verdict, count)| {
            let sample = Sample::counter("policy_decisions", "Evaluations of a policy", count);
            labelled(sample).with("verdict", verdict)
        });
        let failures = failures.map(|(blame, count)| {
            let help = "Evaluations of a policy that failed, by what is to blame";
            labelled(Sample::counter("policy_failures", help, count)).with("blame", blame)
        });
        let single = [
            self.took
                .sample("policy_decision_seconds", "Time of one evaluation"),
            Sample::whole(
                "policy_generation",
                "Number of the version of a policy in service",
                policy.generation,
            ),
        ];
        let single = single.map(labelled);
        verdicts.into_iter().chain(failures).chain(single).collect()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::{Digest, SampleValue};

    use super::*;

    #[test]
    fn every_answer_of_a_policy_has_its_count() {
        let tally = Tally::default();
        let took = Duration::from_micros(20);
        tally.record(&Ok(Verdict::Deny("no".to_owned())), took);
        tally.record(&Ok(Verdict::Abstain), took);
        tally.record(&Ok(Verdict::Abstain), took);
        tally.record(&Err(EvaluationError::Fuel(1)), took);
        tally.record(&Err(EvaluationError::Deadline(took)), took);
        let policy = PolicyRef {
            name: "users".parse().unwrap(),
            digest: Digest::from_bytes([0; 32]),
            version: Digest::from_bytes([0; 32]),
            generation: 7,
        };
        let samples = tally.samples(&policy);
        let value = |name, label| {
            let mut found = samples.iter().filter(|sample| sample.name == name);
            let found = found.find(|sample| {
                assert!(sample.labels.contains(&("policy", "users".to_owned())));
                sample.labels.iter().any(|(_, text)| text == label)
            });
            found.map(|sample| sample.value.clone())
        };
        let counted = |number| Some(SampleValue::Counter(number));
        assert_eq!(value("policy_decisions", "permit"), counted(0));
        assert_eq!(value("policy_decisions", "deny"), counted(1));
        assert_eq!(value("policy_decisions", "abstain"), counted(2));
        assert_eq!(value("policy_decisions", "failed"), counted(2));
        assert_eq!(value("policy_failures", "guest"), counted(2));
        assert_eq!(value("policy_failures", "host"), counted(0));
        assert_eq!(
            value("policy_generation", "users"),
            Some(SampleValue::Gauge(7.0))
        );
        assert_eq!(tally.took.total(), took * 5);
    }
}
