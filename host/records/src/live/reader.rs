//! Reading of records in the memory of hosts, for tools.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, StatusCode, Subject, Subscriber};
use futures::StreamExt as _;
use portcullis_core::DecisionRecord;
use tokio::time::{sleep, timeout};

use super::protocol::{ANY_HOST, LivePage, LiveQuestion};
use crate::archive::{CannotRead, ReadRecords};
use crate::filter::RecordFilter;

/// Time for which a reader waits for another page. The network between two sites is faster.
const PATIENCE: Duration = Duration::from_secs(2);

/// Interval at which a reader asks for new records.
const INTERVAL: Duration = Duration::from_millis(500);

/// The header of an error of a service (ADR-32).
const ERROR: &str = "Nats-Service-Error";

/// A reader of the records that hosts have in their memory. It asks all hosts at once.
#[derive(Debug)]
pub struct LiveReader {
    client: Client,
    subject: String,
    inbox: Subject,
    pages: Subscriber,
    question: LiveQuestion,
    /// The number of records that hosts had evicted before they were read.
    evicted: u64,
    /// The number of records that are too large for a page.
    too_large: u64,
    /// The ids of the starts of hosts that have answered.
    hosts: BTreeSet<String>,
}

impl LiveReader {
    /// Returns a reader of the records that fit `filter`.
    ///
    /// # Errors
    ///
    /// Fails if the subscription for answers cannot be made.
    pub async fn new(
        client: Client,
        subject: &str,
        filter: RecordFilter,
    ) -> Result<Self, CannotRead> {
        let inbox = Subject::from(client.new_inbox());
        let pages = client.subscribe(inbox.clone()).await;
        let pages = pages.map_err(|error| failed("receive answers", subject, error.into()))?;
        Ok(Self {
            client,
            subject: subject.to_owned(),
            inbox,
            pages,
            question: LiveQuestion {
                filter,
                ..LiveQuestion::default()
            },
            evicted: 0,
            too_large: 0,
            hosts: BTreeSet::new(),
        })
    }

    /// Returns the number of hosts that have answered. A host that was started again counts twice.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// Returns the number of records that are missing, because hosts had evicted them, or because
    /// they are too large for a message. Some of them may not fit the filter.
    pub const fn missing(&self) -> u64 {
        self.evicted.saturating_add(self.too_large)
    }

    /// Hands the records that hosts have now to `then`, each once. Returns when no further host
    /// answers.
    ///
    /// # Errors
    ///
    /// Fails if no host answers, or if a host refuses the question.
    pub async fn read_all(
        &mut self,
        read: &mut ReadRecords,
        mut then: impl FnMut(DecisionRecord),
    ) -> Result<(), CannotRead> {
        self.ask().await?;
        while let Ok(page) = timeout(PATIENCE, self.page()).await {
            let Some(page) = page? else {
                break;
            };
            if self.take(page, read, &mut then) {
                self.ask().await?;
            }
        }
        self.check_hosts()
    }

    /// Skips the records that hosts have now. A host that does not answer within half a second
    /// after the others begins with its oldest record.
    ///
    /// # Errors
    ///
    /// Fails if no host answers, or if a host refuses the question.
    pub async fn skip_past(&mut self) -> Result<(), CannotRead> {
        let after = &mut self.question.after;
        after.insert(ANY_HOST.to_owned(), u64::MAX);
        self.ask().await?;
        self.question.after.remove(ANY_HOST);
        let mut patience = PATIENCE;
        while let Ok(page) = timeout(patience, self.page()).await {
            let Some(page) = page? else {
                break;
            };
            patience = INTERVAL;
            let start = page.host.start;
            self.question.after.insert(start.clone(), page.next);
            self.hosts.insert(start);
        }
        self.check_hosts()
    }

    fn check_hosts(&self) -> Result<(), CannotRead> {
        if self.hosts.is_empty() {
            let subject = self.subject.clone();
            return Err(CannotRead::NoHost { subject });
        }
        Ok(())
    }

    /// Waits for the next page, and hands its records to `then`. Asks hosts every half second. A
    /// host that is started later is found too.
    ///
    /// # Errors
    ///
    /// Fails if a host refuses the question, or if the connection is closed for good.
    pub async fn read_next(
        &mut self,
        read: &mut ReadRecords,
        then: impl FnMut(DecisionRecord),
    ) -> Result<(), CannotRead> {
        loop {
            if let Ok(page) = timeout(INTERVAL, self.page()).await {
                if let Some(page) = page? {
                    if self.take(page, read, then) {
                        self.ask().await?;
                    }
                    return Ok(());
                }
                sleep(INTERVAL).await;
            }
            // The client library would hold questions back, and send all of them at once.
            if self.client.connection_state() == State::Connected {
                self.ask().await?;
            }
        }
    }

    async fn ask(&self) -> Result<(), CannotRead> {
        let failed = |error| failed("ask hosts", &self.subject, error);
        let question = serde_json::to_vec(&self.question).map_err(|error| failed(error.into()))?;
        let (subject, inbox) = (self.subject.clone(), self.inbox.clone());
        let asked = self
            .client
            .publish_with_reply(subject, inbox, question.into());
        asked.await.map_err(|error| failed(error.into()))
    }

    /// Waits for a page. `None` if no host receives questions.
    async fn page(&mut self) -> Result<Option<LivePage>, CannotRead> {
        let failed = |error| failed("read records", &self.subject, error);
        let Some(answer) = self.pages.next().await else {
            return Err(failed("the connection was closed for good".into()));
        };
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Ok(None);
        }
        let headers = answer.headers.as_ref();
        if let Some(error) = headers.and_then(|headers| headers.get(ERROR)) {
            return Err(failed(format!("a host answers: {error}").into()));
        }
        let page = serde_json::from_slice(&answer.payload);
        page.map(Some).map_err(|error| failed(error.into()))
    }

    /// Hands the records of a page to `then`. Returns whether the host has another page now.
    fn take(
        &mut self,
        page: LivePage,
        read: &mut ReadRecords,
        mut then: impl FnMut(DecisionRecord),
    ) -> bool {
        let start = page.host.start;
        let after = self.question.after.entry(start.clone()).or_default();
        self.hosts.insert(start);
        if page.after != *after {
            // A second answer to a question of before, whose records were read already.
            return false;
        }
        *after = page.next;
        self.evicted = self.evicted.saturating_add(page.evicted);
        self.too_large = self.too_large.saturating_add(page.too_large);
        for record in page.records {
            if let Some(record) = read.take(record) {
                then(record);
            }
        }
        page.more
    }
}

fn failed(action: &'static str, subject: &str, source: async_nats::Error) -> CannotRead {
    CannotRead::Stream {
        action,
        subject: subject.to_owned(),
        source,
    }
}
