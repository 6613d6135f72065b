//! Versions of the server, and their changes of rules.

use std::fmt;
use std::str::FromStr;

/// A version of nats-server: three numbers. Suffixes (`-RC.1`, `-dev`) are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    /// Major version, the first number.
    pub major: u16,
    /// Minor version, the second number.
    pub minor: u16,
    /// Patch version, the third number.
    pub patch: u16,
}

/// The denies that a server adds for every login in the callout account, in addition to those of
/// its user JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalloutAccountDenies {
    /// Subjects that the login may not publish on.
    pub publish: &'static [&'static str],
    /// Subjects that the login may not subscribe to.
    pub subscribe: &'static [&'static str],
}

/// A text that is not a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version of nats-server: expected three numbers such as `2.15.1`")]
pub struct InvalidServerVersion;

impl ServerVersion {
    /// First release with auth callout.
    pub const OLDEST: Self = Self::new(2, 10, 0);
    /// Newest release whose rules are known here.
    pub const NEWEST: Self = Self::new(2, 15, 3);

    /// Newest release of each series whose rules are known here, oldest first.
    pub const NEWEST_OF_SERIES: [Self; 5] = [
        Self::new(2, 10, 29),
        Self::new(2, 11, 17),
        Self::new(2, 12, 15),
        Self::new(2, 14, 10),
        Self::NEWEST,
    ];

    /// A release on each side of every change of the rules, oldest first.
    pub(crate) const EVERY_RULE: [Self; 13] = [
        Self::OLDEST,
        Self::new(2, 11, 0),
        Self::new(2, 11, 17),
        Self::new(2, 12, 0),
        Self::new(2, 12, 5),
        Self::new(2, 12, 8),
        Self::new(2, 14, 7),
        Self::new(2, 14, 8),
        Self::new(2, 14, 9),
        Self::new(2, 14, 10),
        Self::new(2, 15, 1),
        Self::new(2, 15, 2),
        Self::NEWEST,
    ];

    /// Returns the version with these numbers.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Returns whether the rules of this release are known here. Its series is known, and the
    /// release is not newer than that of the series in
    /// [`NEWEST_OF_SERIES`](Self::NEWEST_OF_SERIES).
    pub fn is_known(self) -> bool {
        Self::NEWEST_OF_SERIES.into_iter().any(|newest| {
            (self.major, self.minor) == (newest.major, newest.minor) && self <= newest
        })
    }

    /// Returns whether the server's configuration has `default_sentinel` (2.11.2). Earlier servers
    /// do not start with it.
    pub fn knows_default_sentinel(self) -> bool {
        self >= Self::new(2, 11, 2)
    }

    /// Returns whether the server enforces `subs`, `payload` and `src` of a user JWT or a role's
    /// template for logins through auth callout (2.14.10, 2.15.3).
    pub fn enforces_limits(self) -> bool {
        self.since([(14, 10), (15, 3)])
    }

    /// Returns whether the server enforces `allowed_connection_types` of a user JWT or a role's
    /// template for logins through auth callout (2.14.9, 2.15.2).
    pub fn enforces_connection_types(self) -> bool {
        self.since([(14, 9), (15, 2)])
    }

    /// Returns whether the server finds the account and the role's template before it checks times
    /// and connection types (2.14.9, 2.15.2). Those of the template then count.
    pub(crate) fn finds_the_account_first(self) -> bool {
        self.since([(14, 9), (15, 2)])
    }

    /// Returns the subjects that the server denies to logins in the callout account. Before 2.14.10
    /// and 2.15.3, it only denies publishing requests. Since then, it also denies subscribing to
    /// and answering them.
    pub fn denies_in_the_callout_account(self) -> CalloutAccountDenies {
        const REQUESTS: &str = "$SYS.REQ.USER.AUTH";
        const ANSWERS: &str = "$SYS._INBOX.>";
        if self.since([(14, 10), (15, 3)]) {
            CalloutAccountDenies {
                publish: &[REQUESTS, ANSWERS],
                subscribe: &[REQUESTS, ANSWERS],
            }
        } else {
            CalloutAccountDenies {
                publish: &[REQUESTS],
                subscribe: &[],
            }
        }
    }

    /// Returns whether the server checks the signer of a response. The configured issuer has to
    /// sign it (config mode), and its `issuer_account` may only name the callout account (operator
    /// mode). Such servers also enforce `proxy_required` of a role's template.
    pub fn checks_who_signed_the_response(self) -> bool {
        self.since([(14, 8), (15, 1)])
    }

    /// Returns whether the server enforces `proxy_required`.
    pub(crate) fn knows_proxies(self) -> bool {
        self >= Self::new(2, 12, 0)
    }

    /// Returns whether the server's JWT library has the field `proxy_required`, enforced or not.
    /// Scoped users may then not have it.
    pub(crate) fn reads_proxy_required(self) -> bool {
        self.since([(11, 10), (12, 0)])
    }

    /// Returns whether `IN_PROCESS` is a connection type.
    pub(crate) fn knows_in_process(self) -> bool {
        self >= Self::new(2, 11, 0)
    }

    /// Returns whether a time range that crosses midnight holds after midnight too. Of several
    /// ranges, the one that ends last then counts.
    pub(crate) fn handles_midnight(self) -> bool {
        self.since([(11, 17), (12, 8)])
    }

    /// Returns whether placeholders may stand anywhere in a subject, not only as whole tokens.
    pub(crate) fn finds_templates_anywhere(self) -> bool {
        self >= Self::new(2, 11, 0)
    }

    /// Returns whether templates have a limit, and unknown placeholders are refused instead of
    /// crashing the server.
    pub fn bounds_templates(self) -> bool {
        self.since([(11, 14), (12, 5)])
    }

    /// Returns whether this version has a change that came to two maintained series.
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
    #[case("2.15.3", Ok(ServerVersion::NEWEST))]
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

    #[rstest]
    #[case("2.10.26", true)]
    #[case("2.14.10", true)]
    #[case("2.14.11", false)]
    #[case("2.13.0", false)]
    #[case("2.15.3", true)]
    #[case("2.15.4", false)]
    #[case("2.16.0", false)]
    #[case("3.0.0", false)]
    fn a_release_is_known_up_to_the_newest_of_its_series(#[case] text: &str, #[case] known: bool) {
        assert_eq!(text.parse::<ServerVersion>().unwrap().is_known(), known);
    }

    #[test]
    fn what_came_with_the_releases_of_autumn_2026_is_told_by_series() {
        let rules = |text: &str| {
            let version = text.parse::<ServerVersion>().unwrap();
            [
                version.checks_who_signed_the_response(),
                version.enforces_connection_types(),
                version.enforces_limits(),
            ]
        };
        assert_eq!(rules("2.12.15"), [false, false, false]);
        assert_eq!(rules("2.14.7"), [false, false, false]);
        assert_eq!(rules("2.14.8"), [true, false, false]);
        assert_eq!(rules("2.14.9"), [true, true, false]);
        assert_eq!(rules("2.14.10"), [true, true, true]);
        assert_eq!(rules("2.15.0"), [false, false, false]);
        assert_eq!(rules("2.15.1"), [true, false, false]);
        assert_eq!(rules("2.15.2"), [true, true, false]);
        assert_eq!(rules("2.15.3"), [true, true, true]);
        assert_eq!(rules("2.16.0"), [true, true, true]);
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
