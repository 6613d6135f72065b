//! The keys by which one login is counted.

use portcullis_core::Client;
use portcullis_identity::Claimant;

use super::Throttle;

/// Number of names whose proof a client can guess: a user name and a bare token.
const GUESSED: usize = 2;

/// The keys by which one login is counted. Holds no name and no address in plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The key of the client's address. `None` if the address is unknown or exempt.
    pub(super) address: Option<u64>,
    /// The keys of the names whose proof a client can guess.
    guessed: [Option<u64>; GUESSED],
    /// The key of the address together with all names in the login. `None` if the address is
    /// unknown.
    pub(super) pair: Option<u64>,
}

impl Attempt {
    /// Returns the keys of the names by which the attempt is counted.
    pub(super) fn names(&self) -> impl Iterator<Item = u64> {
        self.guessed.into_iter().flatten()
    }

    /// Returns whether the login can be the guess of a secret.
    pub(super) fn is_guess(&self) -> bool {
        self.guessed.iter().any(Option::is_some)
    }
}

impl<C> Throttle<C> {
    /// Returns the attempt of `client`, whose login carries the names of `claimant`.
    pub(crate) fn attempt(&self, client: &Client, claimant: &Claimant<'_>) -> Attempt {
        let address = client.address().map(|address| address.to_canonical());
        let exempt = |address| {
            let limits = self.limits.load();
            let mut networks = limits.exempt_networks.iter();
            networks.any(|network| network.contains(address))
        };
        let source = address.map(|address| self.keys.of_address(address));
        let key_of = |kind, name: Option<&str>| name.map(|name| self.keys.of_name(kind, name));
        let guessed = [
            key_of("user", claimant.user.as_deref()),
            key_of("token", claimant.token.as_deref()),
        ];
        let others = [
            key_of("key", claimant.key.as_deref()),
            key_of("subject", claimant.subject.as_deref()),
            key_of("certificate", claimant.certificate.as_deref()),
        ];
        Attempt {
            address: source.filter(|_| !address.is_some_and(exempt)),
            guessed,
            pair: source.map(|source| self.keys.of_pair(source, guessed, others)),
        }
    }
}
