//! Versions of the server, and what changed with them.

use std::fmt;
use std::str::FromStr;

/// A version of nats-server: the three numbers. What follows them (`-RC.1`, `-dev`) does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    /// The first number.
    pub major: u16,
    /// The second number.
    pub minor: u16,
    /// The third number.
    pub patch: u16,
}

/// Text that is not a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version of nats-server: expected three numbers such as `2.15.1`")]
pub struct InvalidServerVersion;

impl ServerVersion {
    /// The first release with auth callout.
    pub const OLDEST: Self = Self::new(2, 10, 0);
    /// The newest release whose rules are known here.
    pub const NEWEST: Self = Self::new(2, 15, 1);

    /// A release on each side of every change of the rules, oldest first.
    pub(crate) const EVERY_RULE: [Self; 7] = [
        Self::OLDEST,
        Self::new(2, 11, 0),
        Self::new(2, 11, 17),
        Self::new(2, 12, 0),
        Self::new(2, 12, 5),
        Self::new(2, 12, 8),
        Self::NEWEST,
    ];

    /// The version of these numbers.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// The response must be signed by the configured issuer (config mode), and its `issuer_account` may only name
    /// the callout account (operator mode). A scoped key's template may demand a proxy.
    pub(crate) fn checks_who_signed_the_response(self) -> bool {
        self >= Self::new(2, 15, 1)
    }

    /// `proxy_required` is known.
    pub(crate) fn knows_proxies(self) -> bool {
        self >= Self::new(2, 12, 0)
    }

    /// `proxy_required` is a field of the JWT library, enforced or not: it counts among what scoped users may
    /// not have.
    pub(crate) fn reads_proxy_required(self) -> bool {
        self.since([(11, 10), (12, 0)])
    }

    /// `IN_PROCESS` is a connection type.
    pub(crate) fn knows_in_process(self) -> bool {
        self >= Self::new(2, 11, 0)
    }

    /// A time range that crosses midnight holds after midnight too, and of several ranges the longest counts.
    pub(crate) fn handles_midnight(self) -> bool {
        self.since([(11, 17), (12, 8)])
    }

    /// Templates are found anywhere in a subject, not only as whole tokens.
    pub(crate) fn finds_templates_anywhere(self) -> bool {
        self >= Self::new(2, 11, 0)
    }

    /// Templates have a limit, and unknown ones are refused instead of crashing the server.
    pub(crate) fn bounds_templates(self) -> bool {
        self.since([(11, 14), (12, 5)])
    }

    /// Whether a change that came to two maintained series is in this version.
    fn since(self, releases: [(u16, u16); 2]) -> bool {
        let [old, new] = releases.map(|(minor, patch)| Self::new(2, minor, patch));
        self >= new || (self >= old && (self.major, self.minor) == (old.major, old.minor))
    }
}

impl FromStr for ServerVersion {
    type Err = InvalidServerVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let numbers = text.get(..end).unwrap_or(text);
        let mut parts = numbers.split('.').map(|part| part.parse().ok());
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => {
                Ok(Self::new(major, minor, patch))
            }
            _ => Err(InvalidServerVersion),
        }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2.15.1", Ok(ServerVersion::NEWEST))]
    #[case("v2.10.0", Ok(ServerVersion::OLDEST))]
    #[case("2.12.0-RC.1", Ok(ServerVersion::new(2, 12, 0)))]
    #[case("2.15.0-dev+1", Ok(ServerVersion::new(2, 15, 0)))]
    #[case("2.15", Err(InvalidServerVersion))]
    #[case("2.15.1.1", Err(InvalidServerVersion))]
    #[case("2.x.1", Err(InvalidServerVersion))]
    #[case("", Err(InvalidServerVersion))]
    fn versions_are_read(
        #[case] text: &str,
        #[case] expected: Result<ServerVersion, InvalidServerVersion>,
    ) {
        assert_eq!(text.parse(), expected);
    }

    #[test]
    fn versions_are_ordered_by_number() {
        let version = |text: &str| text.parse::<ServerVersion>().unwrap();
        assert!(version("2.9.30") < version("2.10.0"));
        assert!(version("2.12.10") > version("2.12.9"));
        assert_eq!(version("2.12.8-RC.2").to_string(), "2.12.8");
        assert!(ServerVersion::EVERY_RULE.is_sorted());
    }

    #[test]
    fn a_change_reaches_each_series_with_its_own_release() {
        let handles = |text: &str| text.parse::<ServerVersion>().unwrap().handles_midnight();
        let releases = [
            "2.10.29", "2.11.16", "2.11.17", "2.12.7", "2.12.8", "2.14.0",
        ];
        assert_eq!(
            releases.map(handles),
            [false, false, true, false, true, true]
        );
    }
}
