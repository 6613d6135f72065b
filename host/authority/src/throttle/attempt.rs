//! The keys by which one login is counted.

/// Number of names whose proof a client can guess: a user name and a bare token.
const GUESSED: usize = 2;

/// The keys by which one login is counted. Holds no name and no address in plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The key of the client's address. `None` if the address is unknown or exempt.
    pub(super) address: Option<u64>,
    /// The keys of the names whose proof a client can guess.
    pub(super) guessed: [Option<u64>; GUESSED],
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
