//! The storage of a permit under construction.

use std::time::Duration;

use crate::{AccountLimit, ConnectionType, Limit, SourceNetwork, TimeRange};

/// The storage of a permit under construction.
///
/// [`PermitBuilder`](crate::PermitBuilder) checks and counts, and hands over only parts that follow
/// the rules.
pub trait Draft {
    /// The finished permit.
    type Permit;

    /// Stores a part.
    fn add(&mut self, part: Part<'_>);

    /// Returns the parts that the rules compare with each other.
    fn whole(&self) -> Whole<'_>;

    /// Returns the finished permit. The builder calls this method if the permit has no problem.
    fn finish(self) -> Self::Permit;
}

/// A part of a permit that follows the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// The name of the account's signing key. The last one wins.
    Role(&'a str),
    /// The user name that the server shows. The last one wins.
    UserName(&'a str),
    /// A subject that the login may publish on.
    PublishAllow(&'a str),
    /// A subject that the login may not publish on.
    PublishDeny(&'a str),
    /// A subject that the login may subscribe to.
    SubscribeAllow(&'a str),
    /// A subject that the login may not subscribe to.
    SubscribeDeny(&'a str),
    /// The permission to reply. The last one wins.
    Responses {
        /// Maximum number of replies to one message.
        max: u32,
        /// Time span after the message in which replies are allowed.
        ttl: Duration,
    },
    /// A network that the login may come from.
    Source(SourceNetwork),
    /// A connection type that the login may use. One type can come several times.
    ConnectionType(ConnectionType),
    /// A part of every day in which the login is valid.
    Time(TimeRange),
    /// The time zone of the times. The last one wins.
    TimesLocation(&'a str),
    /// The requirement of a trusted proxy.
    ProxyRequired,
    /// A limit that servers enforce. The smallest one wins.
    Limit(Limit, u32),
    /// A limit of the account that the permit has the host sign. The smallest one wins.
    AccountLimit(AccountLimit, u64),
    /// The time at which the login ends, in seconds since the Unix epoch. The earliest one wins.
    ExpiresAt(u64),
    /// A tag of the user JWT.
    Tag(&'a str),
}

/// The parts of a permit that the rules compare with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole<'a> {
    /// The account, which no rule has checked yet.
    pub account: &'a str,
    /// The name of the account's signing key.
    pub role: Option<&'a str>,
    /// The user name.
    pub user_name: Option<&'a str>,
    /// The tags.
    pub tags: &'a [String],
    /// Whether the permit has a range of times.
    pub has_times: bool,
    /// Whether the permit has a time zone.
    pub has_times_location: bool,
    /// The earliest end of the login, in seconds since the Unix epoch.
    pub expires_at: Option<u64>,
}
