//! The records for the screen: those of the past, and new ones as hosts write or publish them.
//!
//! The way to the screen is bounded: a reader waits while the screen is behind.

use std::fs::{self, File};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::{FutureExt as _, Stream, StreamExt as _};
use portcullis_connect::Connection;
use portcullis_core::{DecisionRecord, with_causes};
use portcullis_environment::{Clock as _, SystemClock};
use portcullis_records::{
    LiveReader, ReadRecords, RecordFilter, RecordTail, StreamOptions, follow, read_stream,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::source::{Place, SourceArguments, hosts_unreadable, unreadable};
use super::kept::{Entry, Kept};
use super::update::Event;
use crate::exit::ExitCode;
use crate::failure::Failure;

/// Interval at which files are looked at for new records.
const POLL: Duration = Duration::from_millis(250);

/// Interval at which the connection is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Time before a loss from which the stream is read again. The clock of the server may be behind,
/// and the loss may have begun before it was noticed.
const OVERLAP: Duration = Duration::from_mins(5);

/// Maximum number of records that are handed over at once.
const BATCH: usize = 256;

/// Maximum number of batches that wait for the screen.
pub(super) const MAX_BATCHES: usize = 16;

/// The records of a source, as events of the screen.
#[derive(Debug)]
pub(super) struct Feed {
    /// The place of the records, in a few words.
    pub(super) name: String,
    events: Receiver<Event>,
    connection: Option<Arc<Connection>>,
}

/// The records that the arguments of the command choose.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) filter: RecordFilter,
    /// Maximum number of records of the past.
    pub(super) max_records: usize,
}

impl Feed {
    /// Starts to read the records of a source.
    ///
    /// # Errors
    ///
    /// Fails if there is no source, if a file is missing, or if no server takes the login.
    pub(super) async fn start(source: SourceArguments, chosen: Chosen) -> Result<Self, Failure> {
        let (sender, events) = channel(MAX_BATCHES);
        let (name, connection) = match source.place()? {
            Place::Files(files) => {
                let tails = files.iter().map(|file| existing(file, false));
                let tails = tails.collect::<Result<_, _>>()?;
                (start_files(tails, chosen, sender)?, None)
            }
            Place::Rotating(file) => {
                let tails = vec![existing(&file, true)?];
                (start_files(tails, chosen, sender)?, None)
            }
            Place::Hosts(subject) => {
                let place = Place::Hosts(subject.clone());
                let connection = Arc::new(source.connect(&place).await?);
                let client = connection.client().clone();
                let reader = LiveReader::new(client, &subject, chosen.filter.clone()).await;
                let reader = reader.map_err(|error| hosts_unreadable(&error))?;
                let hosts = Hosts {
                    reader,
                    chosen,
                    sender,
                    _connection: Arc::clone(&connection),
                };
                tokio::spawn(hosts.read());
                (format!("hosts on {subject}"), Some(connection))
            }
            Place::Stream => {
                let options = source.stream()?;
                let connection = Arc::new(source.connect(&Place::Stream).await?);
                // A record that is published while the past is read is not missed.
                let live = follow(connection.client(), &options.subject).await;
                let live = live.map_err(|error| Failure::new(ExitCode::Unreachable, error))?;
                let name = format!("subject {}", options.subject);
                let shared = Arc::clone(&connection);
                let subject = Subject {
                    connection: shared,
                    options,
                    chosen,
                    sender,
                };
                tokio::spawn(subject.read(live));
                (name, Some(connection))
            }
        };
        Ok(Self {
            name,
            events,
            connection,
        })
    }

    /// Waits for the next event. Never returns once the source has ended.
    pub(super) async fn next(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// Returns the next event if one waits.
    pub(super) fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Returns whether the connection to the servers stands. Files need none.
    pub(super) fn is_connected(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_none_or(|connection| connection.status().is_connected())
    }
}

/// Returns a reader of a file.
fn existing(path: &Path, with_rotated: bool) -> Result<RecordTail, Failure> {
    let checked = fs::metadata(path).and_then(|metadata| {
        // Opening a pipe waits for its writer.
        metadata.is_file().then(|| File::open(path)).transpose()
    });
    checked.map_err(|error| unreadable(path, &error))?;
    Ok(RecordTail::new(path, with_rotated))
}

/// Starts the thread that reads files. Returns the name of the source.
fn start_files(
    tails: Vec<RecordTail>,
    chosen: Chosen,
    sender: Sender<Event>,
) -> Result<String, Failure> {
    let names: Vec<_> = tails
        .iter()
        .map(|tail| tail.path().display().to_string())
        .collect();
    thread::Builder::new()
        .name("records".to_owned())
        .spawn(move || read_files(tails, &chosen.filter, &sender))
        .map_err(Failure::internal)?;
    Ok(names.join(", "))
}

/// Reads files without end, until the screen is closed.
fn read_files(mut tails: Vec<RecordTail>, filter: &RecordFilter, sender: &Sender<Event>) {
    let mut last_trouble = None;
    let mut is_past = true;
    while !sender.is_closed() {
        let mut trouble = None;
        for tail in &mut tails {
            let mut read = ReadRecords::default();
            let mut batch = Batch {
                records: Vec::new(),
                sender,
            };
            let reading = tail.read(&mut read, |record| {
                if filter.fits(&record) {
                    batch.push(record);
                }
            });
            batch.flush();
            if let Err(error) = reading {
                trouble = Some(format!("cannot read `{}`: {error}", tail.path().display()));
            }
            if read.unreadable > 0 {
                batch.send(Event::Unreadable(read.unreadable));
            }
        }
        if trouble != last_trouble {
            last_trouble.clone_from(&trouble);
            if let Some(trouble) = trouble {
                let _ = sender.blocking_send(Event::Trouble(trouble));
            }
        }
        if std::mem::take(&mut is_past) {
            let _ = sender.blocking_send(Event::CaughtUp);
        }
        thread::park_timeout(POLL);
    }
}

/// Records on their way to the screen, from a thread of their own.
struct Batch<'a> {
    records: Vec<DecisionRecord>,
    sender: &'a Sender<Event>,
}

