//! The description of the service for NATS tools: `$SRV.PING`, `$SRV.INFO`, `$SRV.STATS` (ADR-32).
//!
//! The service implementation of the client library does not expose its subscription. The host
//! needs the subscription to stop without losing a login.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use futures::StreamExt;
use futures::stream::select_all;
use portcullis_connect::{Message, Nats, SubscribeError};
use portcullis_core::{PolicyRef, Sample, SampleValue, with_causes};
use serde::Serialize;

use crate::counters::Counters;
use crate::participation::{PARTICIPATING, Participation};
use crate::subjects::AUTH_REQUESTS;

/// The description of the service for NATS tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The name of the service: letters, digits, `-` and `_`.
    pub name: String,
    /// The version of the service, by the rules of semantic versioning.
    pub version: String,
    /// A description of the service, for people.
    pub description: String,
    /// Further properties of the service, for people and programs.
    pub metadata: BTreeMap<String, String>,
    /// Endpoints that other parts of the host answer, which every host of the service hears.
    pub endpoints: Vec<FurtherEndpoint>,
}

/// An endpoint that another part of the host answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FurtherEndpoint {
    /// Name of the endpoint: letters, digits, `-` and `_`.
    pub name: &'static str,
    /// The subject of its requests.
    pub subject: String,
}

/// The responder to the questions of NATS tools, on one connection.
pub(crate) struct Responder {
    discovery: Discovery,
    id: String,
    queue_group: String,
    started: SystemTime,
    counters: Arc<Counters>,
    policies: Policies,
    participation: Arc<Participation>,
}

/// A function that returns the versions of the policies that decide now.
pub(crate) type Policies = Arc<dyn Fn() -> Vec<PolicyRef> + Send + Sync>;

/// The verbs that the service answers.
const VERBS: [Verb; 3] = [Verb::Ping, Verb::Info, Verb::Stats];

/// The name of the endpoint.
const ENDPOINT: &str = "auth";

#[derive(Clone, Copy, Debug)]
enum Verb {
    Ping,
    Info,
    Stats,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    id: &'a str,
    version: &'a str,
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<Vec<Endpoint<'a>>>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    name: &'static str,
    subject: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    queue_group: &'a str,
    #[serde(flatten)]
    stats: Option<Stats>,
}

#[derive(Serialize)]
struct Stats {
    num_requests: u64,
    num_errors: u64,
    last_error: &'static str,
    processing_time: u64,
    average_processing_time: u64,
    data: BTreeMap<String, u64>,
}

/// Returns a new, unique id for a service.
pub(crate) fn service_id(client: &impl Nats) -> String {
    let inbox = client.new_inbox();
    inbox.rsplit('.').next().unwrap_or(&inbox).to_owned()
}

impl Responder {
    pub(crate) fn new(
        discovery: Discovery,
        id: String,
        queue_group: &str,
        counters: Arc<Counters>,
        policies: Policies,
        participation: Arc<Participation>,
        started: SystemTime,
    ) -> Self {
        Self {
            discovery,
            id,
            queue_group: queue_group.to_owned(),
            started,
            counters,
            policies,
            participation,
        }
    }

    /// Answers questions on `client` for as long as the connection lives.
    ///
    /// # Errors
    ///
    /// Fails if a subscription cannot be made.
    pub(crate) async fn run(self, client: impl Nats) -> Result<(), SubscribeError> {
        let mut subscriptions = Vec::new();
        for verb in VERBS {
            for subject in verb.subjects(&self.discovery.name, &self.id) {
                let subscriber = client.subscribe(subject.into()).await?;
                subscriptions.push(subscriber.map(move |message| (verb, message)));
            }
        }
        let mut questions = select_all(subscriptions);
        while let Some((verb, message)) = questions.next().await {
            self.answer(&client, verb, message).await;
        }
        Ok(())
    }

    async fn answer(&self, client: &impl Nats, verb: Verb, message: Message) {
        let Some(reply) = message.reply else { return };
        let sent = match serde_json::to_vec(&self.answer_to(verb)) {
            Ok(answer) => client
                .publish(reply, answer.into())
                .await
                .map_err(|error| with_causes(&error)),
            Err(error) => Err(with_causes(&error)),
        };
        if let Err(error) = sent {
            tracing::debug!(error, "discovery not answered");
        }
    }

    fn answer_to(&self, verb: Verb) -> Answer<'_> {
        let own = |stats| Endpoint {
            name: ENDPOINT,
            subject: AUTH_REQUESTS,
            queue_group: &self.queue_group,
            stats,
        };
        let further = self.discovery.endpoints.iter().map(|endpoint| Endpoint {
            name: endpoint.name,
            subject: &endpoint.subject,
            // Without a group, every host receives each request.
            queue_group: "",
            stats: None,
        });
        let (description, started, endpoints) = match verb {
            Verb::Ping => (None, None, None),
            Verb::Info => (
                Some(self.discovery.description.as_str()),
                None,
                Some(std::iter::once(own(None)).chain(further).collect()),
            ),
            Verb::Stats => (
                None,
                Some(humantime::format_rfc3339_millis(self.started).to_string()),
                Some(vec![own(Some(self.stats()))]),
            ),
        };
        Answer {
            kind: verb.kind(),
            name: &self.discovery.name,
            id: &self.id,
            version: &self.discovery.version,
            metadata: self.metadata(),
            description,
            started,
            endpoints,
        }
    }

    /// Returns the configured metadata, the participation, and as `policy.NAME` the version of each
    /// policy that decides now.
    fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = self.discovery.metadata.clone();
        let word = self.participation.word().to_owned();
        metadata.insert(PARTICIPATING.to_owned(), word);
        for policy in (self.policies)() {
            let name = format!("policy.{}", policy.name);
            metadata.insert(name, policy.version.to_string());
        }
        metadata
    }

    fn stats(&self) -> Stats {
        let nanoseconds =
            |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Stats {
            num_requests: self.counters.requests(),
            num_errors: self.counters.errors(),
            last_error: "",
            processing_time: nanoseconds(self.counters.processing_time()),
            average_processing_time: nanoseconds(self.counters.average_processing_time()),
            data: self.counters.samples().iter().filter_map(counted).collect(),
        }
    }
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::Info => "INFO",
            Self::Stats => "STATS",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Ping => "io.nats.micro.v1.ping_response",
            Self::Info => "io.nats.micro.v1.info_response",
            Self::Stats => "io.nats.micro.v1.stats_response",
        }
    }

    /// Returns the subjects of the verb: for all services, for services of this name, and for this
    /// service.
    fn subjects(self, name: &str, id: &str) -> [String; 3] {
        let verb = self.name();
        [
            format!("$SRV.{verb}"),
            format!("$SRV.{verb}.{name}"),
            format!("$SRV.{verb}.{name}.{id}"),
        ]
    }
}

/// Returns a counter with one name that includes its labels. `None` for other samples, which are
/// for metrics only.
fn counted(sample: &Sample) -> Option<(String, u64)> {
    let SampleValue::Counter(number) = sample.value else {
        return None;
    };
    let labels = sample.labels.iter().map(|(_, text)| text.as_str());
    let name: Vec<_> = std::iter::once(sample.name).chain(labels).collect();
    Some((name.join("."), number))
}
