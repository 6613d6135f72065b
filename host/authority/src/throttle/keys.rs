//! Keyed hashes of addresses and names, so that a memory dump reveals neither.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;

use portcullis_core::client_network;

/// The keyed hash function. Its secret is new at every start.
#[derive(Debug, Default)]
pub(super) struct Keys(RandomState);

impl Keys {
    pub(super) fn of_address(&self, address: IpAddr) -> u64 {
        self.hash(("address", client_network(address)))
    }

    /// Returns the key of a name, which differs from those of the same text of another kind.
    pub(super) fn of_name(&self, kind: &str, name: &str) -> u64 {
        self.hash((kind, name))
    }

    /// Returns the key of an address together with all names of a login, by their keys.
    pub(super) fn of_pair<const N: usize, const M: usize>(
        &self,
        address: u64,
        guessed: [Option<u64>; N],
        others: [Option<u64>; M],
    ) -> u64 {
        self.hash(("pair", address, guessed, others))
    }

    fn hash(&self, what: impl Hash) -> u64 {
        self.0.hash_one(what)
    }
}
