//! Keyed hashes of addresses and names, so that a memory dump reveals neither.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};

/// The mask of the part of an IPv6 address that identifies a client, because networks assign at
/// least a /64.
const IPV6_NETWORK: u128 = !0 << 64;

/// The keyed hash function. Its secret is new at every start.
#[derive(Debug, Default)]
pub(super) struct Keys(RandomState);

impl Keys {
    pub(super) fn of_address(&self, address: IpAddr) -> u64 {
        let source = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                let network = address.to_bits() & IPV6_NETWORK;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
        };
        self.hash(("address", source))
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
