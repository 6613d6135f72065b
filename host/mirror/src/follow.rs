//! Keeping up with one bucket.
//!
//! A consumer delivers the last message of every key, then whatever comes. Whatever is in doubt, the bucket is read again from the
//! beginning, aside, and takes the place of what was known once all of it is there. What cannot be read over one connection is read
//! over the next.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Info, Stream};
use async_nats::{Message, Subscriber};
use futures::StreamExt as _;
use portcullis_core::with_causes;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::audit::{Audit, Difference};
use crate::bucket::Bucket;
use crate::connections::{Line, Lines};
use crate::content::{Content, Counts, TooLarge};
use crate::feed::{Delivery, Feed, Source};

/// How often the server says that there is nothing to say.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long it may say nothing at all.
const SILENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether the connection was made anew.
const GLANCE: Duration = Duration::from_millis(500);
/// How often the server is asked what it counts.
const AUDIT: Duration = Duration::from_secs(2);
/// How often at most it is asked because the stream was made or changed.
const SOONEST_AUDIT: Duration = Duration::from_millis(200);
/// How rarely it is asked once reading the bucket again has not helped several times in a row.
const RAREST_AUDIT: Duration = Duration::from_mins(1);
/// The first wait before a bucket is tried again; each is twice the one before, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The wait after a bucket was too large: it takes reading all of it to see that it is not any more.
const LARGE_WAIT: Duration = Duration::from_mins(1);

/// Keeps up with one bucket.
pub(crate) struct Follower {
    bucket: Arc<Bucket>,
    lines: Lines,
    stream: String,
    /// How often the server is asked what it counts: each difference doubles it, an agreement ends that.
    audit: Duration,
}

/// Why a bucket is not followed any further.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    /// It may have changed unnoticed: read it again.
    Doubt,
    /// It has changed unnoticed: read it again.
    Differs(Difference),
    /// There is no such bucket.
    Missing,
    /// It is larger than the host keeps.
    TooLarge,
    /// It cannot be followed, for this reason.
    Lost(String),
}

impl Follower {
    pub(crate) fn new(bucket: Arc<Bucket>, lines: Lines) -> Self {
        let stream = format!("KV_{}", bucket.name);
        Self {
            bucket,
            lines,
            stream,
            audit: AUDIT,
        }
    }

    /// Follows the bucket for ever.
    pub(crate) async fn run(mut self) {
        // There are timers besides.
        let mut advisories = self.line().advisories(&self.stream).await;
        let (mut told, mut wait) = (None, FIRST_WAIT);
        loop {
            let connects = self.lines.connects();
            let before = self.bucket.synchronisations();
            let ended = self.follow(&mut advisories).await;
            if self.bucket.synchronisations() != before {
                (told, wait) = (None, FIRST_WAIT);
            }
            self.settle(&ended, &mut told);
            // Advisories can be forged: they make nothing happen more often.
            sleep(FIRST_WAIT).await;
            let pause = match ended {
                Ended::TooLarge => LARGE_WAIT,
                _ => wait,
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.reconnected(connects) => {}
                () = heard(&mut advisories) => {}
            }
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
            // Something has been wrong for `SILENCE`, perhaps with this connection only.
            if matches!(ended, Ended::Lost(_)) && self.lines.go_over() {
                advisories = self.line().advisories(&self.stream).await;
            }
        }
    }

    const fn line(&self) -> &Line {
        self.lines.current()
    }

