//! The records for the screen: those of the past, and new ones as hosts write or publish them.
//!
//! The way to the screen is bounded: a reader waits while the screen is behind.

use std::fs::{self, File};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::{FutureExt as _, Stream, StreamExt as _};
use portcullis_connect::Connection;
use portcullis_core::{DecisionRecord, with_causes};
use portcullis_records::{ReadRecords, RecordTail, StreamOptions, follow, read_stream};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::filter::FilterArguments;
use super::super::source::{Place, SourceArguments, unreadable};
use super::kept::{Entry, Kept};
use super::update::Event;
use crate::exit::ExitCode;
use crate::failure::Failure;

/// Interval at which files are looked at for new records.
const POLL: Duration = Duration::from_millis(250);

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
    pub(super) filter: FilterArguments,
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
            Place::Stream => {
                let options = source.stream()?;
                let connection = Arc::new(source.connect().await?);
                // A record that is published while the past is read is not missed.
                let live = follow(connection.client(), &options.subject).await;
                let live = live.map_err(|error| Failure::new(ExitCode::Unreachable, error))?;
                let name = format!("subject {}", options.subject);
                let shared = Arc::clone(&connection);
                tokio::spawn(read_subject(shared, options, live, chosen, sender));
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
fn read_files(mut tails: Vec<RecordTail>, filter: &FilterArguments, sender: &Sender<Event>) {
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

/// Reads the stream, and then what hosts publish, until the screen is closed.
async fn read_subject(
    connection: Arc<Connection>,
    options: StreamOptions,
    live: impl Stream<Item = Vec<u8>>,
    chosen: Chosen,
    sender: Sender<Event>,
) {
    let filter = &chosen.filter;
    let mut read = ReadRecords::default();
    let mut past = Kept::new(chosen.max_records);
    let client = connection.client().clone();
    let keep = |record| {
        if filter.fits(&record) {
            past.insert(Entry::new(record));
        }
    };
    let reading = read_stream(client, &options, filter.since(), &mut read, keep).await;
    let mut events = Vec::new();
    if let Err(error) = reading {
        let error = with_causes(&error);
        events.push(Event::Trouble(format!("only new records: {error}")));
    }
    let past: Vec<_> = past.take().filter_map(Arc::into_inner).collect();
    events.push(Event::Records(
        past.into_iter().map(|entry| entry.record).collect(),
    ));
    events.push(Event::Unreadable(read.unreadable));
    events.push(Event::CaughtUp);
    for event in events {
        if sender.send(event).await.is_err() {
            return;
        }
    }
    read_live(live, filter, &sender).await;
}

async fn read_live(
    live: impl Stream<Item = Vec<u8>>,
    filter: &FilterArguments,
    sender: &Sender<Event>,
) {
    let mut live = pin!(live);
    while let Some(first) = live.next().await {
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
        let mut sent = sender.send(Event::Records(records)).await;
        if read.unreadable > 0 && sent.is_ok() {
            sent = sender.send(Event::Unreadable(read.unreadable)).await;
        }
        if sent.is_err() {
            return;
        }
    }
    let closed = "the connection was closed for good".to_owned();
    // A closed screen needs no message.
    let _ = sender.send(Event::Trouble(closed)).await;
}
