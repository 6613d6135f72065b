//! Under what failures are remembered: numbers that say nothing to whoever reads the memory of the process.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};

/// How much of an IPv6 address is one client's: networks give out no less.
const IPV6_NETWORK: u128 = !0 << 64;

/// Makes keys. The hash has a secret of its own, new with every start.
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
        self.of(("address", source))
    }

    pub(super) fn of_user(&self, user: &str) -> u64 {
        self.of(("user", user))
    }

    pub(super) fn of_token(&self, token: &str) -> u64 {
        self.of(("token", token))
    }

    /// Of an address and a user or a token, by their keys.
    pub(super) fn of_pair(&self, both: (u64, u64)) -> u64 {
        self.of(("pair", both))
    }

    fn of(&self, what: impl Hash) -> u64 {
        self.0.hash_one(what)
    }
}
