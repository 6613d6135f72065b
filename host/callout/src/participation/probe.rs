//! Logins that the host makes itself, to test whether servers send logins to it.
//!
//! No probe is admitted: every host denies it before any other check, and counts it separately.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_core::{AuthorizationRequest, Sample};

/// The prefix of the token or the connection name of a probe, which every host denies. The id of
/// the host, or another text that is used once, follows.
pub const PROBE_PREFIX: &str = "portcullis-probe:";

/// Time in the queue group without a request after which the host makes a probe.
const FIRST_WAIT: Duration = Duration::from_secs(3);
/// Delay before the second probe. Each further delay is twice as long.
const SECOND_WAIT: Duration = Duration::from_secs(10);
/// Delay before the second probe if the first one is made at once, because another host may have
/// received that.
const SHORT_WAIT: Duration = Duration::from_secs(1);
/// Maximum delay between two probes, because servers log every refused login.
const MAX_WAIT: Duration = Duration::from_mins(10);
/// Maximum delay after a probe that came as a request for another host. The host is not ready until
/// a request is meant for it, so it notices soon that clock or keys are right.
const MAX_WAIT_UNMATCHED: Duration = Duration::from_secs(30);

/// The results of the host's own probes, and the number of probes that it answered.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    arrived: AtomicU64,
    lost: AtomicU64,
    unclear: AtomicU64,
    answered: AtomicU64,
    /// Whether the last probe came as a request for a host with another issuer, key or clock.
    unmatched: AtomicBool,
    /// Whether only a probe can tell if servers ask the host, because they do not show it.
    wanted: AtomicBool,
    /// The server at which the last probe was lost. `None` if the last probe was not lost.
    lost_at: Mutex<Option<String>>,
}

/// The result of one probe.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A request arrived at this host.
    Arrived,
    /// The server refused the login, and no service was asked.
    Lost(String),
    /// A request arrived that was meant for a host with another issuer, key or clock.
    Unmatched,
    /// The login is inconclusive, for this reason.
    Unclear(String),
}

/// Returns whether a login is a probe of this host or another one.
///
/// A client that pretends to be a probe is denied, so the mark needs no proof.
pub(crate) fn is_probe(request: &AuthorizationRequest) -> bool {
    let token = request.credentials.token.as_ref();
    let name = request.client.name.as_ref();
    token.is_some_and(|token| token.expose().starts_with(PROBE_PREFIX))
        || name.is_some_and(|name| name.starts_with(PROBE_PREFIX))
}

impl Probes {
    /// Counts a probe that this host answered.
    pub(crate) fn answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests a probe as soon as the host takes logins. Returns whether none was made yet.
    pub(super) fn are_awaited(&self) -> bool {
        self.wanted.store(true, Ordering::Relaxed);
        self.number() == 0
    }

    /// Returns the number of probes that were made.
    fn number(&self) -> u64 {
        let results = [&self.arrived, &self.lost, &self.unclear];
        let counts = results.map(|count| count.load(Ordering::Relaxed));
        counts.iter().sum()
    }

    /// Returns the delay of the next probe after the host joined the queue group, or after the last
    /// probe.
    pub(super) fn wait(&self) -> Duration {
        let (first, second) = if self.wanted.load(Ordering::Relaxed) {
            (Duration::ZERO, SHORT_WAIT)
        } else {
            (FIRST_WAIT, SECOND_WAIT)
        };
        match u32::try_from(self.number()).unwrap_or(u32::MAX) {
            0 => first,
            number => {
                let factor = 2_u32.saturating_pow(number.saturating_sub(1));
                let max = if self.unmatched.load(Ordering::Relaxed) {
                    MAX_WAIT_UNMATCHED
                } else {
                    MAX_WAIT
                };
                second.saturating_mul(factor).min(max)
            }
        }
    }

    /// Returns the server at which the last probe was lost. `None` if the last probe was not lost.
    pub(super) fn lost_at(&self) -> Option<String> {
        self.lost_at.lock().clone()
    }

