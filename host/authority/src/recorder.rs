//! The queue of decision records, which every front door fills.
//!
//! A login reserves room for its record before its reply, and fills it after. The queue is bounded
//! by its size in memory. Without room, the record is dropped and counted, or the login waits, as
//! the options say. Sinks take the records out of the other end, on threads of their own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use portcullis_core::{
    AuthorizationRequest, Decision, DecisionRecord, LoginFacts, LoginOutcome, Outcome,
    RecordedAccess, RecordedAnswer, RecordedPolicy, RecordedVerdict, RecordingHost, Secret,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::decision_log::DecisionLine;

/// Unit of the room in a queue, in bytes.
const UNIT: usize = 1 << 10;

/// Approximate size of a record in memory in addition to its texts, in bytes.
const BASE: usize = 1 << 10;

/// The facts about a client that records have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordedFacts {
    /// The facts that the log line of a decision has too. The default.
    #[default]
    Shown,
    /// All facts that a policy can ask for, apart from secrets: also claims, groups, tags and the
    /// certificate.
    All,
}

/// The treatment of records while the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenRecordsFull {
    /// The host drops and counts records that do not fit into the queue. The default.
    #[default]
    Drop,
    /// The login waits until its record fits into the queue, up to the server's timeout.
    Block,
}

/// The options of a recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecorderOptions {
    /// Name of the host in its records.
    pub host_name: String,
    /// Version of the host in its records.
    pub host_version: String,
    /// Id of this start of the host.
    pub start: String,
    /// The facts about clients.
    pub facts: RecordedFacts,
    /// The treatment of records while the queue is full.
    pub when_full: WhenRecordsFull,
    /// Maximum size of the records in memory, in bytes: those in the queue, and those of permits
    /// that the server may still refuse.
    pub max_pending: usize,
}

/// The filling end of a queue of records. The default records nothing. Clones share the queue.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Option<Arc<Shared>>);

/// The end of a queue that sinks take records from.
#[derive(Debug)]
pub struct Records {
    receiver: UnboundedReceiver<Queued>,
    shared: Arc<Counts>,
}

/// Room for the record of one login.
#[derive(Debug)]
pub struct Reserved {
    shared: Arc<Shared>,
    sequence: u64,
    room: OwnedSemaphorePermit,
}

/// A record on its way to the sinks. Dropping it frees its room.
#[derive(Debug)]
pub struct PendingRecord {
    /// The record.
    pub record: Box<DecisionRecord>,
    _room: OwnedSemaphorePermit,
}

struct Shared {
    options: RecorderOptions,
    sequence: AtomicU64,
    /// The number of units that are left.
    room: Arc<Semaphore>,
    sender: UnboundedSender<Queued>,
    counts: Arc<Counts>,
}

/// An entry of the queue.
#[derive(Debug)]
enum Queued {
    Record(PendingRecord),
    /// No further record is taken out.
    End,
}

/// Numbers of records.
#[derive(Debug, Default)]
struct Counts {
    lost: AtomicU64,
}

impl RecorderOptions {
    /// The default of `max_pending`: 64 MiB.
    pub const MAX_PENDING: usize = 64 << 20;
}

impl Recorder {
    /// Returns the two ends of a queue.
    pub fn queue(options: RecorderOptions) -> (Self, Records) {
        let (sender, receiver) = unbounded_channel();
        let units = (options.max_pending / UNIT).clamp(1, u32::MAX as usize);
        let counts = Arc::new(Counts::default());
        let shared = Shared {
            options,
            sequence: AtomicU64::new(0),
            room: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
            sender,
            counts: Arc::clone(&counts),
        };
        let records = Records {
            receiver,
            shared: counts,
        };
        (Self(Some(Arc::new(shared))), records)
    }

