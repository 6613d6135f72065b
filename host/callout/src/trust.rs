//! Trust: the servers whose requests the host decides, and the detection of replays.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use portcullis_core::{PublicKey, Server};

use crate::expiring_map::ExpiringMap;

/// The servers whose requests the host decides.
///
/// A server makes a new key at every start, and no authority certifies it. This list separates
/// installations that share an account. A listed server id does not prove that a server sent the
/// request. The reply subject of the request does, see `reply.rs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedServers {
    /// All servers.
    Any,
    /// The servers of a list.
    Listed(ServerList),
}

/// A list of servers. An empty list contains no server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerList {
    ids: BTreeSet<PublicKey>,
    tags: BTreeSet<String>,
}

impl TrustedServers {
    /// Returns whether the host decides requests of `server`.
    pub fn contains(&self, server: &Server) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(list) => list.contains(server),
        }
    }
}

impl ServerList {
    /// Creates a list of the servers with one of `ids` (`N…`) or one of `tags` (their
    /// `server_tags`). The case of tags does not matter.
    pub fn new(
        ids: impl IntoIterator<Item = PublicKey>,
        tags: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            ids: ids.into_iter().collect(),
            tags: tags.into_iter().map(|tag| tag.to_lowercase()).collect(),
        }
    }

    /// Returns whether `server` is in the list.
    fn contains(&self, server: &Server) -> bool {
        let mut tags = server.tags.iter();
        self.ids.contains(&server.id) || tags.any(|tag| self.tags.contains(&tag.to_lowercase()))
    }
}

/// The logins and the signed nonces of recent requests.
///
/// A server makes a `user_nkey` for each login and a nonce for each connection. A request that
/// repeats one is a copy, or a forgery that presents the signature of another login.
#[derive(Debug)]
pub(crate) struct Replays {
    logins: Mutex<ExpiringMap<u64, ()>>,
    /// The nonces of recent requests. Entries never expire, because a signature has no time. A
    /// further nonce evicts the oldest.
    nonces: Mutex<ExpiringMap<(), ()>>,
}

impl Replays {
    /// Default of `max_keys`: the number of requests that a server could send in a few seconds.
    /// Each key takes about 50 bytes.
    pub(crate) const MAX_ENTRIES: usize = 131_072;

    /// Creates a memory of up to `max_keys` logins and `max_keys` nonces. A further one evicts the
    /// oldest.
    pub(crate) fn new(max_keys: usize) -> Self {
        Self {
            logins: Mutex::new(ExpiringMap::new(max_keys)),
            nonces: Mutex::new(ExpiringMap::new(max_keys)),
        }
    }

    /// Records a login whose request is valid until `until`. Returns `false` if the login was
    /// recorded before. Times are in seconds since the Unix epoch.
    pub(crate) fn is_new(&self, user_nkey: &str, now: u64, until: u64) -> bool {
        let mut seen = self.logins.lock();
        // Requests arrive in about the order of their expiry.
        seen.remove_expired(now);
        seen.insert(&user_nkey, until, ())
    }

    /// Records a nonce that a login has signed. Returns `false` if the nonce was recorded before.
    pub(crate) fn is_new_nonce(&self, nonce: &str) -> bool {
        let mut seen = self.nonces.lock();
        seen.insert(&nonce, (), ())
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::KeyKind;

    use super::*;

    fn key(number: u8) -> PublicKey {
        PublicKey::from_bytes(KeyKind::Server, [number; PublicKey::LEN])
    }

    fn server(id: u8, tags: &[&str]) -> Server {
        Server {
            tags: owned(tags),
            ..Server::new(key(id))
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn any_server_is_answered_only_where_the_options_say_so() {
        let server = server(1, &["prod"]);
        assert!(TrustedServers::Any.contains(&server));
        assert!(!TrustedServers::Listed(ServerList::default()).contains(&server));
    }

    #[test]
    fn an_id_or_a_tag_is_enough() {
        let list = ServerList::new([key(1)], owned(&["Prod"]));
        let trusted = TrustedServers::Listed(list);
        assert!(trusted.contains(&server(1, &[])));
        assert!(trusted.contains(&server(2, &["eu", "prod"])));
        assert!(!trusted.contains(&server(2, &["eu"])));
        assert!(!trusted.contains(&server(2, &[key(1).as_str()])));
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
        assert_eq!(replays.logins.lock().len(), 4);
        assert!(!replays.is_new("U99", 100, 200));
        for number in 0..100 {
            assert!(replays.is_new_nonce(&number.to_string()));
        }
        assert_eq!(replays.nonces.lock().len(), 4);
        assert!(!replays.is_new_nonce("99"));
    }
}
