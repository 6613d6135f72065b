//! Trust: which servers may ask, and that each question is asked once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use portcullis_core::Server;

use crate::lately::Lately;

/// Which servers are answered.
///
/// A server makes its key at every start and nothing vouches for it, so this list keeps apart installations that share
/// an account. It does not prove that a server asks; the reply subject of a request does, see `reply.rs`.
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

/// The logins and the signed nonces of recent requests.
///
/// A server makes a `user_nkey` for every login and a nonce for every connection. A request that repeats one is a copy,
/// or a forgery that presents the signature of another login.
#[derive(Debug)]
pub(crate) struct Replays {
    logins: Mutex<Lately<u64, ()>>,
    /// Entries never expire: a signature does not say when it was made. The oldest make room.
    nonces: Mutex<Lately<(), ()>>,
}

impl Replays {
    /// As many as a server could send in a few seconds; a key takes some 50 bytes.
    pub(crate) const MOST: usize = 131_072;

    /// Remembers up to `most` logins and as many nonces; the oldest make room.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            logins: Mutex::new(Lately::new(most)),
            nonces: Mutex::new(Lately::new(most)),
        }
    }

    /// Notes a login whose request is good until `until`; false if it has been noted before. Times are seconds since
    /// the Unix epoch.
    pub(crate) fn is_new(&self, user_nkey: &str, now: u64, until: u64) -> bool {
        let mut seen = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        // Requests arrive in about the order in which they end.
        seen.forget_before(now);
        seen.insert(&user_nkey, until, ())
    }

    /// Notes the nonce that a login has signed. Returns `false` if another login has signed it.
    pub(crate) fn is_new_nonce(&self, nonce: &str) -> bool {
        let mut seen = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(&nonce, (), ())
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
        assert_eq!(replays.logins.lock().unwrap().len(), 4);
        assert!(!replays.is_new("U99", 100, 200));
        for number in 0..100 {
            assert!(replays.is_new_nonce(&number.to_string()));
        }
        assert_eq!(replays.nonces.lock().unwrap().len(), 4);
        assert!(!replays.is_new_nonce("99"));
    }
}
