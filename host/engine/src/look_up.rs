//! Look-ups of keys for a policy: granted buckets, and consistent answers within a decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_core::{BucketName, KeyValues, LookUpError, PolicyName, is_key};

use crate::limits::Limits;

/// The buckets that a policy is granted, at least one.
#[derive(Clone, Debug)]
pub(crate) struct Granted(Arc<BTreeSet<BucketName>>);

/// The look-ups of one decision.
#[derive(Clone, Debug)]
pub(crate) struct LookUps {
    granted: Granted,
    key_values: Arc<dyn KeyValues>,
    /// Previous answers, by bucket and key, so that a value does not change in the middle of a
    /// decision.
    answers: BTreeMap<(BucketName, String), Answer>,
}

type Answer = Result<Option<Arc<str>>, LookUpError>;

impl Granted {
    /// Returns the granted buckets. `None` if no bucket is granted.
    pub(crate) fn new(buckets: BTreeSet<BucketName>) -> Option<Self> {
        (!buckets.is_empty()).then(|| Self(Arc::new(buckets)))
    }
}

impl LookUps {
    pub(crate) const fn new(granted: Granted, key_values: Arc<dyn KeyValues>) -> Self {
        Self {
            granted,
            key_values,
            answers: BTreeMap::new(),
        }
    }

    /// Returns the value of `key` in `bucket`, of at most `longest` bytes. `None` if `bucket` is
    /// not granted.
    pub(crate) fn get(&mut self, bucket: &str, key: String, longest: usize) -> Option<Answer> {
        let bucket = self.granted.0.get(bucket).cloned()?;
        Some(self.granted(bucket, key, longest))
    }

    fn granted(&mut self, bucket: BucketName, key: String, longest: usize) -> Answer {
        if !is_key(&key) {
            return Err(LookUpError::InvalidKey);
        }
        let question = (bucket, key);
        if let Some(answer) = self.answers.get(&question) {
            return answer.clone();
        }
        let limit = Limits::LOOK_UPS;
        if self.answers.len() >= limit {
            return Err(LookUpError::TooMany { limit });
        }
        let (bucket, key) = &question;
        let answer = match self.key_values.get(bucket, key) {
            Ok(Some(value)) if value.len() > longest => Err(LookUpError::ValueTooLong {
                bucket: bucket.clone(),
                limit: longest,
            }),
            answer => answer,
        };
        self.answers.insert(question, answer.clone());
        answer
    }
}

/// Returns the error for a bucket without a grant. The policy may have sent any name.
pub(crate) fn not_granted(policy: &PolicyName, bucket: &str) -> LookUpError {
    LookUpError::NotGranted {
        bucket: bucket.chars().take(64).collect(),
        policy: policy.clone(),
    }
}

#[cfg(test)]
mod tests {

    use parking_lot::Mutex;

    use super::*;

    /// A source that counts its look-ups.
    #[derive(Debug, Default)]
    struct Counting(Mutex<usize>);

    impl KeyValues for Counting {
        fn serves(&self, _: &BucketName) -> bool {
            true
        }

        fn get(&self, _: &BucketName, _: &str) -> Answer {
            let mut asked = self.0.lock();
            *asked += 1;
            Ok(Some(asked.to_string().into()))
        }
    }

    fn look_ups() -> LookUps {
        let granted = Granted::new(["users".parse().unwrap()].into()).unwrap();
        LookUps::new(granted, Arc::<Counting>::default())
    }

    #[test]
    fn an_answer_is_the_same_for_the_whole_decision() {
        let mut look_ups = look_ups();
        let mut get = |key: &str| {
            let answer = look_ups.get("users", key.to_owned(), 10).unwrap();
            answer.unwrap().unwrap()
        };
        assert_eq!([&*get("a"), &*get("b"), &*get("a")], ["1", "2", "1"]);
    }

    #[test]
    fn the_number_of_look_ups_of_a_decision_is_bounded() {
        let mut look_ups = look_ups();
        for number in 0..Limits::LOOK_UPS {
            let answer = look_ups.get("users", number.to_string(), 10).unwrap();
            assert!(answer.is_ok());
        }
        let refused = look_ups.get("users", "one-more".to_owned(), 10);
        assert_eq!(refused, Some(Err(LookUpError::TooMany { limit: 256 })));
        let known = look_ups.get("users", "0".to_owned(), 10).unwrap();
        assert!(known.is_ok());
    }

    #[test]
    fn what_is_not_granted_or_no_key_or_too_long_is_an_error() {
        let mut look_ups = look_ups();
        let mut get = |bucket, key: &str, longest| look_ups.get(bucket, key.to_owned(), longest);
        assert_eq!(get("tenants", "a", 10), None);
        assert_eq!(get("", "a", 10), None);
        assert_eq!(get("users", "a b", 10), Some(Err(LookUpError::InvalidKey)));
        let too_long = get("users", "a", 0).unwrap();
        assert!(
            matches!(too_long, Err(LookUpError::ValueTooLong { .. })),
            "{too_long:?}"
        );
    }
}
