//! The newest records in memory.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use portcullis_core::DecisionRecord;

use super::options::LiveOptions;
use super::protocol::{ANY_HOST, LiveHost, LivePage, LiveQuestion};
use crate::filter::RecordFilter;

/// Maximum size of a page, in bytes, so that replies to logins do not wait long behind it.
const MAX_PAGE: usize = 128 << 10;

/// Size of the members of a page other than the records and the name of the host, in bytes.
const HEAD: usize = 512;

/// Memory of a record in addition to its text, in bytes.
const OVERHEAD: usize = 64;

/// The newest records of a host, bounded in number and in size.
#[derive(Debug)]
pub(crate) struct LiveRecords {
    host: LiveHost,
    max_records: usize,
    /// Maximum size of all records, in bytes.
    max_size: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The oldest record first.
    records: VecDeque<Numbered>,
    size: usize,
    /// The number of the last record, also of one that was too large to be kept.
    last: u64,
}

/// A record as JSON, and its number in the order in which the host recorded it, from 1.
#[derive(Clone, Debug)]
struct Numbered {
    number: u64,
    json: Bytes,
}

impl LiveRecords {
    pub(crate) fn new(options: &LiveOptions, host: LiveHost) -> Self {
        Self {
            host,
            max_records: options.max_records,
            max_size: usize::try_from(options.max_size).unwrap_or(usize::MAX),
            kept: Mutex::default(),
        }
    }

    /// Adds a record, and evicts the oldest ones that no longer fit.
    pub(crate) fn push(&self, json: &[u8]) {
        // A copy, because the text of a record can have twice its size in memory.
        let json = Bytes::copy_from_slice(json);
        let size = memory_of(&json);
        let mut kept = self.kept.lock();
        kept.last = kept.last.saturating_add(1);
        let number = kept.last;
        kept.size = kept.size.saturating_add(size);
        kept.records.push_back(Numbered { number, json });
        while kept.records.len() > self.max_records || kept.size > self.max_size {
            let Some(oldest) = kept.records.pop_front() else {
                break;
            };
            kept.size = kept.size.saturating_sub(memory_of(&oldest.json));
        }
    }

    /// Returns a page of at most `max_payload` bytes as JSON.
    ///
    /// # Errors
    ///
    /// Fails if the question cannot be read, with a line for the caller.
    pub(crate) fn answer(&self, question: &[u8], max_payload: usize) -> Result<Vec<u8>, String> {
        let question = read(question)?;
        let after = question.after.get(&self.host.start);
        let after = after.or_else(|| question.after.get(ANY_HOST));
        let after = after.copied().unwrap_or_default();
        let (last, evicted, later) = self.later(after);
        let mut page = LivePage {
            format: LivePage::FORMAT,
            host: self.host.clone(),
            after,
            // Evicted records are counted once. A number beyond the last one is not of this host.
            next: after.saturating_add(evicted).min(last),
            more: false,
            evicted,
            too_large: 0,
            records: Vec::new(),
        };
        // A character of the name has at most six bytes in JSON.
        let head = HEAD.saturating_add(self.host.name.len().saturating_mul(6));
        let room = max_payload.min(MAX_PAGE).saturating_sub(head);
        let max_records = question.max_records.unwrap_or(usize::MAX).max(1);
        let mut records: Vec<u8> = Vec::new();
        let mut number = 0_usize;
        for record in later {
            if fits(&question.filter, &record.json) {
                let size = record.json.len().saturating_add(1);
                if size > room {
                    page.too_large = page.too_large.saturating_add(1);
                } else if number >= max_records || records.len().saturating_add(size) > room {
                    page.more = true;
                    break;
                } else {
                    if number > 0 {
                        records.push(b',');
                    }
                    records.extend_from_slice(&record.json);
                    number = number.saturating_add(1);
                }
            }
            page.next = record.number;
        }
        render(&page, &records)
    }

    /// Returns the number of the last record, how many records after number `after` were evicted,
    /// and those that are left.
    fn later(&self, after: u64) -> (u64, u64, Vec<Numbered>) {
        let kept = self.kept.lock();
        let first = kept.records.front().map(|record| record.number);
        let first = first.unwrap_or_else(|| kept.last.saturating_add(1));
        let evicted = first.saturating_sub(1).saturating_sub(after);
        let begin = kept
            .records
            .partition_point(|record| record.number <= after);
        let later = kept.records.iter().skip(begin).cloned().collect();
        (kept.last, evicted, later)
    }
}

/// Returns the memory of a record, in bytes.
fn memory_of(json: &Bytes) -> usize {
    json.len().saturating_add(OVERHEAD)
}

fn read(question: &[u8]) -> Result<LiveQuestion, String> {
    if question.trim_ascii().is_empty() {
        return Ok(LiveQuestion::default());
    }
    serde_json::from_slice(question).map_err(|error| {
        // The error quotes the question, and has to be a header of the answer.
        let error = error.to_string().replace(char::is_control, " ");
        format!("the question cannot be read: {error}; an empty one asks for all records")
    })
}

