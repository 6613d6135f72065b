//! Limits of an account that the host signs on request.

use super::Permit;
use crate::names::AccountLimit;

/// Limits of an account that asks the host to sign it.
impl Permit {
    /// Limits the account that the host is to sign, for a request of the kind
    /// [`AccountRequest`](crate::ClientKind::AccountRequest). The smallest limit wins.
    ///
    /// The permit of such a request needs at least one limit, and no permit of a login may have
    /// any. A limit that the permit does not name is that of the host's configuration. The account
    /// gets the smallest of what it asks for, of the permit's limit and of the configured one.
    ///
    /// ```
    /// use portcullis_sdk::prelude::*;
    /// use portcullis_sdk::testing;
    /// use portcullis_sdk::{AccountLimit, ClientKind};
    ///
    /// struct Teams;
    ///
    /// impl Policy for Teams {
    ///     type Settings = NoSettings;
    ///
    ///     fn configure(_: NoSettings) -> Result<Self, SettingsError> {
    ///         Ok(Self)
    ///     }
    ///
    ///     fn decide(&self, request: &Request) -> Verdict {
    ///         let client = request.client();
    ///         match (client.kind(), client.name()) {
    ///             (Some(ClientKind::AccountRequest), Some(name)) => Permit::new(name)
    ///                 .limit_account(AccountLimit::Connections, 100)
    ///                 .limit_account(AccountLimit::JetStreamDisk, 1 << 30)
    ///                 .into(),
    ///             _ => Verdict::Abstain,
    ///         }
    ///     }
    /// }
    ///
    /// let teams = testing::configure::<Teams>("{}").unwrap();
    /// let request = Request::builder()
    ///     .client_kind(ClientKind::AccountRequest)
    ///     .client_name("team-a")
    ///     .build();
    /// let Verdict::Permit(permit) = teams.decide(&request) else {
    ///     panic!("denied")
    /// };
    /// assert_eq!(permit.account(), "team-a");
    /// assert_eq!(permit.account_limit(AccountLimit::Connections), Some(100));
    /// assert!(permit.problems().is_empty());
    /// ```
    pub fn limit_account(mut self, limit: impl Into<AccountLimit>, max: u64) -> Self {
        let limit = limit.into();
        let mut known = self.bounds.account_limits.iter_mut();
        match known.find(|(known, _)| *known == limit) {
            Some((_, known)) => *known = max.min(*known),
            None => self.bounds.account_limits.push((limit, max)),
        }
        self
    }

    /// Returns the limit of the account that the host is to sign; `None` if the permit does not
    /// name it.
    ///
    /// ```
    /// use portcullis_sdk::{AccountLimit, Permit};
    ///
    /// let permit = Permit::new("team-a").limit_account(AccountLimit::Exports, 3);
    /// assert_eq!(permit.account_limit(AccountLimit::Exports), Some(3));
    /// assert_eq!(permit.account_limit(AccountLimit::Imports), None);
    /// ```
    pub fn account_limit(&self, limit: impl Into<AccountLimit>) -> Option<u64> {
        let wanted = limit.into();
        let mut limits = self.bounds.account_limits.iter();
        limits.find_map(|(limit, max)| (*limit == wanted).then_some(*max))
    }
}
