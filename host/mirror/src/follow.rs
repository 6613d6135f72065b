//! Following one bucket.
//!
//! A consumer delivers the last message of every key, then each new one. After any doubt, the
//! follower reads the bucket again from the beginning. The new copy replaces the old one once it is
//! complete. If one connection fails, the follower takes the next.

use std::mem::{self, Discriminant};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::jetstream::stream::{Info, Stream};
use async_nats::{Message, Subscriber};
use futures::StreamExt as _;
use portcullis_core::with_causes;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::audit::{Audit, Difference};
use crate::bucket::Bucket;
use crate::connections::{Connections, JetStreamClient};
use crate::content::{Content, Counts, TooLarge};
use crate::ended::{Ended, Lost, MAX_SILENCE};
use crate::feed::{Delivery, Feed, Source};

/// The interval of the consumer's idle heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// The interval of checks whether the connection was made again.
const CONNECTION_CHECK: Duration = Duration::from_millis(500);
/// The interval of questions for the stream's counts.
const AUDIT: Duration = Duration::from_secs(2);
/// The shortest time between two such questions, when advisories cause them.
const MIN_AUDIT: Duration = Duration::from_millis(200);
/// The longest interval of such questions, after several readings in a row that did not help.
const MAX_AUDIT: Duration = Duration::from_mins(1);
/// The first back-off before a bucket is tried again; each is twice the one before.
const MIN_BACK_OFF: Duration = Duration::from_millis(100);
/// The longest back-off.
const MAX_BACK_OFF: Duration = Duration::from_secs(10);
/// The back-off of a bucket that is too large. Only reading all of it shows that it has shrunk.
const TOO_LARGE_BACK_OFF: Duration = Duration::from_mins(1);

/// The task that follows one bucket.
pub(crate) struct Follower {
    bucket: Arc<Bucket>,
    connections: Connections,
    stream: String,
    /// The interval of questions for the stream's counts. A difference doubles it; an agreement
    /// resets it.
    audit: Duration,
}

impl Follower {
    pub(crate) fn new(bucket: Arc<Bucket>, connections: Connections) -> Self {
        let stream = format!("KV_{}", bucket.name);
        Self {
            bucket,
            connections,
            stream,
            audit: AUDIT,
        }
    }

    /// Follows the bucket until the task is dropped.
    pub(crate) async fn run(mut self) {
        // Advisories are a short cut: without them, timers find every change.
        let mut advisories = self.current().advisories(&self.stream).await;
        let (mut logged, mut back_off) = (None, MIN_BACK_OFF);
        loop {
            let connects = self.connections.connects();
            let before = self.bucket.synchronisations();
            let ended = self.follow(&mut advisories).await;
            if self.bucket.synchronisations() != before {
                (logged, back_off) = (None, MIN_BACK_OFF);
            }
            self.on_end(&ended, &mut logged);
            // This wait bounds the rate of attempts, because advisories can be forged.
            sleep(MIN_BACK_OFF).await;
            let pause = match ended {
                Ended::TooLarge => TOO_LARGE_BACK_OFF,
                _ => back_off,
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.reconnected(connects) => {}
                () = heard(&mut advisories) => {}
            }
            back_off = back_off.saturating_mul(2).min(MAX_BACK_OFF);
            // The fault may lie with this connection only.
            if matches!(ended, Ended::Lost(_)) && self.connections.fail_over() {
                advisories = self.current().advisories(&self.stream).await;
            }
        }
    }

    const fn current(&self) -> &JetStreamClient {
        self.connections.current()
    }

