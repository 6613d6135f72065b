//! The log of the requests that are not decided.
//!
//! The log has a line for the first refusal of a kind, and then a summary at intervals. A server,
//! or a user of the callout account, controls the number of requests. With a line for each, such a
//! client could fill the log.

use std::time::Instant;

use portcullis_core::{Repeats, Report, Server};

use crate::subjects::AUTH_REQUESTS;

/// The reason of refusals of messages that no server sent.
pub(crate) const FOREIGN: &str = "foreign";

/// Maximum number of kinds of refusals that the host distinguishes between two summaries.
const MAX_KINDS: usize = 32;

/// The reason for which a request is not decided, with the facts for the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal<'a> {
    /// The name of the reason in metrics.
    pub(crate) reason: &'static str,
    pub(crate) error: &'a str,
    /// The server that sent the request, if the host knows it.
    pub(crate) server: Option<&'a Server>,
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
    /// Creates a refusal of a request whose server is not known.
    pub(crate) const fn new(reason: &'static str, error: &'a str) -> Self {
        Self {
            reason,
            error,
            server: None,
            reply_subject: None,
        }
    }

    fn kind(&self) -> Kind {
        Kind {
            reason: self.reason,
            error: self.error.into(),
            server_id: self.server.map(|server| server.id.as_str().into()),
        }
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Self(Repeats::summed_up_regularly(MAX_KINDS))
    }
}

impl Refusals {
    /// Logs the first refusal of a kind and counts the others.
    pub(crate) fn record(&self, refusal: Refusal<'_>) {
        let kind = refusal.kind();
        let report = self.0.record(kind.clone(), Instant::now(), || kind);
        if report != Report::First {
            return;
        }
        tracing::warn!(
            error = refusal.error,
            refusal.reason = refusal.reason,
            server.id = refusal.server.map(|server| server.id.as_str()),
            server.name = refusal.server.map(|server| server.name.as_str()),
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
