//! Keeping up with one bucket.
//!
//! A consumer delivers the last message of every key, then whatever comes. Whatever is in doubt, the bucket is read again from the
//! beginning, aside, and takes the place of what was known once all of it is there. What cannot be read over one connection is read
//! over the next.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::Subscriber;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Info, Stream};
use futures::StreamExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::bucket::{Bucket, Content, TooLarge};
use super::feed::{Delivery, Feed};
use super::line::{Line, Lines};
use crate::error::chain;

/// How often the server says that there is nothing to say.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long it may say nothing at all.
const SILENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether the connection was made anew.
const GLANCE: Duration = Duration::from_millis(500);
/// How often the bucket itself is looked at: servers do not tell what they forget.
const AUDIT: Duration = Duration::from_secs(30);
/// The first wait before a bucket is tried again; each is twice the one before, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The wait after a bucket was too large: it takes reading all of it to see that it is not any more.
const LARGE_WAIT: Duration = Duration::from_mins(1);

/// Keeps up with one bucket.
pub(super) struct Follower {
    bucket: Arc<Bucket>,
    lines: Lines,
    stream: String,
}

/// Why a bucket is not followed any further.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    /// It may have changed unnoticed: read it again.
    Doubt,
    /// There is no such bucket.
    Missing,
    /// It is larger than the host keeps.
    TooLarge,
    /// It cannot be followed, for this reason.
    Lost(String),
}

impl Follower {
    pub(super) fn new(bucket: Arc<Bucket>, lines: Lines) -> Self {
        let stream = format!("KV_{}", bucket.name);
        Self {
            bucket,
            lines,
            stream,
        }
    }

    /// Follows the bucket for ever.
    pub(super) async fn run(mut self) {
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
            Ended::Doubt => return,
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
            Ended::Doubt => {}
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
    async fn follow(&self, advisories: &mut Option<Subscriber>) -> Ended {
        match self.try_follow(advisories).await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn try_follow(
        &self,
        advisories: &mut Option<Subscriber>,
    ) -> Result<std::convert::Infallible, Ended> {
        let connects = self.line().connects();
        let stream = self.line().context.get_stream(&self.stream).await;
        let stream = stream.map_err(|error| of_stream(&error))?;
        let mut feed = self.feed(&stream).await?;
        // Filled aside, then published.
        let mut aside = Some(Content::default());
        if feed.is_complete() {
            self.publish(&mut aside);
        }
        let mut silent_at = Instant::now() + SILENCE;
        let (mut glances, mut audits) = (interval(GLANCE), interval(AUDIT));
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        audits.set_missed_tick_behavior(MissedTickBehavior::Delay);
        audits.reset();
        loop {
            tokio::select! {
                // What has come is taken before it is held against the server that nothing did.
                biased;
                message = feed.next() => {
                    silent_at = Instant::now() + SILENCE;
                    let delivery = feed.take(message).await.map_err(Ended::Lost)?;
                    if let Delivery::Change(change) = delivery {
                        let applied = match &mut aside {
                            Some(content) => content.apply(change, self.bucket.limit()),
                            None => self.bucket.apply(change),
                        };
                        applied.map_err(|TooLarge| Ended::TooLarge)?;
                    }
                    if feed.is_complete() {
                        self.publish(&mut aside);
                    }
                }
                () = sleep_until(silent_at) => {
                    return Err(Ended::Lost(format!("nothing was heard of it for {SILENCE:?}")));
                }
                _ = glances.tick() => {
                    if self.line().connects() != connects {
                        return Err(Ended::Doubt);
                    }
                }
                _ = audits.tick() => self.audit(&stream).await?,
                () = heard(advisories) => return Err(Ended::Doubt),
            }
        }
    }

    /// Has the last message of every key delivered, and what comes after.
    async fn feed(&self, stream: &Stream) -> Result<Feed, Ended> {
        let client = &self.line().client;
        let inbox = client.new_inbox();
        let subscription = client.subscribe(inbox.clone()).await;
        let subscription = subscription.map_err(|error| Ended::Lost(chain(&error)))?;
        let config = push::Config {
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
        let consumer = consumer.map_err(|error| Ended::Lost(chain(&error)))?;
        let info = consumer.cached_info();
        let pending = info
            .num_pending
            .saturating_add(info.delivered.consumer_sequence);
        let max_age = Some(max_age(stream.cached_info()));
        let max_age = max_age.filter(|age| !age.is_zero());
        Ok(Feed::new(subscription, client.clone(), max_age, pending))
    }

    /// All of the bucket is there.
    fn publish(&self, aside: &mut Option<Content>) {
        let Some(content) = aside.take() else { return };
        tracing::info!(
            key_value.bucket = self.bucket.name.as_str(),
            key_value.keys = content.keys(),
            key_value.bytes = content.bytes(),
            "key-value bucket synchronised"
        );
        self.bucket.publish(content);
    }

    /// Compares with the stream what it does not tell: that it was purged, what it forgot, that it is another one.
    async fn audit(&self, stream: &Stream) -> Result<(), Ended> {
        // What cannot be asked now is asked the next time; if the connection is at fault, that is noticed elsewhere.
        let Ok(now) = self.line().context.get_stream(&self.stream).await else {
            return Ok(());
        };
        let (now, then) = (now.cached_info(), stream.cached_info());
        if now.created != then.created || max_age(now) != max_age(then) {
            return Err(Ended::Doubt);
        }
        self.bucket
            .forget(now.state.first_sequence, SystemTime::now());
        Ok(())
    }

    /// Waits until a connection has been made anew since they had been made `connects` times.
    async fn reconnected(&self, connects: u64) {
        while self.lines.connects() == connects {
            sleep(GLANCE).await;
        }
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

fn of_stream(error: &GetStreamError) -> Ended {
    use async_nats::jetstream::ErrorCode;
    match error.kind() {
        GetStreamErrorKind::JetStream(error)
            if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
        {
            Ended::Missing
        }
        _ => Ended::Lost(chain(error)),
    }
}