    /// Returns whether logins are recorded.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Returns room for the record of a login, `None` if logins are not recorded or if there is no
    /// room. Waits for room if the options say so, until `latest`.
    pub async fn reserve(
        &self,
        request: &AuthorizationRequest,
        decision: &Decision,
        latest: Option<Instant>,
    ) -> Option<Reserved> {
        let shared = self.0.as_ref()?;
        let sequence = shared.sequence.fetch_add(1, Ordering::Relaxed);
        let sequence = sequence.saturating_add(1);
        let all = u32::try_from(shared.options.max_pending / UNIT).unwrap_or(u32::MAX);
        let size = size(request, decision, shared.options.facts) / UNIT;
        let units = u32::try_from(size).unwrap_or(u32::MAX).min(all).max(1);
        let Some(room) = shared.room(units, latest).await else {
            shared.counts.lost.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        Some(Reserved {
            shared: Arc::clone(shared),
            sequence,
            room,
        })
    }

    /// Hands a record to the sinks.
    pub fn send(&self, record: PendingRecord) {
        if let Some(shared) = &self.0
            && shared.sender.send(Queued::Record(record)).is_err()
        {
            shared.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends the queue. The sinks take the records that were sent before, and no others.
    pub fn end(&self) {
        if let Some(shared) = &self.0 {
            // Without a receiver, the queue has ended already.
            let _ = shared.sender.send(Queued::End);
        }
    }
}

impl Shared {
    async fn room(&self, units: u32, latest: Option<Instant>) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.room);
        if self.options.when_full == WhenRecordsFull::Drop {
            return room.try_acquire_many_owned(units).ok();
        }
        let waiting = room.acquire_many_owned(units);
        match latest {
            Some(latest) => timeout_at(latest.into(), waiting).await.ok()?.ok(),
            None => waiting.await.ok(),
        }
    }
}

impl Reserved {
    /// Returns the record of the login of `line`, which was decided at `time`.
    pub fn fill(
        self,
        line: &DecisionLine<'_>,
        outcome: LoginOutcome,
        time: SystemTime,
    ) -> PendingRecord {
        let options = &self.shared.options;
        let (request, decision) = (line.request, line.decision);
        let permit = decision.outcome.permit();
        let mut record = DecisionRecord {
            format: DecisionRecord::FORMAT,
            id: format!("{}-{}", options.start, self.sequence),
            host: RecordingHost {
                name: options.host_name.clone(),
                version: options.host_version.clone(),
                start: options.start.clone(),
                sequence: self.sequence,
            },
            time: humantime::format_rfc3339_millis(time).to_string(),
            received_at: request.received_at,
            outcome,
            verdict: match permit {
                Some(_) => RecordedVerdict::Permit,
                None => RecordedVerdict::Deny,
            },
            class: None,
            reason: None,
            blame: None,
            server_reason: None,
            user_nkey: request.user_nkey.as_str().to_owned(),
            login: match options.facts {
                RecordedFacts::Shown => LoginFacts::shown(request),
                RecordedFacts::All => LoginFacts::all(request),
            },
            policy: decision.policy.as_deref().map(RecordedPolicy::from),
            policies: decision.steps.iter().map(RecordedAnswer::from).collect(),
            access: permit.map(RecordedAccess::from),
            reply: line.reply.to_owned(),
            error: line.error.map(str::to_owned),
            elapsed_us: u64::try_from(line.elapsed.as_micros()).unwrap_or(u64::MAX),
            request_id: line.request_id.map(str::to_owned),
            trace_id: line.trace_id.map(str::to_owned),
        };
        if let Outcome::Deny(denial) = &decision.outcome {
            record.set_denial(denial.class, denial.reason.clone());
        }
        PendingRecord {
            record: Box::new(record),
            _room: self.room,
        }
    }
}

impl Records {
    /// Waits for the next record, and blocks the thread. `None` once the queue has ended.
    pub fn blocking_next(&mut self) -> Option<PendingRecord> {
        let queued = self.receiver.blocking_recv()?;
        self.record(queued)
    }

    /// Returns the next record if one waits.
    pub fn try_next(&mut self) -> Option<PendingRecord> {
        let queued = self.receiver.try_recv().ok()?;
        self.record(queued)
    }

    fn record(&mut self, queued: Queued) -> Option<PendingRecord> {
        match queued {
            Queued::Record(record) => Some(record),
            Queued::End => {
                self.receiver.close();
                None
            }
        }
    }

