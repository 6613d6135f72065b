//! Patterns of the names of accounts that the host may make or sign.

use std::str::FromStr;

use portcullis_core::{AccountName, PublicKey};

/// A pattern of the names of new accounts. A `*` stands for one or more letters, digits, `-`, `_`
/// and `.`.
///
/// ```
/// use portcullis_authority::AccountPattern;
///
/// let pattern: AccountPattern = "tenant-*".parse()?;
/// assert!(pattern.matches(&"tenant-acme".parse()?));
/// assert!(!pattern.matches(&"tenant-".parse()?));
/// assert!(!pattern.matches(&"tenant-$SYS".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPattern {
    before: String,
    /// The text after the `*`. `None` if the pattern is a name.
    after: Option<String>,
}

/// A text that is not a pattern of account names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected letters, digits, `-`, `_`, `.` and at most one `*`, such as `tenant-*`, found `{}`",
    .0.escape_debug()
)]
pub struct InvalidAccountPattern(String);

impl AccountPattern {
    /// Maximum length of a name that a pattern matches, in bytes.
    pub const MAX_NAME: usize = 64;

    /// Returns whether the host may make an account of this name. A public key is no name.
    pub fn matches(&self, account: &AccountName) -> bool {
        let name = account.as_str();
        if name.len() > Self::MAX_NAME || name.parse::<PublicKey>().is_ok() {
            return false;
        }
        let Some(after) = &self.after else {
            return name == self.before;
        };
        let rest = name.strip_prefix(&self.before);
        let chosen = rest.and_then(|rest| rest.strip_suffix(after));
        chosen.is_some_and(|chosen| !chosen.is_empty() && is_plain(chosen))
    }
}

impl FromStr for AccountPattern {
    type Err = InvalidAccountPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (before, after) = match text.split_once('*') {
            Some((before, after)) => (before, Some(after.to_owned())),
            None => (text, None),
        };
        let is_valid = is_plain(before) && after.as_deref().is_none_or(is_plain);
        if text.is_empty() || !is_valid {
            return Err(InvalidAccountPattern(text.to_owned()));
        }
        let before = before.to_owned();
        Ok(Self { before, after })
    }
}

fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::fixtures;

    #[rstest]
    #[case("tenant-*", "tenant-a", true)]
    #[case("tenant-*", "tenant-a.b_C-9", true)]
    #[case("tenant-*", "tenant-", false)]
    #[case("tenant-*", "tenant-a/b", false)]
    #[case("tenant-*", "TENANT-a", false)]
    #[case("*.example.com", "acme.example.com", true)]
    #[case("*.example.com", ".example.com", false)]
    #[case("a*a", "a", false)]
    #[case("a*a", "aa", false)]
    #[case("one", "one", true)]
    #[case("one", "one2", false)]
    #[case("*", "$SYS", false)]
    fn patterns_match_names(#[case] pattern: &str, #[case] name: &str, #[case] matches: bool) {
        let pattern: AccountPattern = pattern.parse().unwrap();
        assert_eq!(pattern.matches(&name.parse().unwrap()), matches);
    }

    #[test]
    fn a_key_or_a_long_name_is_no_name() {
        let any: AccountPattern = "*".parse().unwrap();
        let key = fixtures::request().server.id;
        assert!(!any.matches(&AccountName::from(&key)));
        let name = |length| "a".repeat(length).parse().unwrap();
        assert!(any.matches(&name(AccountPattern::MAX_NAME)));
        assert!(!any.matches(&name(AccountPattern::MAX_NAME + 1)));
    }

    #[rstest]
    #[case("")]
    #[case("tenant-**")]
    #[case("*-tenant-*")]
    #[case("tenant >")]
    #[case("$SYS")]
    fn other_patterns_are_refused(#[case] pattern: &str) {
        let error = pattern.parse::<AccountPattern>().unwrap_err().to_string();
        assert!(error.contains("at most one `*`"), "{error}");
    }
}
