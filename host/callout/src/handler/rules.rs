//! The rules by which requests are handled.

use std::sync::Arc;

use portcullis_authority::LoginRules;

use crate::deny::DenyModes;
use crate::keys::HostKeys;
use crate::open::OpenRules;
use crate::options::TimeLimits;

/// The rules for new requests, replaced as a whole while the host runs. A request in progress keeps
/// those that it began with. They never change themselves.
#[derive(Debug)]
pub(crate) struct HandlingRules {
    pub(crate) keys: Arc<HostKeys>,
    pub(crate) open: OpenRules,
    pub(crate) deny: DenyModes,
    pub(crate) times: TimeLimits,
    pub(crate) login: Arc<LoginRules>,
}
