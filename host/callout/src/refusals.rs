//! The log of the requests that are not decided.
//!
//! The log has a line for the first refusal of a kind, and then a summary at intervals. A server,
//! or a user of the callout account, controls the number of requests. With a line for each, such a
//! client could fill the log.

use std::time::Instant;

use portcullis_core::{AuthorizationRequest, Repeats, Report};

use crate::subjects::AUTH_REQUESTS;

/// The reason of refusals of messages that no server sent.
pub(crate) const FOREIGN: &str = "foreign";

/// The reason of refusals by time. Their texts differ by numbers of seconds.
const CLOCK: &str = "clock";

/// Maximum number of kinds of refusals that the host distinguishes between two summaries.
const MAX_KINDS: usize = 32;

/// Maximum length of a text of a refused request in the log, in bytes.
const MAX_TEXT: usize = 256;

/// The reason for which a request is not decided, with the facts for the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal<'a> {
    /// The name of the reason in metrics.
    pub(crate) reason: &'static str,
    pub(crate) error: &'a str,
    /// The request, if it could be decoded.
    pub(crate) request: Option<&'a AuthorizationRequest>,
    /// The reply subject of a message that no server sent.
    pub(crate) reply_subject: Option<&'a str>,
}

/// The refusals that the log does not have yet.
#[derive(Debug)]
pub(crate) struct Refusals(Repeats<Kind, Kind>);

/// The kind of a refusal. All refusals of a kind share one line in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    reason: &'static str,
    error: Box<str>,
    server_id: Option<Box<str>>,
}

impl<'a> Refusal<'a> {
    /// Creates a refusal of a request that was not decoded.
    pub(crate) const fn new(reason: &'static str, error: &'a str) -> Self {
        Self {
            reason,
            error,
            request: None,
            reply_subject: None,
        }
    }

    fn kind(&self) -> Kind {
        Kind {
            reason: self.reason,
            error: self.error.into(),
            server_id: self
                .request
                .map(|request| shown(request.server.id.as_str()).into()),
        }
    }
}

/// Returns the start of `text`, at most [`MAX_TEXT`] bytes. A refused request may hold texts of a
/// megabyte.
fn shown(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_TEXT);
    text.get(..end).unwrap_or_default()
}

impl Default for Refusals {
    fn default() -> Self {
        Self(Repeats::summed_up_regularly(MAX_KINDS))
    }
}

impl Refusals {
    /// Logs the first refusal of a kind and counts the others.
    pub(crate) fn record(&self, refusal: Refusal<'_>, now: Instant) {
        let kind = refusal.kind();
        let mut key = kind.clone();
        if key.reason == CLOCK {
            key.error = key.error.replace(|it: char| it.is_ascii_digit(), "").into();
        }
        let report = self.0.record(key, now, || kind);
        if report != Report::First {
            return;
        }
        let server = refusal.request.map(|request| &request.server);
        let client = refusal.request.map(|request| &request.client);
        let text = |text: Option<&'_ String>| text.map(|text| shown(text).to_owned());
        tracing::warn!(
            error = refusal.error,
            refusal.reason = refusal.reason,
            user_nkey = refusal
                .request
                .map(|request| shown(request.user_nkey.as_str())),
            client.host = text(client.and_then(|client| client.host.as_ref())),
            client.id = client.map(|client| client.id),
            client.user = text(client.and_then(|client| client.user.as_ref())),
            client.name = text(client.and_then(|client| client.name.as_ref())),
            server.id = server.map(|server| shown(server.id.as_str())),
            server.name = server.map(|server| shown(&server.name)),
            subject = AUTH_REQUESTS,
            reply_subject = refusal
                .reply_subject
                .map(|subject| subject.escape_debug().to_string()),
            "request refused"
        );
    }

    /// Logs the number of refusals that have no line yet.
    pub(crate) fn write_summary(&self) {
        let summaries = self.0.take_summaries();
        for (kind, count) in summaries.by_key {
            tracing::warn!(
                error = kind.error,
                refusal.reason = kind.reason,
                refusal.count = count,
                server.id = kind.server_id,
                "requests were refused"
            );
        }
        if summaries.others > 0 {
            tracing::warn!(
                refusal.count = summaries.others,
                "requests were refused for more reasons"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_by_time_share_a_line_although_their_times_differ() {
        let logged_again = |reason, texts: [&str; 2]| {
            let refusals = Refusals::default();
            for text in texts {
                refusals.record(Refusal::new(reason, text), Instant::now());
            }
            let summaries = refusals.0.take_summaries().by_key;
            summaries.is_empty()
        };
        assert!(!logged_again(CLOCK, ["17 s behind", "9 s behind"]));
        assert!(logged_again(CLOCK, ["17 s behind", "expired 17 s ago"]));
        assert!(!logged_again("malformed", ["no JWT", "no JWT"]));
        assert!(logged_again("malformed", ["no JWT", "no header"]));
    }

    #[test]
    fn long_texts_of_a_refused_request_are_cut() {
        assert_eq!(shown("n1"), "n1");
        assert_eq!(shown(&"a".repeat(1 << 20)).len(), MAX_TEXT);
        // A cut inside of a character would not be text.
        assert_eq!(shown(&"\u{20ac}".repeat(100)).len(), MAX_TEXT - 1);
    }
}
