//! The conversion of a permit into the host's resource.

use std::time::Duration;

use super::Permit;
use crate::host::permits;

pub(super) type Receiver = permits::Permit;

impl Permit {
    /// Builds the permit in the host.
    pub(crate) fn to_host(&self) -> permits::Permit {
        let mut permit = permits::Permit::new(&self.account);
        self.send_to(&mut permit);
        permit
    }
}

/// Returns a time span in the unit of the contract: milliseconds.
pub(super) fn time_span(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
