//! The kinds of keys that failures are counted by.

/// The kinds of keys that failures are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The client's address.
    Address,
    /// A name whose secret the login can guess: a user name or a bare token.
    User,
    /// An address and names that have logged in together.
    Pair,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::User => "user",
            Self::Pair => "pair",
        }
    }

    pub(super) const fn of_whom(self) -> &'static str {
        match self {
            Self::Address => "from the client's address",
            Self::User => "in a name of the login",
            Self::Pair => "in the names of the login from the client's address",
        }
    }
}
