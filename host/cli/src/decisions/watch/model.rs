//! The state of the screen. It knows no terminal and does no input or output.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis_core::DecisionRecord;
use portcullis_records::RecordFilter;

use super::kept::{Entry, Kept, position};

/// Number of lines of the screen that are not in its middle: heading, filter, and the keys.
pub(super) const FRAME_LINES: u16 = 3;

/// Everything that the screen shows.
#[derive(Debug)]
pub(super) struct Model {
    /// The place of the records, in a few words.
    pub(super) source: String,
    kept: Kept,
    /// The records that arrived since the list was paused. `None` if it is not.
    held: Option<Kept>,
    max_records: usize,
    /// The text of the filters that choose the shown records.
    pub(super) filter_line: String,
    filter: RecordFilter,
    shown: VecDeque<Arc<Entry>>,
    selected: Option<Arc<Entry>>,
    /// Whether the newest record is selected as it arrives.
    follows: bool,
    /// Number of shown records above the screen.
    pub(super) offset: usize,
    pub(super) pane: Pane,
    pub(super) prompt: Option<Prompt>,
    /// What the last key did, or the last failure.
    pub(super) message: Option<Message>,
    /// Lines and messages that are no records.
    pub(super) unreadable: u64,
    /// Whether older records are still being read.
    pub(super) is_reading: bool,
    /// Whether the connection to the servers is lost.
    pub(super) is_disconnected: bool,
    /// Size of the terminal, in columns and lines.
    pub(super) size: (u16, u16),
}

/// What the middle of the screen shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pane {
    List,
    /// A text: a record, a policy test, or the keys.
    Text(TextPane),
}

/// A text in the middle of the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TextPane {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    /// Number of lines above the screen.
    pub(super) scroll: usize,
    pub(super) about: About,
}

/// What a text is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum About {
    #[default]
    Keys,
    Record(Arc<Entry>),
    Test(PinnedRecord),
}

/// A policy test that was made of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PinnedRecord {
    /// The test as TOML.
    pub(super) text: String,
    /// The usual file of the policy's tests.
    pub(super) file: String,
}

/// A line that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) asks: Asks,
    pub(super) text: String,
}

/// What a typed line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Filter,
    /// The file that a policy test, TOML, is appended to.
    File {
        test: String,
    },
}

/// A message on the last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Note(String),
    Failure(String),
}

/// What the program does for the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Quit,
    /// Appends a text to a file.
    Append {
        file: PathBuf,
        text: String,
    },
}

impl Model {
    /// Returns a screen of this size that keeps this number of records.
    pub(super) fn new(source: String, max_records: usize, size: (u16, u16)) -> Self {
        Self {
            source,
            kept: Kept::new(max_records),
            held: None,
            max_records,
            filter_line: String::new(),
            filter: RecordFilter::default(),
            shown: VecDeque::new(),
            selected: None,
            follows: true,
            offset: 0,
            pane: Pane::List,
            prompt: None,
            message: None,
            unreadable: 0,
            is_reading: true,
            is_disconnected: false,
            size,
        }
    }

    /// Returns the shown records, the oldest first.
    pub(super) const fn shown(&self) -> &VecDeque<Arc<Entry>> {
        &self.shown
    }

    /// Returns the number of kept records, the held ones left out.
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Returns the number of records that arrived since the list was paused. `None` if it is not.
    pub(super) fn held(&self) -> Option<usize> {
        self.held.as_ref().map(Kept::len)
    }

    /// Returns the number of lines in the middle of the screen.
    pub(super) fn middle(&self) -> usize {
        usize::from(self.size.1.saturating_sub(FRAME_LINES))
    }

    /// Returns the number of records that the screen has room for, below the headings.
    pub(super) fn rows(&self) -> usize {
        self.middle().saturating_sub(1)
    }

    /// Adds records, which a paused list shows later.
    pub(super) fn add(&mut self, records: Vec<DecisionRecord>) {
        for record in records {
            let entry = Entry::new(record);
            match &mut self.held {
                Some(held) => {
                    held.insert(entry);
                }
                None => self.insert(entry),
            }
        }
        self.settle();
    }

    fn insert(&mut self, entry: Arc<Entry>) {
        if !self.kept.insert(Arc::clone(&entry)) {
            return;
        }
        if self.filter.fits(&entry.record)
            && let Err(at) = position(&self.shown, &entry)
        {
            self.shown.insert(at, entry);
            // The rows on the screen stay where they are.
            if at < self.offset {
                self.offset = self.offset.saturating_add(1);
            }
        }
        self.drop_evicted();
    }

    /// Removes shown records that are older than all kept ones.
    fn drop_evicted(&mut self) {
        let Some(oldest) = self.kept.oldest().map(Arc::clone) else {
            return;
        };
        while let Some(first) = self.shown.front()
            && first.key() < oldest.key()
        {
            self.shown.pop_front();
            self.offset = self.offset.saturating_sub(1);
        }
    }

    /// Holds new records back, or shows those that were.
    pub(super) fn toggle_pause(&mut self) {
        match self.held.take() {
            None => self.held = Some(Kept::new(self.max_records)),
            Some(mut held) => {
                for entry in held.take() {
                    self.insert(entry);
                }
                self.settle();
            }
        }
    }

    /// Shows the records that fit `filter`, which `line` says.
    pub(super) fn set_filter(&mut self, line: String, filter: RecordFilter) {
        self.filter_line = line;
        let fitting = self.kept.iter().filter(|it| filter.fits(&it.record));
        self.shown = fitting.cloned().collect();
        self.filter = filter;
        self.settle();
    }

    /// Returns the selected record and its index.
    pub(super) fn selected(&self) -> Option<(usize, &Arc<Entry>)> {
        let selected = self.selected.as_ref()?;
        let at = position(&self.shown, selected).ok()?;
        Some((at, self.shown.get(at)?))
    }

    /// Selects the record at `index`, or the last one before it.
    pub(super) fn select(&mut self, index: usize) {
        let last = self.shown.len().saturating_sub(1);
        self.follows = index >= last;
        self.selected = self.shown.get(index.min(last)).cloned();
        self.settle();
    }

    /// Selects a record that is shown, and scrolls to it.
    fn settle(&mut self) {
        let last = self.shown.len().saturating_sub(1);
        let at = match &self.selected {
            Some(selected) if !self.follows => match position(&self.shown, selected) {
                Ok(at) => at,
                // The record was evicted, or does not fit the filter: its neighbour is near.
                Err(at) => at.min(last),
            },
            _ => last,
        };
        self.selected = self.shown.get(at).cloned();
        let rows = self.rows().max(1);
        let first = at.saturating_add(1).saturating_sub(rows);
        let latest = self.shown.len().saturating_sub(rows);
        self.offset = self.offset.clamp(first, at.max(first)).min(latest);
    }

    /// Fits the screen to a new size of the terminal.
    pub(super) fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.settle();
        self.scroll_text(0);
    }

    /// Scrolls the text by a number of lines.
    pub(super) fn scroll_text(&mut self, lines: isize) {
        let (width, middle) = (usize::from(self.size.0), self.middle());
        if let Pane::Text(text) = &mut self.pane {
            let all = super::text::wrapped(&text.lines, width).len();
            // The first line of the middle is the title.
            let last = all.saturating_sub(middle.saturating_sub(1));
            text.scroll = text.scroll.saturating_add_signed(lines).min(last);
        }
    }
}
