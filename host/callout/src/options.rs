//! The options of a service, in groups: each stage of a login takes its own.

use std::time::Duration;

use portcullis_authority::{AuthorityOptions, PermitRules};
use portcullis_connect::{LoginProbe, RequiredPermission};
use portcullis_core::AccountName;

use crate::deny::DenyModes;
use crate::discovery::Discovery;
use crate::keys::HostKeys;
use crate::open::OpenRules;
use crate::participation::ParticipationOptions;
use crate::queue_group::QueueGroup;

/// The options of a service.
///
/// [`ServiceOptions::new`] sets the defaults, which are those of each group.
#[derive(Debug)]
pub struct ServiceOptions {
    /// The keys that open requests and seal responses.
    pub keys: HostKeys,
    /// The demands on requests.
    pub open: OpenRules,
    /// The identification, the limits on failed attempts and the rules for permits.
    pub authority: AuthorityOptions,
    /// The forms of denials.
    pub deny: DenyModes,
    /// The limits on the time of requests.
    pub times: TimeLimits,
    /// The queue group that servers hand requests to.
    pub group: QueueGroup,
    /// The conditions for membership in the queue group.
    pub participation: ParticipationOptions,
    /// The login that the host tries itself if none arrives. Default: `None`, no such login.
    pub probe: Option<LoginProbe>,
    /// The description for NATS tools. Default: `None`, NATS tools cannot find the service.
    pub discovery: Option<Discovery>,
    /// The permissions that the host's own user needs for more than logins, such as records. The
    /// host logs those that the user lacks. Default: none.
    pub further_permissions: Vec<RequiredPermission>,
}

/// The limits on the time of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// The time limit for one decision; the request's own deadline applies too. Default: 1 s.
    pub deadline: Duration,
    /// The time limit for requests in flight when the service stops. Default: 10 s.
    pub drain_timeout: Duration,
}

impl ServiceOptions {
    /// Creates options with every default, for a service in the callout account `account`.
    pub fn new(keys: HostKeys, rules: PermitRules, account: AccountName) -> Self {
        Self {
            keys,
            open: OpenRules::default(),
            authority: AuthorityOptions::new(rules),
            deny: DenyModes::default(),
            times: TimeLimits::default(),
            group: QueueGroup::new(account),
            participation: ParticipationOptions::default(),
            probe: None,
            discovery: None,
            further_permissions: Vec::new(),
        }
    }
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(10),
        }
    }
}