    pub(super) fn samples(&self) -> Vec<Sample> {
        let results = [
            ("arrived", &self.arrived),
            ("lost", &self.lost),
            ("unclear", &self.unclear),
        ];
        let made = results.map(|(result, count)| {
            let help = "Logins that the host made to find out whether it is asked, by result";
            let count = count.load(Ordering::Relaxed);
            Sample::counter("probes", help, count).with("result", result)
        });
        let answered = Sample::counter(
            "probes_answered",
            "Such logins, of this host and of others, that this host denied",
            self.answered.load(Ordering::Relaxed),
        );
        made.into_iter().chain([answered]).collect()
    }

    /// Counts the result and records a loss. Logs any other result; a loss becomes an obstacle.
    pub(super) fn conclude(&self, outcome: &Outcome) {
        let (count, lost_at) = match outcome {
            Outcome::Arrived => {
                tracing::info!("probe login arrived: servers hand logins to this host");
                (&self.arrived, None)
            }
            Outcome::Lost(server) => (&self.lost, Some(server.clone())),
            Outcome::Unmatched => {
                let reason = "a request for another issuer, xkey or clock came";
                tracing::info!(error = reason, "probe login tells nothing");
                (&self.unclear, None)
            }
            Outcome::Unclear(reason) => {
                tracing::info!(error = reason, "probe login tells nothing");
                (&self.unclear, None)
            }
        };
        let is_unmatched = *outcome == Outcome::Unmatched;
        self.unmatched.store(is_unmatched, Ordering::Relaxed);
        count.fetch_add(1, Ordering::Relaxed);
        *self.lost_at.lock() = lost_at;
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::Secret;

    use super::*;
    use crate::fixtures::request;

    #[test]
    fn a_probe_is_known_by_its_token_or_its_connection_name() {
        let login = |change: fn(&mut AuthorizationRequest)| {
            let mut request = request();
            change(&mut request);
            is_probe(&request)
        };
        assert!(!login(|_| {}));
        assert!(login(|request| {
            request.credentials.token = Some(Secret::new("portcullis-probe:ABC"));
        }));
        assert!(login(|request| {
            request.client.name = Some("portcullis-probe:ABC".to_owned());
        }));
        assert!(login(|request| {
            request.client.name = Some(portcullis_authority::OWN_LOGIN.to_owned());
        }));
        assert!(!login(|request| {
            request.credentials.token = Some(Secret::new("portcullis-prob"));
        }));
        assert!(!login(|request| {
            request.credentials.password = Some(Secret::new("portcullis-probe:ABC"));
        }));
    }

    #[test]
    fn a_probe_is_made_at_once_if_no_login_shows_that_servers_ask() {
        let probes = Probes::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(probes.wait().as_secs());
            probes.conclude(&Outcome::Unclear("another service".to_owned()));
        }
        assert_eq!(waits, [3, 10, 20, 40, 80, 160, 320, 600]);
        probes.conclude(&Outcome::Unmatched);
        assert_eq!(probes.wait(), MAX_WAIT_UNMATCHED);
        let probes = Probes::default();
        assert!(probes.are_awaited());
        assert_eq!(probes.wait(), Duration::ZERO);
        probes.conclude(&Outcome::Unclear("another service".to_owned()));
        assert!(!probes.are_awaited());
        assert_eq!(probes.wait(), SHORT_WAIT);
    }

    #[test]
    fn the_last_result_counts() {
        let probes = Probes::default();
        probes.conclude(&Outcome::Lost("a:4222".to_owned()));
        assert_eq!(probes.lost_at().as_deref(), Some("a:4222"));
        probes.conclude(&Outcome::Unclear("no server".to_owned()));
        assert_eq!(probes.lost_at(), None);
        probes.conclude(&Outcome::Arrived);
        let counts: Vec<_> = probes
            .samples()
            .into_iter()
            .map(|sample| sample.value)
            .collect();
        let one = portcullis_core::SampleValue::Counter(1);
        let none = portcullis_core::SampleValue::Counter(0);
        assert_eq!(counts, [one.clone(), one.clone(), one, none]);
    }
}