    /// Draws the consequences, and says so unless that is what was said last.
    fn settle(&self, ended: &Ended, told: &mut Option<Ended>) {
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
        let same = |told: &Ended| std::mem::discriminant(told) == std::mem::discriminant(ended);
        if told.as_ref().is_some_and(same) {
            return;
        }
        *told = Some(ended.clone());
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
                error,
                "key-value bucket lost: look-ups are answered by what was known"
            ),
            Ended::Lost(error) => tracing::warn!(
                key_value.bucket = bucket,
                error,
                "key-value bucket cannot be read: look-ups fail"
            ),
        }
    }

    /// Reads the bucket and keeps up with it until something is in the way.
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
        let connects = self.line().connects();
        let stream = self.line().context.get_stream(&self.stream).await;
        let stream = stream.map_err(|error| of_stream(&error))?;
        let mut reading = Reading::new(Arc::clone(&self.bucket), self.feed(&stream).await?);
        let mut glances = interval(GLANCE);
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut audited, mut next_audit) = (Instant::now(), Instant::now() + self.audit);
        loop {
            tokio::select! {
                // What has come is taken before it is held against the server that nothing did.
                biased;
                message = reading.feed.next() => reading.take(message).await?,
                () = sleep_until(reading.silent_at) => {
                    return Err(Ended::Lost(format!("nothing was heard of it for {SILENCE:?}")));
                }
                _ = glances.tick() => {
                    if self.line().connects() != connects {
                        return Err(Ended::Doubt);
                    }
                }
                () = sleep_until(next_audit) => {
                    let counts = self.count(&stream).await?;
                    if let Some(counts) = counts {
                        let compared = reading.audit(counts);
                        self.audit = match compared {
                            Ok(()) => AUDIT,
                            Err(_) => self.audit.saturating_mul(2).min(RAREST_AUDIT),
                        };
                        compared.map_err(Ended::Differs)?;
                    }
                    audited = Instant::now();
                    next_audit = audited + self.audit;
                }
                () = heard(advisories) => next_audit = next_audit.min(audited + SOONEST_AUDIT),
            }
        }
    }

    /// Has the last message of every key delivered, and what comes after.
    async fn feed(&self, stream: &Stream) -> Result<Feed, Ended> {
        let client = &self.line().client;
        let inbox = client.new_inbox();
        let subscription = client.subscribe(inbox.clone()).await;
        let subscription = subscription.map_err(|error| Ended::Lost(with_causes(&error)))?;
        // Without a name, the request would be on a subject whose permission admits every consumer of the stream.
        let name = inbox.rsplit('.').next().map(str::to_owned);
        let config = push::Config {
            name,
            deliver_subject: inbox,
            deliver_policy: DeliverPolicy::LastPerSubject,
            // Of whichever subjects: a copy of another bucket has those of that one.
            filter_subject: ">".to_owned(),
            ack_policy: AckPolicy::None,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: SILENCE.saturating_mul(2),
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(|error| Ended::Lost(with_causes(&error)))?;
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
            // The consumer was made after this was said, and delivers all that came since.
            position: then.state.last_sequence,
        };
        Ok(Feed::new(subscription, client.clone(), source))
    }

    /// Asks the server what it counts; `None` if it does not answer.
    async fn count(&self, stream: &Stream) -> Result<Option<Counts>, Ended> {
        let now = match self.line().context.get_stream(&self.stream).await {
            Ok(now) => now,
            Err(error) => match of_stream(&error) {
                Ended::Missing => return Err(Ended::Missing),
                // It is asked again; if the connection is at fault, that is noticed elsewhere.
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

    /// Waits until a connection has been made anew since they had been made `connects` times.
    async fn reconnected(&self, connects: u64) {
        while self.lines.connects() == connects {
            sleep(GLANCE).await;
        }
    }
}

/// One reading of a bucket: all of it aside, then what comes.
struct Reading {
    bucket: Arc<Bucket>,
    feed: Feed,
    /// What has come, until it is all there and is published.
    aside: Option<Content>,
    audit: Audit,
    /// When the server has been silent for too long.
    silent_at: Instant,
    /// Whether it was said that there are forged messages.
    told: bool,
}

impl Reading {
    fn new(bucket: Arc<Bucket>, feed: Feed) -> Self {
        let mut reading = Self {
            bucket,
            feed,
            aside: Some(Content::default()),
            audit: Audit::default(),
            silent_at: Instant::now() + SILENCE,
            told: false,
        };
        reading.publish();
        reading
    }

    /// Takes what came.
    async fn take(&mut self, message: Option<Message>) -> Result<(), Ended> {
        let subject = message.as_ref().and_then(|message| message.reply.clone());
        match self.feed.take(message).await.map_err(Ended::Lost)? {
            Delivery::Forged => {
                self.forged(subject.as_deref());
                return Ok(());
            }
            Delivery::Nothing => {}
            Delivery::Change(change) => {
                let applied = match &mut self.aside {
                    Some(content) => content.apply(change, self.bucket.limit()),
                    None => self.bucket.apply(change),
                };
                applied.map_err(|TooLarge| Ended::TooLarge)?;
            }
        }
        self.silent_at = Instant::now() + SILENCE;
        self.publish();
        let position = self.feed.position();
        let compared = self.audit.compare(position, &self.bucket);
        compared.map_err(Ended::Differs)
    }

    /// Compares with what the server counts, if all of the bucket is there.
    fn audit(&mut self, counts: Counts) -> Result<(), Difference> {
        match self.aside {
            Some(_) => Ok(()),
            None => self.audit.take(counts, self.feed.position(), &self.bucket),
        }
    }

    /// Publishes what has come, once it is complete.
    fn publish(&mut self) {
        if !self.feed.is_complete() {
            return;
        }
        let Some(content) = self.aside.take() else {
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

    /// Counts a message that the consumer did not send, and says so once.
    fn forged(&mut self, reply: Option<&str>) {
        self.bucket.count_forged();
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        tracing::warn!(
            key_value.bucket = self.bucket.name.as_str(),
            reply,
            "forged message for a key-value bucket ignored: another user of its account sends to the host's inbox"
        );
    }
}

/// Waits for an advisory; for ever where there are none.
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

/// What the subjects of a bucket's keys begin with: a copy of another bucket (a mirror) has those of that one.
fn prefix(info: &Info) -> String {
    let stream = info.config.mirror.as_ref().map(|mirror| &mirror.name);
    let stream = stream.unwrap_or(&info.config.name);
    format!("$KV.{}.", stream.strip_prefix("KV_").unwrap_or(stream))
}

fn of_stream(error: &GetStreamError) -> Ended {
    use async_nats::jetstream::ErrorCode;
    match error.kind() {
        GetStreamErrorKind::JetStream(error)
            if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
        {
            Ended::Missing
        }
        _ => Ended::Lost(with_causes(error)),
    }
}
