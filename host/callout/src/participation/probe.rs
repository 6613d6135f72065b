//! Logins that the host makes itself, to find out whether servers hand logins to it.
//!
//! No probe lets anything in: every host denies it before anything is verified, and counts it apart.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::Client;
use portcullis_connect::{LoginAnswer, LoginProbe};
use portcullis_core::{Authorizer, Credentials, Sample};
use tokio::time::sleep;

use super::peers::{Word, another};
use crate::handle::Handler;
use crate::permissions::SERVICE_INFO;

/// Beginning of the token of a probe. The id of the host follows.
const PREFIX: &str = "portcullis-probe:";

/// Time in the queue group without a request, after which the host makes a probe.
const FIRST_WAIT: Duration = Duration::from_secs(3);
/// Wait before the second probe; every further one takes twice as long.
const SECOND_WAIT: Duration = Duration::from_secs(10);
/// Longest wait between two probes: servers log every refused login.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// Results of the host's own probes, and the number of probes that it answered.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    arrived: AtomicU64,
    lost: AtomicU64,
    unclear: AtomicU64,
    answered: AtomicU64,
    /// The server whose login did not arrive the last time.
    lost_at: Mutex<Option<String>>,
}

/// Makes probes until a request has arrived.
#[derive(Debug)]
pub(crate) struct Prober<A> {
    handler: Arc<Handler<A>>,
    client: Client,
    /// The service's id in discovery.
    id: String,
    logins: LoginProbe,
}

/// Result of one probe.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// A request arrived at this host.
    Arrived,
    /// The server refused the login, and no service was asked.
    Lost(String),
    /// The login tells nothing. Holds the reason.
    Unclear(String),
}

/// Returns whether a login is a probe of this host or another one.
pub(crate) fn is_probe(credentials: &Credentials) -> bool {
    let token = credentials.token.as_ref();
    token.is_some_and(|token| token.expose().starts_with(PREFIX))
}

impl Probes {
    /// Counts a probe that was answered.
    pub(crate) fn answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the server whose login did not arrive the last time.
    pub(super) fn lost_at(&self) -> Option<String> {
        let lost_at = self.lost_at.lock();
        lost_at.unwrap_or_else(PoisonError::into_inner).clone()
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

    /// Counts the result, logs it unless it becomes an obstacle, and keeps a loss.
    fn conclude(&self, outcome: &Outcome) {
        let (count, lost_at) = match outcome {
            Outcome::Arrived => {
                tracing::info!("probe login arrived: servers hand logins to this host");
                (&self.arrived, None)
            }
            Outcome::Lost(server) => (&self.lost, Some(server.clone())),
            Outcome::Unclear(reason) => {
                tracing::info!(error = reason, "probe login tells nothing");
                (&self.unclear, None)
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        *self.lost_at.lock().unwrap_or_else(PoisonError::into_inner) = lost_at;
    }
}

impl<A: Authorizer> Prober<A> {
    pub(crate) const fn new(
        handler: Arc<Handler<A>>,
        client: Client,
        id: String,
        logins: LoginProbe,
    ) -> Self {
        Self {
            handler,
            client,
            id,
            logins,
        }
    }

    /// Makes probes at growing intervals. Returns once a request has arrived.
    pub(crate) async fn run(self) {
        let (mut wait, mut next_wait) = (FIRST_WAIT, SECOND_WAIT);
        loop {
            self.handler.participation.joins().await;
            sleep(wait).await;
            if self.is_asked() {
                return;
            }
            if !self.handler.participation.takes_logins() {
                continue;
            }
            let outcome = self.probe().await;
            self.handler.participation.probes.conclude(&outcome);
            if outcome == Outcome::Arrived {
                return;
            }
            (wait, next_wait) = (next_wait, (next_wait * 2).min(LONGEST_WAIT));
        }
    }

    /// Whether a request has arrived that was meant for this host.
    fn is_asked(&self) -> bool {
        self.handler.mismatches.proved()
    }

    /// Logs in at every server until a request arrives.
    async fn probe(&self) -> Outcome {
        let token = format!("{PREFIX}{}", self.id);
        let mismatches = self.handler.mismatches.in_a_row();
        let (mut lost_at, mut unclear) = (None, None);
        for (server, address) in self.logins.servers() {
            let answer = self.logins.log_in(server, &token).await;
            if self.is_asked() {
                return Outcome::Arrived;
            }
            match answer {
                LoginAnswer::Refused => lost_at = Some(address),
                LoginAnswer::LetIn => {
                    unclear = Some(format!(
                        "server `{address}` lets in a made-up token, or the host's client certificate, without asking"
                    ));
                }
                LoginAnswer::Unclear(error) => {
                    unclear = Some(format!("no answer from `{address}`: {error}"));
                }
            }
        }
        if self.handler.mismatches.in_a_row() > mismatches {
            return Outcome::Unclear("a request for another issuer, xkey or clock came".to_owned());
        }
        if self.another_answers().await {
            return Outcome::Unclear("another service of the account may have answered".to_owned());
        }
        match (lost_at, unclear) {
            (Some(server), _) => Outcome::Lost(server),
            (None, Some(reason)) => Outcome::Unclear(reason),
            (None, None) => Outcome::Unclear("no server was tried".to_owned()),
        }
    }

    /// Whether another service that can be found answers logins, with permits or denials.
    async fn another_answers(&self) -> bool {
        let may_ask = self.handler.participation.permits(SERVICE_INFO).await;
        may_ask && another(&self.client, &self.id, |word| word != Word::No).await
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::Secret;

    use super::*;

    #[test]
    fn a_probe_is_known_by_its_token_alone() {
        let token = |text: &str| Credentials {
            token: Some(Secret::new(text)),
            ..Credentials::default()
        };
        assert!(is_probe(&token("portcullis-probe:ABC")));
        assert!(!is_probe(&token("portcullis-prob")));
        let password = Credentials {
            password: Some(Secret::new("portcullis-probe:ABC")),
            ..Credentials::default()
        };
        assert!(!is_probe(&password));
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
