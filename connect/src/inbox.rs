//! Inbox prefixes: the subjects below which a connection receives answers.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_nats::Client;
use futures::StreamExt as _;
use portcullis_environment::{Randomness, Rng, SystemRandomness};
use rand::distr::{Alphanumeric, SampleString as _};

use crate::monitor::Monitor;

/// The subject on which a connection asks its server for its own account and permissions.
pub const USER_INFO: &str = "$SYS.REQ.USER.INFO";

/// The prefix of NATS clients that set none.
const SHARED: &str = "_INBOX";
/// The number of random characters in a random prefix: 131 bits.
const RANDOM_CHARACTERS: usize = 22;
/// The maximum length of a prefix, in bytes.
const MAX_LENGTH: usize = 128;
/// The maximum time until a sign that the inbox is heard. A server handles the messages of a
/// connection in order and answers at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The first tokens of a connection's inbox subjects.
///
/// Every user that can subscribe to `PREFIX.>` reads the answers to the connection's requests, so
/// the prefix should be the service's alone.
///
/// ```
/// use portcullis_connect::InboxPrefix;
///
/// let prefix: InboxPrefix = "_INBOX_orders".parse()?;
/// assert_eq!(prefix.subscription(), "_INBOX_orders.>");
/// # Ok::<(), portcullis_connect::InvalidInboxPrefix>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxPrefix(String);

/// The error about text that cannot be an inbox prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a subject without wildcards, such as `_INBOX_k3JQ`, of at most {MAX_LENGTH} bytes")]
pub struct InvalidInboxPrefix;

impl InboxPrefix {
    /// Creates a prefix that other users cannot guess.
    pub fn random() -> Self {
        Self::random_from(&SystemRandomness)
    }

    /// Creates a prefix of characters that `randomness` chooses.
    pub(crate) fn random_from(randomness: &dyn Randomness) -> Self {
        let chance = Alphanumeric.sample_string(&mut Rng::new(randomness), RANDOM_CHARACTERS);
        Self(format!("{SHARED}_{chance}"))
    }

    /// Returns the prefix of NATS clients that set none.
    pub(crate) fn shared() -> Self {
        Self(SHARED.to_owned())
    }

    /// Returns the prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the subject that the connection's user must be allowed to subscribe to.
    pub fn subscription(&self) -> String {
        format!("{}.>", self.0)
    }
}

impl FromStr for InboxPrefix {
    type Err = InvalidInboxPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_token = |token: &str| {
            let is_known = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '*' | '>');
            !token.is_empty() && token.chars().all(is_known)
        };
        if text.len() <= MAX_LENGTH && text.split('.').all(is_token) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidInboxPrefix)
        }
    }
}

impl fmt::Display for InboxPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Returns whether the user of `client` can receive answers below `prefix`, its inbox prefix.
///
/// Every doubt counts as yes, because the alternative is a prefix that other users share.
pub(crate) async fn is_heard(client: &Client, prefix: &InboxPrefix, monitor: &Monitor) -> bool {
    let inbox = client.new_inbox();
    let Ok(mut answers) = client.subscribe(inbox.clone()).await else {
        return true;
    };
    let question = client.publish_with_reply(USER_INFO, inbox, bytes::Bytes::new());
    if question.await.is_err() {
        return true;
    }
    let words = [prefix.as_str(), USER_INFO];
    let refused = monitor.refusals(&words);
    tokio::select! {
        _ = answers.next() => true,
        // The server handles the subscription first, so a request that alone is refused shows that
        // the subscription exists.
        refused = refused => !refused.iter().any(|text| text.contains(prefix.as_str())),
        () = tokio::time::sleep(ANSWER_TIMEOUT) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_subject_without_wildcards() {
        for good in ["_INBOX", "_INBOX_a", "a.b-c", "_INBOX.host.1"] {
            assert_eq!(good.parse::<InboxPrefix>().unwrap().as_str(), good);
        }
        for bad in [
            "", ".", "a.", ".a", "a..b", "a.*", ">", "a b", "a\u{a0}", "ä",
        ] {
            assert_eq!(bad.parse::<InboxPrefix>(), Err(InvalidInboxPrefix), "{bad}");
        }
    }

    #[test]
    fn no_two_random_prefixes_are_the_same_or_below_the_shared_one() {
        let (one, other) = (InboxPrefix::random(), InboxPrefix::random());
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse(), Ok(one.clone()));
        assert!(!one.subscription().starts_with("_INBOX."), "{one}");
    }
}
