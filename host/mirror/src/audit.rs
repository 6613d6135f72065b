//! Comparison of a bucket's copy with the counts of its stream.

use std::time::SystemTime;

use crate::bucket::Bucket;
use crate::content::Counts;

/// The comparison of a bucket with its stream. Servers do not tell consumers about messages that
/// they purge, delete or expire.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// The counts that are not compared yet, and the position of the deliveries at their time.
    pending: Option<(Counts, u64)>,
    /// The counts that were compared last.
    compared: Option<Counts>,
}

/// A difference between a bucket's copy and its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Difference {
    #[error("the server counts other subjects than the host has")]
    Subjects,
    #[error("messages were deleted")]
    Messages,
    #[error("the server has messages that it does not deliver")]
    Undelivered,
}

impl Audit {
    /// Takes the stream's counts, while deliveries are at `position`.
    pub(crate) fn take(
        &mut self,
        counts: Counts,
        position: u64,
        bucket: &Bucket,
    ) -> Result<(), Difference> {
        if let Some((before, position_then)) = self.pending
            && position < before.last
        {
            bucket.doubt();
            // A consumer that is behind may go on as long as it delivers.
            if position == position_then {
                return Err(Difference::Undelivered);
            }
        }
        self.pending = Some((counts, position));
        self.compare(position, bucket)
    }

    /// Compares the pending counts once deliveries have reached them.
    pub(crate) fn compare(&mut self, position: u64, bucket: &Bucket) -> Result<(), Difference> {
        let Some((counts, _)) = self.pending else {
            return Ok(());
        };
        if position < counts.last {
            return Ok(());
        }
        self.pending = None;
        if position > counts.last {
            // Later messages have come, so these counts are out of date.
            return Ok(());
        }
        if !bucket.agrees(&counts, SystemTime::now()) {
            return Err(Difference::Subjects);
        }
        let before = self.compared.replace(counts);
        // With a history, a subject has several messages. Deleting the newest one changes the
        // number of messages but not of subjects.
        let fewer = |before: &Counts| Counts {
            messages: counts.messages,
            ..*before
        };
        match before {
            Some(before) if before != counts && fewer(&before) == counts => {
                bucket.doubt();
                Err(Difference::Messages)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;

    fn bucket() -> Bucket {
        let bucket = Bucket::new("users".parse().unwrap(), 1000);
        bucket.publish(Content::default(), "$KV.users.".to_owned());
        bucket
    }

    fn counts(messages: u64, subjects: u64, last: u64) -> Counts {
        Counts {
            messages,
            subjects,
            first: 1,
            last,
        }
    }

    #[test]
    fn counts_are_compared_once_everything_they_count_has_come() {
        let (mut audit, bucket) = (Audit::default(), bucket());
        audit.take(counts(1, 1, 5), 4, &bucket).unwrap();
        audit.compare(4, &bucket).unwrap();
        // Subject 1 has not come with message 5.
        assert_eq!(audit.compare(5, &bucket), Err(Difference::Subjects));
        // Later messages have come, so these counts say nothing.
        audit.take(counts(1, 1, 5), 6, &bucket).unwrap();
    }

    #[test]
    fn a_consumer_that_is_behind_has_to_go_on() {
        let (mut audit, bucket) = (Audit::default(), bucket());
        audit.take(counts(9, 9, 9), 4, &bucket).unwrap();
        audit.take(counts(9, 9, 9), 5, &bucket).unwrap();
        let stuck = audit.take(counts(9, 9, 9), 5, &bucket);
        assert_eq!(stuck, Err(Difference::Undelivered));
    }

    #[test]
    fn a_message_deleted_from_a_history_is_noticed() {
        let (mut audit, bucket) = (Audit::default(), bucket());
        audit.take(counts(3, 0, 5), 5, &bucket).unwrap();
        audit.take(counts(3, 0, 5), 5, &bucket).unwrap();
        let deleted = audit.take(counts(2, 0, 5), 5, &bucket);
        assert_eq!(deleted, Err(Difference::Messages));
    }
}