    /// Updates the bucket's state and logs the reason, unless the last line had the same reason.
    fn on_end(&self, ended: &Ended, logged: &mut Option<Discriminant<Ended>>) {
        let is_known = match ended {
            Ended::Doubt => return self.bucket.doubt(),
            Ended::Differs(difference) => {
                tracing::info!(
                    key_value.bucket = self.bucket.name.as_str(),
                    error = with_causes(difference),
                    "key-value bucket differs from its stream and is read again"
                );
                return self.bucket.doubt();
            }
            Ended::Missing => {
                self.bucket.clear();
                false
            }
            Ended::TooLarge => {
                self.bucket.overflow();
                false
            }
            Ended::Lost(_) => self.bucket.lose(),
        };
        let reason = mem::discriminant(ended);
        if logged.replace(reason) == Some(reason) {
            return;
        }
        let bucket = self.bucket.name.as_str();
        match ended {
            Ended::Doubt | Ended::Differs(_) => {}
            Ended::Missing => tracing::warn!(
                key_value.bucket = bucket,
                "key-value bucket missing: look-ups fail"
            ),
            Ended::TooLarge => tracing::warn!(
                key_value.bucket = bucket,
                key_value.limit = self.bucket.limit(),
                "key-value bucket larger than `max-bytes` under [key-value]: look-ups fail"
            ),
            Ended::Lost(error) if is_known => tracing::warn!(
                key_value.bucket = bucket,
                error = with_causes(error),
                "key-value bucket lost: look-ups are answered by what was known"
            ),
            Ended::Lost(error) => tracing::warn!(
                key_value.bucket = bucket,
                error = with_causes(error),
                "key-value bucket cannot be read: look-ups fail"
            ),
        }
    }

    /// Reads the bucket and follows it until a reading ends.
    async fn follow(&mut self, advisories: &mut Option<Subscriber>) -> Ended {
        match self.try_follow(advisories).await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn try_follow(
        &mut self,
        advisories: &mut Option<Subscriber>,
    ) -> Result<std::convert::Infallible, Ended> {
        let connects = self.current().connects();
        let stream = self.current().context.get_stream(&self.stream).await;
        let stream = stream.map_err(Ended::from)?;
        let mut reading = Reading::new(Arc::clone(&self.bucket), self.feed(&stream).await?);
        let mut checks = interval(CONNECTION_CHECK);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut audited, mut next_audit) = (Instant::now(), Instant::now() + self.audit);
        loop {
            tokio::select! {
                // Messages come first, so that those already here count against the silence.
                biased;
                message = reading.feed.next() => reading.take(message).await?,
                () = sleep_until(reading.silent_at) => {
                    return Err(Ended::Lost(Lost::Silent));
                }
                _ = checks.tick() => {
                    if self.current().connects() != connects {
                        return Err(Ended::Doubt);
                    }
                }
                () = sleep_until(next_audit) => {
                    let counts = self.count(&stream).await?;
                    if let Some(counts) = counts {
                        let compared = reading.audit(counts);
                        self.audit = match compared {
                            Ok(()) => AUDIT,
                            Err(_) => self.audit.saturating_mul(2).min(MAX_AUDIT),
                        };
                        compared.map_err(Ended::Differs)?;
                    }
                    audited = Instant::now();
                    next_audit = audited + self.audit;
                }
                () = heard(advisories) => next_audit = next_audit.min(audited + MIN_AUDIT),
            }
        }
    }

    /// Creates a consumer of the last message of every key and of all later messages.
    async fn feed(&self, stream: &Stream) -> Result<Feed, Ended> {
        let client = &self.current().client;
        let inbox = client.new_inbox();
        let subscription = client.subscribe(inbox.clone()).await;
        let subscription = subscription.map_err(|error| Ended::Lost(Lost::Subscribe(error)))?;
        // Without a name, the request's subject would need a permission for every consumer.
        let name = inbox.rsplit('.').next().map(str::to_owned);
        let config = push::Config {
            name,
            deliver_subject: inbox,
            deliver_policy: DeliverPolicy::LastPerSubject,
            // All subjects: the mirror of another bucket has the subjects of that bucket.
            filter_subject: ">".to_owned(),
            ack_policy: AckPolicy::None,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: MAX_SILENCE.saturating_mul(2),
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(|error| Ended::Lost(Lost::Consumer(error)))?;
        let (info, then) = (consumer.cached_info(), stream.cached_info());
        let max_age = Some(max_age(then)).filter(|age| !age.is_zero());
        let source = Source {
            stream: self.stream.clone(),
            consumer: info.name.clone(),
            prefix: prefix(then),
            max_age,
            pending: info
                .num_pending
                .saturating_add(info.delivered.consumer_sequence),
            // The consumer is younger than this number, and delivers every later message.
            position: then.state.last_sequence,
        };
        Ok(Feed::new(subscription, client.clone(), source))
    }

    /// Asks the server for the stream's counts. Returns `None` without an answer.
    async fn count(&self, stream: &Stream) -> Result<Option<Counts>, Ended> {
        let now = match self.current().context.get_stream(&self.stream).await {
            Ok(now) => now,
            Err(error) => match Ended::from(error) {
                Ended::Missing => return Err(Ended::Missing),
                // The next audit asks again; silence and reconnects show a broken connection.
                _ => return Ok(None),
            },
        };
        let (now, then) = (now.cached_info(), stream.cached_info());
        let is_same = now.created == then.created
            && max_age(now) == max_age(then)
            && prefix(now) == prefix(then);
        if !is_same {
            return Err(Ended::Doubt);
        }
        Ok(Some(Counts::new(&now.state)))
    }

    /// Waits until the number of connects differs from `connects`.
    async fn reconnected(&self, connects: u64) {
        while self.connections.connects() == connects {
            sleep(CONNECTION_CHECK).await;
        }
    }
}

/// One reading of a bucket: a new copy first, then changes.
struct Reading {
    bucket: Arc<Bucket>,
    feed: Feed,
    /// The new copy, until it is complete and published.
    new_copy: Option<Content>,
    audit: Audit,
    /// The time at which the silence is too long.
    silent_at: Instant,
    /// `true` once a line about forged messages was written.
    logged_forged: bool,
}

impl Reading {
    fn new(bucket: Arc<Bucket>, feed: Feed) -> Self {
        let mut reading = Self {
            bucket,
            feed,
            new_copy: Some(Content::default()),
            audit: Audit::default(),
            silent_at: Instant::now() + MAX_SILENCE,
            logged_forged: false,
        };
        reading.publish();
        reading
    }

