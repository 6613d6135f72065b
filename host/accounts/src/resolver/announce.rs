//! The announcement of a new version to the servers.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Debug;

use futures::future::BoxFuture;

use crate::account_jwts::AccountJwt;

/// The answers of servers to a new version of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// Names of the servers, with their answers in words.
    pub answers: Vec<(String, String)>,
}

/// A reason why servers were not told of a new version.
#[derive(Debug, thiserror::Error)]
#[error("the servers were not told of the account")]
pub struct AnnounceError(#[source] pub Box<dyn Error + Send + Sync>);

/// A reason why no announcement was sent.
#[derive(Debug, thiserror::Error)]
#[error("the resolver is not connected to a server yet")]
pub(super) struct NotConnected;

/// A way to tell servers of a new version of an account.
pub trait Announcer: Debug + Send + Sync + 'static {
    /// Tells the servers of `jwt`, and returns their answers.
    fn announce<'a>(
        &'a self,
        jwt: &'a AccountJwt,
    ) -> BoxFuture<'a, Result<Announcement, AnnounceError>>;
}

impl Announcement {
    /// Returns the names of the servers that answered.
    pub(super) fn servers(&self) -> BTreeSet<String> {
        let names = self.answers.iter().map(|(server, _)| server.clone());
        // A malformed answer has no name.
        names.filter(|name| !name.is_empty()).collect()
    }

    /// Describes the answers on one line.
    pub(super) fn summary(&self) -> String {
        if self.answers.is_empty() {
            return "no server answered".to_owned();
        }
        let answers = self.answers.iter();
        let answers: Vec<_> = answers
            .map(|(server, answer)| format!("`{server}`: {answer}"))
            .collect();
        answers.join("; ")
    }
}