fn fits(filter: &RecordFilter, json: &[u8]) -> bool {
    if *filter == RecordFilter::default() {
        return true;
    }
    let record: Result<DecisionRecord, _> = serde_json::from_slice(json);
    record.is_ok_and(|record| filter.fits(&record))
}

/// Returns `page` as JSON, with `records`, which are JSON already and have commas between them.
fn render(page: &LivePage, records: &[u8]) -> Result<Vec<u8>, String> {
    let mut text = serde_json::to_vec(page).map_err(|error| error.to_string())?;
    // `records` is the last member, and empty: `[]}`.
    text.truncate(text.len().saturating_sub(2));
    text.extend_from_slice(records);
    text.extend_from_slice(b"]}");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::line::fixtures::line;

    /// Returns the memory of a host that has recorded `numbers`.
    fn recorded(numbers: std::ops::RangeInclusive<u64>, options: &LiveOptions) -> LiveRecords {
        let host = LiveHost {
            name: "portcullis \"one\"".to_owned(),
            version: "0.1.0".to_owned(),
            start: "00".to_owned(),
        };
        let live = LiveRecords::new(options, host);
        for number in numbers {
            live.push(&line(number).json());
        }
        live
    }

    fn ask(live: &LiveRecords, question: &serde_json::Value, room: usize) -> LivePage {
        let answer = live.answer(question.to_string().as_bytes(), room).unwrap();
        assert!(answer.len() <= room, "{}", answer.len());
        serde_json::from_slice(&answer).unwrap()
    }

    fn ids(page: &LivePage) -> Vec<&str> {
        let ids = page.records.iter().map(|record| record["id"].as_str());
        ids.map(Option::unwrap).collect()
    }

    #[test]
    fn the_oldest_records_are_evicted_beyond_a_number_and_beyond_a_size() {
        let few = LiveOptions {
            max_records: 2,
            ..LiveOptions::default()
        };
        let live = recorded(1..=5, &few);
        let page = ask(&live, &json!({}), 1 << 20);
        assert_eq!(ids(&page), ["00-4", "00-5"]);
        assert_eq!((page.evicted, page.next, page.more), (3, 5, false));

        let one = memory_of(&line(1).json());
        let small = LiveOptions {
            max_size: u64::try_from(2 * one + 1).unwrap(),
            ..LiveOptions::default()
        };
        let live = recorded(1..=5, &small);
        assert_eq!(ids(&ask(&live, &json!({}), 1 << 20)), ["00-4", "00-5"]);
        assert_eq!(live.kept.lock().size, 2 * one);
        // A record that never fits leaves nothing, and is counted.
        live.push(&vec![b' '; 3 * one]);
        assert_eq!(live.kept.lock().size, 0);
        let page = ask(&live, &json!({}), 1 << 20);
        assert_eq!((page.evicted, page.next), (6, 6));
    }

    #[test]
    fn pages_follow_each_other_and_fit_into_a_message() {
        let live = recorded(1..=5, &LiveOptions::default());
        let room = 2 * memory_of(&line(1).json()) + HEAD + 200;
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let question = json!({ "after": { "00": after, "other": 99 } });
            let page = ask(&live, &question, room);
            assert!(page.records.len() <= 2);
            seen.extend(ids(&page).into_iter().map(str::to_owned));
            after = page.next;
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, ["00-1", "00-2", "00-3", "00-4", "00-5"]);
        let page = ask(&live, &json!({ "after": { "00": 5 } }), room);
        assert_eq!((ids(&page).len(), page.next, page.evicted), (0, 5, 0));
        // A number of another start of the host, or a made-up one.
        let page = ask(&live, &json!({ "after": { "00": 700 } }), room);
        assert_eq!((ids(&page).len(), page.next), (0, 5));
        let page = ask(&live, &json!({ "after": { "*": u64::MAX } }), room);
        assert_eq!((ids(&page).len(), page.next), (0, 5));
        let page = ask(&live, &json!({ "after": { "*": 1, "00": 4 } }), room);
        assert_eq!(ids(&page), ["00-5"]);
        let page = ask(&live, &json!({ "max-records": 1 }), 1 << 20);
        assert_eq!((ids(&page), page.more), (vec!["00-1"], true));
    }

    #[test]
    fn a_filter_chooses_records_and_one_too_large_for_a_message_is_counted() {
        let live = recorded(1..=3, &LiveOptions::default());
        let page = ask(&live, &json!({ "filter": { "id": "00-2" } }), 1 << 20);
        assert_eq!((ids(&page), page.next), (vec!["00-2"], 3));
        let page = ask(&live, &json!({}), 800);
        assert_eq!((page.too_large, page.next, page.more), (3, 3, false));
    }

    #[test]
    fn a_question_that_cannot_be_read_is_answered_with_the_reason() {
        let live = recorded(1..=1, &LiveOptions::default());
        for (question, reason) in [
            ("{\"filtr\":{}}", "unknown field `filtr`"),
            (
                "{\"filter\":{\"address\":\"n1\"}}",
                "the question cannot be read",
            ),
            ("no", "the question cannot be read"),
        ] {
            let error = live.answer(question.as_bytes(), 1 << 20).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(live.answer(b" \n", 1 << 20).is_ok());
    }
}
