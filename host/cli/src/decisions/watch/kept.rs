//! The records that the screen keeps: sorted by time, each once, and bounded.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use portcullis_core::DecisionRecord;

/// Maximum size of the kept records in memory, in bytes, as far as it is known.
const MAX_SIZE: usize = 64 << 20;

/// Size of a value in memory, in bytes, apart from its text. In JSON, it can have two bytes.
const VALUE_SIZE: usize = 32;

/// A record with its place in the list.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) record: DecisionRecord,
    /// Size of the record in memory, in bytes, as far as its JSON tells it.
    size: usize,
}

/// The newest records, the oldest first.
#[derive(Debug)]
pub(super) struct Kept {
    entries: VecDeque<Arc<Entry>>,
    size: usize,
    max_records: usize,
    max_size: usize,
}

impl Entry {
    pub(super) fn new(record: DecisionRecord) -> Arc<Self> {
        let mut counter = Counter(0);
        // Neither counting nor serialising texts and numbers fails.
        let _ = serde_json::to_writer(&mut counter, &record);
        Arc::new(Self {
            record,
            size: counter.0,
        })
    }

    /// Returns the value that entries are sorted by. No two entries have the same.
    pub(super) fn key(&self) -> (&str, &str) {
        (&self.record.time, &self.record.id)
    }
}

impl Kept {
    /// Returns room for this number of records.
    pub(super) const fn new(max_records: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            max_records,
            max_size: MAX_SIZE,
        }
    }

    /// Adds a record, and evicts the oldest ones that no longer fit. Returns `false` if the record
    /// is there already, or is older than all others while there is no room.
    pub(super) fn insert(&mut self, entry: Arc<Entry>) -> bool {
        let Err(at) = position(&self.entries, &entry) else {
            return false;
        };
        if at == 0 && self.entries.len() >= self.max_records {
            return false;
        }
        self.size = self.size.saturating_add(entry.size);
        self.entries.insert(at, entry);
        while self.entries.len() > self.max_records
            || (self.size > self.max_size && self.entries.len() > 1)
        {
            if let Some(oldest) = self.entries.pop_front() {
                self.size = self.size.saturating_sub(oldest.size);
            }
        }
        true
    }

    /// Takes all records out, the oldest first.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Arc<Entry>> + use<> {
        self.size = 0;
        std::mem::take(&mut self.entries).into_iter()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }

    /// Returns the oldest record.
    pub(super) fn oldest(&self) -> Option<&Arc<Entry>> {
        self.entries.front()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// Returns the index of an entry, or that at which it belongs.
pub(super) fn position(entries: &VecDeque<Arc<Entry>>, entry: &Entry) -> Result<usize, usize> {
    entries.binary_search_by(|other| other.key().cmp(&entry.key()))
}

/// A writer that counts bytes, and the room of values by the commas between them.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let values = bytes.split(|byte| *byte == b',').skip(1).count();
        let room = values.saturating_mul(VALUE_SIZE);
        self.0 = self.0.saturating_add(bytes.len()).saturating_add(room);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::record;
    use super::*;

    fn ids(kept: &Kept) -> Vec<&str> {
        let ids = kept.iter().map(|entry| entry.record.id.as_str());
        ids.collect()
    }

    #[test]
    fn records_are_sorted_by_time_and_kept_once() {
        let mut kept = Kept::new(10);
        for (number, is_new) in [(2, true), (3, true), (1, true), (2, false)] {
            assert_eq!(kept.insert(Entry::new(record(number))), is_new);
        }
        assert_eq!(ids(&kept), ["00-1", "00-2", "00-3"]);
    }

    #[test]
    fn small_values_count_with_their_room_in_memory() {
        let mut many = record(1);
        let values = serde_json::json!(vec![0; 10_000]);
        many.login.identity.claims.insert("a".to_owned(), values);
        assert!(Entry::new(many).size > 320_000);
        assert!(Entry::new(record(1)).size < 6000);
    }

    #[test]
    fn the_oldest_records_are_evicted_beyond_a_number_and_beyond_a_size() {
        let mut kept = Kept::new(3);
        for number in 2..=5 {
            kept.insert(Entry::new(record(number)));
        }
        assert_eq!(ids(&kept), ["00-3", "00-4", "00-5"]);
        assert!(!kept.insert(Entry::new(record(1))), "it is the oldest");
        assert_eq!(kept.len(), 3);

        let size = Entry::new(record(1)).size;
        let mut kept = Kept::new(100);
        kept.max_size = 2 * size + 1;
        for number in 1..=4 {
            kept.insert(Entry::new(record(number)));
        }
        assert_eq!(ids(&kept), ["00-3", "00-4"]);
        assert_eq!(kept.size, 2 * size);
    }
}