    /// Returns a function that returns the number of records that found no room in the queue.
    pub fn lost(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let counts = Arc::clone(&self.shared);
        move || counts.lost.load(Ordering::Relaxed)
    }
}

/// Returns the approximate size of the record of a login in memory, in bytes.
fn size(request: &AuthorizationRequest, decision: &Decision, facts: RecordedFacts) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let (client, identity) = (&request.client, &request.identity);
    let mut size = BASE
        + length(&request.credentials.username)
        + length(&client.user)
        + length(&client.name)
        + length(&client.mqtt_id)
        + length(&identity.principal)
        + length(&identity.issuer);
    match &decision.outcome {
        Outcome::Permit(permit) => {
            let permissions = permit.permissions();
            for side in [&permissions.publish, &permissions.subscribe] {
                let subjects = side.allow.iter().chain(&side.deny);
                size += subjects
                    .map(|subject| subject.as_str().len() + 32)
                    .sum::<usize>();
            }
        }
        Outcome::Deny(denial) => size += denial.reason.len(),
    }
    for step in &decision.steps {
        size += 256
            + step
                .asked
                .iter()
                .map(|asked| asked.len() + 32)
                .sum::<usize>();
    }
    if facts == RecordedFacts::All {
        // Claims and certificates are at most as long as the texts that the client presented.
        let secret = |secret: &Option<Secret>| secret.as_ref().map_or(0, |it| it.expose().len());
        let credentials = &request.credentials;
        size += secret(&credentials.token) + secret(&credentials.jwt);
        size += secret(&credentials.password);
        let chains = client.tls.iter().flat_map(|tls| &tls.chains).flatten();
        size += chains.map(String::len).sum::<usize>();
    }
    size
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_core::DenialClass;

    use super::*;
    use crate::fixtures::request;

    fn options(when_full: WhenRecordsFull) -> RecorderOptions {
        RecorderOptions {
            host_name: "portcullis".to_owned(),
            host_version: "0.1.0".to_owned(),
            start: "00".to_owned(),
            facts: RecordedFacts::Shown,
            when_full,
            max_pending: 2 * UNIT,
        }
    }

    fn record(reserved: Reserved, decision: &Decision) -> PendingRecord {
        let line = DecisionLine {
            request: &request(),
            decision,
            elapsed: Duration::from_micros(7),
            reply: "sent",
            error: None,
            request_id: None,
            trace_id: None,
        };
        reserved.fill(&line, LoginOutcome::Denied, SystemTime::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn a_full_queue_drops_counts_and_leaves_a_gap() {
        let (recorder, mut records) = Recorder::queue(options(WhenRecordsFull::Drop));
        let decision = Decision::deny(DenialClass::PolicyDenied, "no");
        let lost = records.lost();
        let request = request();
        let reserve = || recorder.reserve(&request, &decision, None);
        let first = reserve().await.unwrap();
        let second = reserve().await.unwrap();
        assert!(reserve().await.is_none(), "there is room for two");
        assert_eq!(lost(), 1);
        recorder.send(record(second, &decision));
        recorder.send(record(first, &decision));
        for id in ["00-2", "00-1"] {
            assert_eq!(records.try_next().unwrap().record.id, id);
        }
        let fourth = reserve().await.unwrap();
        assert_eq!(record(fourth, &decision).record.host.sequence, 4);
    }

    #[tokio::test]
    async fn a_login_waits_for_room_if_it_must_until_the_server_gives_up() {
        let (recorder, mut records) = Recorder::queue(options(WhenRecordsFull::Block));
        let decision = Decision::deny(DenialClass::PolicyDenied, "no");
        let request = request();
        for _ in 0..2 {
            let reserved = recorder.reserve(&request, &decision, None).await.unwrap();
            recorder.send(record(reserved, &decision));
        }
        let now = Some(Instant::now());
        assert!(recorder.reserve(&request, &decision, now).await.is_none());
        let waiting = recorder.reserve(&request, &decision, None);
        let taken = async { drop(records.try_next()) };
        let (reserved, ()) = tokio::join!(waiting, taken);
        assert!(reserved.is_some());
    }

    #[tokio::test]
    async fn nothing_is_reserved_if_logins_are_not_recorded() {
        let decision = Decision::deny(DenialClass::PolicyDenied, "no");
        let recorder = Recorder::default();
        assert!(!recorder.is_on());
        assert!(
            recorder
                .reserve(&request(), &decision, None)
                .await
                .is_none()
        );
    }
}
