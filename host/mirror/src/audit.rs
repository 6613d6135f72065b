//! What the server counts in a bucket's stream, set against what the host has.

use std::time::SystemTime;

use crate::bucket::Bucket;
use crate::content::Counts;

/// Compares a bucket with its stream: servers do not tell their consumers what they purge, delete and forget.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// What the server counted last, if it has not been compared yet, and how far deliveries were then.
    pending: Option<(Counts, u64)>,
    /// What was compared last.
    compared: Option<Counts>,
}

/// The bucket differs from its stream.
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
    /// Takes what the server counts now, when everything up to `position` has been delivered.
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
            // A consumer that is behind but delivers is left to it.
            if position == position_then {
                return Err(Difference::Undelivered);
            }
        }
        self.pending = Some((counts, position));
        self.compare(position, bucket)
    }

    /// Compares as soon as all has been delivered that the server counted.
    pub(crate) fn compare(&mut self, position: u64, bucket: &Bucket) -> Result<(), Difference> {
        let Some((counts, _)) = self.pending else {
            return Ok(());
        };
        if position < counts.last {
            return Ok(());
        }
        self.pending = None;
        if position > counts.last {
            // Out of date already: the next counts may fit.
            return Ok(());
        }
        if !bucket.agrees(&counts, SystemTime::now()) {
            return Err(Difference::Subjects);
        }
        let before = self.compared.replace(counts);
        // A bucket with a history has several messages on a subject: deleting the newest leaves the number of subjects.
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
        // More has come than was counted: nothing to say.
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
