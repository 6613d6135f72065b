//! Kinds of nkeys.

use std::fmt;

/// A kind of key, by what it identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// An operator, `O…`.
    Operator,
    /// An account, `A…`.
    Account,
    /// A user, `U…`.
    User,
    /// A server, `N…`.
    Server,
    /// A cluster, `C…`.
    Cluster,
    /// An encryption key (xkey), `X…`.
    Curve,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Operator,
        Self::Account,
        Self::User,
        Self::Server,
        Self::Cluster,
        Self::Curve,
    ];

    /// Returns the name of the kind for use in a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Account => "account",
            Self::User => "user",
            Self::Server => "server",
            Self::Cluster => "cluster",
            Self::Curve => "curve",
        }
    }

    /// Returns the byte in front of public keys of this kind. Its first five bits are the kind's
    /// letter in base32.
    pub const fn prefix(self) -> u8 {
        (self.letter() as u8 - b'A') << 3
    }

    /// Returns the first letter of public keys of this kind, which is the second of their seeds.
    pub const fn letter(self) -> char {
        match self {
            Self::Operator => 'O',
            Self::Account => 'A',
            Self::User => 'U',
            Self::Server => 'N',
            Self::Cluster => 'C',
            Self::Curve => 'X',
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
