//! Names of accounts.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use portcullis_permit_rules::{is_account_name, limits, shown};

use crate::PublicKey;
use crate::text::serde_as_text;

/// The name of an account: its name in the servers' configuration, or its public nkey (`A…`).
///
/// A name has 1 to 256 bytes without white space and control characters. Names compare byte by
/// byte. A map with names as keys can be asked with a `str`.
///
/// ```
/// use portcullis_core::AccountName;
///
/// assert!("$G".parse::<AccountName>().is_ok());
/// assert!("my account".parse::<AccountName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

/// A text that no account can have as its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid account name `{shown}`: expected 1 to {max} bytes without white space and control characters",
    max = AccountName::MAX_LEN
)]
pub struct InvalidAccountName {
    /// The first characters of the text, escaped.
    shown: String,
}

impl AccountName {
    /// Maximum length of a name, in bytes.
    pub const MAX_LEN: usize = limits::MAX_TEXT;

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a name that the rules have accepted already.
    pub(crate) const fn accepted(name: String) -> Self {
        Self(name)
    }

    /// Returns the name `$G` of the global account, which servers have without configuration.
    pub fn global() -> Self {
        Self("$G".to_owned())
    }

    /// Returns the name `$SYS` of the system account, unless the servers' configuration names
    /// another.
    pub fn system() -> Self {
        Self("$SYS".to_owned())
    }
}

impl TryFrom<String> for AccountName {
    type Error = InvalidAccountName;

    /// Validates `name` without a copy.
    fn try_from(name: String) -> Result<Self, Self::Error> {
        if is_account_name(&name) {
            Ok(Self(name))
        } else {
            let shown = shown(&name);
            Err(InvalidAccountName { shown })
        }
    }
}

impl FromStr for AccountName {
    type Err = InvalidAccountName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.to_owned().try_into()
    }
}

/// Returns the account's nkey as its name.
impl From<&PublicKey> for AccountName {
    fn from(key: &PublicKey) -> Self {
        Self(key.as_str().to_owned())
    }
}

impl Borrow<str> for AccountName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for AccountName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

serde_as_text!(AccountName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_servers_cannot_look_up_are_refused() {
        for name in ["", " ", "A B", "A\n", "A\u{a0}B", "\0", &"a".repeat(257)] {
            let error = name.parse::<AccountName>().unwrap_err().to_string();
            assert!(error.starts_with("invalid account name `"), "{error}");
            assert!(!error.contains('\n') && error.len() < 200, "{error}");
        }
        for name in ["A", "$G", "$SYS", "a.b", "*", "é", &"a".repeat(256)] {
            assert_eq!(name.parse::<AccountName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_name_reads_what_it_writes_and_nothing_invalid() {
        let name: AccountName = "APP".parse().unwrap();
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(serde_json::from_str::<AccountName>(&json).unwrap(), name);
        assert!(serde_json::from_str::<AccountName>("\"A P\"").is_err());
    }

    #[test]
    fn a_map_of_names_is_asked_with_text() {
        let names = std::collections::BTreeSet::from([AccountName::global()]);
        assert!(names.contains("$G") && !names.contains("$SYS"));
    }
}