impl Batch<'_> {
    fn push(&mut self, record: DecisionRecord) {
        self.records.push(record);
        // A screen that waits gets each record of a pipe at once.
        let is_waiting = self.sender.capacity() == self.sender.max_capacity();
        if is_waiting || self.records.len() >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.records.is_empty() {
            let records = std::mem::take(&mut self.records);
            self.send(Event::Records(records));
        }
    }

    fn send(&self, event: Event) {
        // A closed screen needs no records.
        let _ = self.sender.blocking_send(event);
    }
}

/// The records in the memory of hosts.
struct Hosts {
    reader: LiveReader,
    chosen: Chosen,
    sender: Sender<Event>,
    /// Dropping it would close the connection.
    _connection: Arc<Connection>,
}

impl Hosts {
    /// Reads the records that hosts have, and then asks for new ones. Hosts know which ones were
    /// read, so no loss of the connection leaves a gap. Returns when the screen is closed.
    async fn read(self) {
        // A closed screen needs no message.
        let _ = self.try_read().await;
    }

    async fn try_read(mut self) -> Result<(), Closed> {
        let mut read = ReadRecords::default();
        let mut past = Kept::new(self.chosen.max_records);
        let keep = |record| {
            past.insert(Entry::new(record));
        };
        let reading = self.reader.read_all(&mut read, keep).await;
        let past = past.take().filter_map(Arc::into_inner);
        self.send(Event::Records(past.map(|entry| entry.record).collect()))
            .await?;
        if let Err(error) = reading {
            self.send(Event::Trouble(with_causes(&error))).await?;
        }
        let mut missing = 0;
        self.tell_of_missing(&mut missing).await?;
        self.send(Event::CaughtUp).await?;
        let mut known = read.unreadable;
        self.send(Event::Unreadable(known)).await?;
        loop {
            let mut records = Vec::new();
            let then = |record| records.push(record);
            if let Err(error) = self.reader.read_next(&mut read, then).await {
                return self.send(Event::Trouble(with_causes(&error))).await;
            }
            if !records.is_empty() {
                self.send(Event::Records(records)).await?;
            }
            let unreadable = read.unreadable.saturating_sub(known);
            known = read.unreadable;
            self.send(Event::Unreadable(unreadable)).await?;
            self.tell_of_missing(&mut missing).await?;
        }
    }

    /// Tells of records that hosts no longer had, if there are more than `known`.
    async fn tell_of_missing(&self, known: &mut u64) -> Result<(), Closed> {
        let missing = self.reader.missing();
        if missing > *known {
            *known = missing;
            let text = format!("{missing} older records are no longer in the memory of the hosts");
            self.send(Event::Trouble(text)).await?;
        }
        Ok(())
    }

    async fn send(&self, event: Event) -> Result<(), Closed> {
        self.sender.send(event).await.map_err(|_| Closed)
    }
}

/// The records of a subject: those of its stream, and those that hosts publish.
struct Subject {
    connection: Arc<Connection>,
    options: StreamOptions,
    chosen: Chosen,
    sender: Sender<Event>,
}

/// The screen is closed, so it needs no more records.
struct Closed;

impl Subject {
    /// Reads the stream, what hosts publish, and the stream again after each loss of the
    /// connection. Returns when the screen is closed.
    async fn read(self, live: impl Stream<Item = Vec<u8>>) {
        // A closed screen needs no message.
        let _ = self.try_read(live).await;
    }

