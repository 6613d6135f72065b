//! The task that makes probe logins.

use std::sync::Arc;

use portcullis_connect::{LoginAnswer, LoginProbe, Nats};
use tokio::time::sleep;

use super::evidence::Evidence;
use super::peers::{Others, Word, others};
use super::probe::{Outcome, PROBE_PREFIX};
use crate::permissions::SERVICE_INFO;

/// The task that makes probes until a request has arrived.
#[derive(Debug)]
pub(crate) struct Prober<N> {
    evidence: Arc<Evidence>,
    client: N,
    /// The id of the service in discovery.
    id: String,
    logins: LoginProbe,
}

impl<N: Nats> Prober<N> {
    pub(crate) const fn new(
        evidence: Arc<Evidence>,
        client: N,
        id: String,
        logins: LoginProbe,
    ) -> Self {
        Self {
            evidence,
            client,
            id,
            logins,
        }
    }

    /// Makes probes at growing intervals. Returns once a request has arrived.
    pub(crate) async fn run(self) {
        loop {
            self.evidence.participation.joins().await;
            sleep(self.evidence.participation.probes.wait()).await;
            if self.is_asked() {
                return;
            }
            if !self.evidence.participation.takes_logins() {
                continue;
            }
            let outcome = self.probe().await;
            self.evidence.participation.probes.conclude(&outcome);
            if outcome == Outcome::Arrived {
                return;
            }
        }
    }

    /// Returns whether a request has arrived that was meant for this host.
    fn is_asked(&self) -> bool {
        self.evidence.mismatches.proved()
    }

    /// Logs in at every server until a request arrives.
    async fn probe(&self) -> Outcome {
        let token = format!("{PROBE_PREFIX}{}", self.id);
        let mismatches = self.evidence.mismatches.in_a_row();
        let connects = self.client.connects();
        let (mut lost_at, mut unclear) = (None, None);
        for (server, address) in self.logins.servers() {
            let answer = self.logins.log_in(server, Some(&token)).await;
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
        if self.evidence.mismatches.in_a_row() > mismatches {
            return Outcome::Unmatched;
        }
        if !self.client.is_connected() || self.client.connects() != connects {
            // The request may have come while no connection could receive it.
            let reason = "the host's connection was lost meanwhile";
            return Outcome::Unclear(reason.to_owned());
        }
        match self.others().await {
            Others::Absent => {}
            Others::TakePart => {
                let reason = "another service of the account may have answered";
                return Outcome::Unclear(reason.to_owned());
            }
            Others::Unknown => {
                let reason =
                    "the host hears no answer on `$SRV.INFO`: another service may have answered";
                return Outcome::Unclear(reason.to_owned());
            }
        }
        match (lost_at, unclear) {
            (Some(server), _) => Outcome::Lost(server),
            (None, Some(reason)) => Outcome::Unclear(reason),
            (None, None) => Outcome::Unclear("no server was tried".to_owned()),
        }
    }

    /// Returns whether another service that can be found answers logins, with permits or denials.
    async fn others(&self) -> Others {
        if self.evidence.participation.permits(SERVICE_INFO).await {
            others(&self.client, &self.id, |word| word != Word::No).await
        } else {
            Others::Unknown
        }
    }
}