    /// Handles a message of the consumer's inbox.
    async fn take(&mut self, message: Option<Message>) -> Result<(), Ended> {
        let subject = message.as_ref().and_then(|message| message.reply.clone());
        let delivery = self.feed.take(message).await;
        match delivery.map_err(|error| Ended::Lost(error.into()))? {
            Delivery::Forged => {
                self.forged(subject.as_deref());
                return Ok(());
            }
            Delivery::Nothing => {}
            Delivery::Change(change) => {
                let applied = match &mut self.new_copy {
                    Some(content) => content.apply(change, self.bucket.limit()),
                    None => self.bucket.apply(change),
                };
                applied.map_err(|TooLarge| Ended::TooLarge)?;
            }
        }
        self.silent_at = Instant::now() + MAX_SILENCE;
        self.publish();
        let position = self.feed.position();
        let compared = self.audit.compare(position, &self.bucket);
        compared.map_err(Ended::Differs)
    }

    /// Compares the bucket with the stream's counts, once the copy is complete.
    fn audit(&mut self, counts: Counts) -> Result<(), Difference> {
        match self.new_copy {
            Some(_) => Ok(()),
            None => self.audit.take(counts, self.feed.position(), &self.bucket),
        }
    }

    /// Publishes the new copy once it is complete.
    fn publish(&mut self) {
        if !self.feed.is_complete() {
            return;
        }
        let Some(content) = self.new_copy.take() else {
            return;
        };
        tracing::info!(
            key_value.bucket = self.bucket.name.as_str(),
            key_value.keys = content.keys(),
            key_value.bytes = content.bytes(),
            "key-value bucket synchronised"
        );
        self.bucket.publish(content, self.feed.prefix().to_owned());
    }

    /// Counts a message that the consumer did not send, and logs the first one.
    fn forged(&mut self, reply: Option<&str>) {
        self.bucket.count_forged();
        if std::mem::replace(&mut self.logged_forged, true) {
            return;
        }
        tracing::warn!(
            key_value.bucket = self.bucket.name.as_str(),
            reply,
            "forged message for a key-value bucket ignored: another user of its account sends to the host's inbox"
        );
    }
}

/// Waits for an advisory, without end where the subscription failed or has ended.
async fn heard(advisories: &mut Option<Subscriber>) {
    if let Some(subscription) = advisories
        && subscription.next().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

const fn max_age(info: &Info) -> Duration {
    info.config.max_age
}

/// Returns the first tokens of the subjects of a bucket's keys. A mirror has those of its origin.
fn prefix(info: &Info) -> String {
    let stream = info.config.mirror.as_ref().map(|mirror| &mirror.name);
    let stream = stream.unwrap_or(&info.config.name);
    format!("$KV.{}.", stream.strip_prefix("KV_").unwrap_or(stream))
}