    async fn try_read(&self, live: impl Stream<Item = Vec<u8>>) -> Result<(), Closed> {
        let status = self.connection.status();
        let mut losses = Losses::new(status.counts().reconnects, SystemClock.wall());
        match self.read_past(self.chosen.filter.earliest()).await? {
            Ok(unreadable) => self.send(Event::Unreadable(unreadable)).await?,
            Err(error) => self.trouble(format!("only new records: {error}")).await?,
        }
        self.send(Event::CaughtUp).await?;
        let mut live = pin!(live);
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                next = live.next() => {
                    let Some(first) = next else {
                        let closed = "the connection was closed for good".to_owned();
                        return self.trouble(closed).await;
                    };
                    self.show(first, live.as_mut()).await?;
                }
                _ = ticks.tick() => {
                    let reconnects = status.counts().reconnects;
                    let (is_connected, now) = (status.is_connected(), SystemClock.wall());
                    if let Some(since) = losses.ended(is_connected, reconnects, now) {
                        self.make_up(since, now, &mut losses).await?;
                    }
                }
            }
        }
    }

    /// Reads the stream again, from `since` on.
    async fn make_up(
        &self,
        since: SystemTime,
        now: SystemTime,
        losses: &mut Losses,
    ) -> Result<(), Closed> {
        let since = self.chosen.filter.earliest().max(Some(since));
        match self.read_past(since).await? {
            // Lines that are no records were counted before.
            Ok(_) => losses.made_up(now),
            Err(error) => {
                let text = format!("records of the time without a connection are missing: {error}");
                self.trouble(text).await?;
            }
        }
        Ok(())
    }

    /// Hands the records of the stream from `since` on to the screen. Returns the number of its
    /// messages that are no records, or the reason why the stream was not read.
    async fn read_past(&self, since: Option<SystemTime>) -> Result<Result<u64, String>, Closed> {
        let filter = &self.chosen.filter;
        let mut read = ReadRecords::default();
        let mut past = Kept::new(self.chosen.max_records);
        let client = self.connection.client().clone();
        let keep = |record| {
            if filter.fits(&record) {
                past.insert(Entry::new(record));
            }
        };
        let reading = read_stream(client, &self.options, since, &mut read, keep).await;
        let past = past.take().filter_map(Arc::into_inner);
        self.send(Event::Records(past.map(|entry| entry.record).collect()))
            .await?;
        let unreadable = reading.map(|()| read.unreadable);
        Ok(unreadable.map_err(|error| with_causes(&error)))
    }

    /// Hands `first` and the messages that wait behind it to the screen.
    async fn show(
        &self,
        first: Vec<u8>,
        mut live: Pin<&mut impl Stream<Item = Vec<u8>>>,
    ) -> Result<(), Closed> {
        let filter = &self.chosen.filter;
        let mut read = ReadRecords::default();
        let mut records = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            records.extend(read.parse(&message).filter(|it| filter.fits(it)));
            let is_full = records.len() >= BATCH;
            next = (!is_full)
                .then(|| live.next().now_or_never())
                .flatten()
                .flatten();
        }
        self.send(Event::Records(records)).await?;
        self.send(Event::Unreadable(read.unreadable)).await
    }

    async fn trouble(&self, text: String) -> Result<(), Closed> {
        self.send(Event::Trouble(text)).await
    }

    async fn send(&self, event: Event) -> Result<(), Closed> {
        self.sender.send(event).await.map_err(|_| Closed)
    }
}

/// The losses of a connection, during which records can have been missed.
#[derive(Debug)]
struct Losses {
    reconnects: u64,
    /// The last time at which no record was missing.
    complete_at: SystemTime,
    /// Whether every loss so far was made up for.
    is_complete: bool,
}

impl Losses {
    const fn new(reconnects: u64, now: SystemTime) -> Self {
        Self {
            reconnects,
            complete_at: now,
            is_complete: true,
        }
    }

    /// Returns the time from which records can be missing, once after each loss that has ended.
    fn ended(
        &mut self,
        is_connected: bool,
        reconnects: u64,
        now: SystemTime,
    ) -> Option<SystemTime> {
        if !is_connected {
            return None;
        }
        if reconnects == self.reconnects {
            if self.is_complete {
                self.complete_at = now;
            }
            return None;
        }
        self.reconnects = reconnects;
        self.is_complete = false;
        Some(self.complete_at.checked_sub(OVERLAP).unwrap_or(UNIX_EPOCH))
    }

    /// Records that the stream was read at `now`, after the last loss.
    const fn made_up(&mut self, now: SystemTime) {
        self.complete_at = now;
        self.is_complete = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_read_again_from_before_each_loss_until_that_succeeds() {
        let at = |seconds| UNIX_EPOCH + OVERLAP + Duration::from_secs(seconds);
        let from = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        let mut losses = Losses::new(0, at(0));
        assert_eq!(losses.ended(true, 0, at(10)), None);
        assert_eq!(losses.ended(false, 0, at(20)), None);
        assert_eq!(losses.ended(true, 1, at(30)), from(10));
        losses.made_up(at(30));
        // A loss that is shorter than the interval of the looks.
        assert_eq!(losses.ended(true, 2, at(40)), from(30));
        assert_eq!(losses.ended(true, 2, at(50)), None);
        // The stream was not read meanwhile.
        assert_eq!(losses.ended(true, 3, at(60)), from(30));
        losses.made_up(at(60));
        assert_eq!(losses.ended(true, 3, at(70)), None);
        assert_eq!(losses.ended(true, 4, at(80)), from(70));
    }
}
