//! Trust: which servers may ask, and that each question is asked once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use portcullis_core::Server;

use crate::lately::Lately;

/// Which servers are answered.
///
/// A server's key is new at every start and nobody vouches for it, so this list keeps apart installations that share
/// an account; it is no proof of who asks. Who may publish on the callout subject is: servers keep it for themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedServers {
    ids: BTreeSet<String>,
    tags: BTreeSet<String>,
}

impl TrustedServers {
    /// The servers with one of these ids (`N…`) or one of these `server_tags`, whatever their case; every server if
    /// both are empty.
    pub fn new(
        ids: impl IntoIterator<Item = String>,
        tags: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            ids: ids.into_iter().collect(),
            tags: tags.into_iter().map(|tag| tag.to_lowercase()).collect(),
        }
    }

    /// Whether `server` is one of them.
    pub fn contains(&self, server: &Server) -> bool {
        (self.ids.is_empty() && self.tags.is_empty())
            || self.ids.contains(&server.id)
            || server
                .tags
                .iter()
                .any(|tag| self.tags.contains(&tag.to_lowercase()))
    }
}

/// The logins seen lately. A server makes a new `user_nkey` for every login, so one that comes again is a request that
/// somebody recorded.
#[derive(Debug)]
pub(crate) struct Replays(Mutex<Lately<u64, ()>>);

impl Replays {
    /// As many as a server could send in a few seconds; a key takes some 50 bytes.
    pub(crate) const MOST: usize = 131_072;

    /// Remembers up to `most` logins; the oldest make room.
    pub(crate) fn new(most: usize) -> Self {
        Self(Mutex::new(Lately::new(most)))
    }

    /// Notes a login whose request is good until `until`; false if it has been noted before. Times are seconds since
    /// the Unix epoch.
    pub(crate) fn is_new(&self, user_nkey: &str, now: u64, until: u64) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Requests arrive in about the order in which they end.
        seen.forget_before(now);
        seen.insert(&user_nkey, until, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str, tags: &[&str]) -> Server {
        Server {
            id: id.to_owned(),
            tags: tags.iter().map(ToString::to_string).collect(),
            ..Server::default()
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_a_list_every_server_is_answered() {
        assert!(TrustedServers::default().contains(&server("N1", &[])));
    }

    #[test]
    fn an_id_or_a_tag_is_enough() {
        let trusted = TrustedServers::new(owned(&["N1"]), owned(&["Prod"]));
        assert!(trusted.contains(&server("N1", &[])));
        assert!(trusted.contains(&server("N2", &["eu", "prod"])));
        assert!(!trusted.contains(&server("N2", &["eu"])));
        assert!(!trusted.contains(&server("prod", &["N1"])));
    }

    #[test]
    fn a_login_is_new_once_while_its_request_is_good() {
        let replays = Replays::new(8);
        assert!(replays.is_new("U1", 100, 107));
        assert!(!replays.is_new("U1", 101, 107));
        assert!(!replays.is_new("U1", 107, 107));
        assert!(replays.is_new("U2", 107, 109));
        assert!(
            replays.is_new("U1", 108, 110),
            "the request has expired by itself"
        );
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_make_room() {
        let replays = Replays::new(4);
        for number in 0..100 {
            assert!(replays.is_new(&format!("U{number}"), 100, 200));
        }
        assert_eq!(replays.0.lock().unwrap().len(), 4);
        assert!(!replays.is_new("U99", 100, 200));
    }
}
