//! One login, as far as it is counted.

use portcullis_core::Client;
use portcullis_identity::Claimant;

use super::{Kind, Throttle};

/// The maximum number of names in a login: a user name, a key and a token.
const NAMES: usize = 3;

/// One login, as far as it is counted. Holds no name and no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The client's address, unless it is exempt.
    address: Option<u64>,
    names: [Option<u64>; NAMES],
    /// The address and everything that the login says of who it is, together.
    pub(super) pair: Option<u64>,
}

impl Attempt {
    /// Every counter that the attempt takes room in, in this order.
    pub(super) fn counters(&self) -> impl Iterator<Item = (Kind, u64)> {
        let names = self.names.into_iter().flatten();
        let names = names.map(|key| (Kind::User, key));
        let address = self.address.map(|key| (Kind::Address, key));
        address.into_iter().chain(names)
    }
}

impl Throttle {
    /// Returns the attempt of `client`, whose login carries the names of `claimant`.
    pub(crate) fn attempt(&self, client: &Client, claimant: &Claimant<'_>) -> Attempt {
        let address = client.address().map(|address| address.to_canonical());
        let exempt = |address| {
            let mut networks = self.options.exempt_networks.iter();
            networks.any(|network| network.contains(address))
        };
        let source = address.map(|address| self.keys.of_address(address));
        let key_of = |kind, name: Option<&str>| name.map(|name| self.keys.of_name(kind, name));
        let names = [
            key_of("user", claimant.user.as_deref()),
            key_of("key", claimant.key.as_deref()),
            key_of("token", claimant.token.as_deref()),
        ];
        let certificate = key_of("certificate", claimant.certificate.as_deref());
        Attempt {
            address: source.filter(|_| !address.is_some_and(exempt)),
            names,
            pair: source.map(|source| self.keys.of_pair(source, names, certificate)),
        }
    }
}
