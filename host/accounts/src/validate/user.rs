//! User claims.

use portcullis_claims::UserClaims;
use portcullis_core::KeyKind;

use super::{Findings, Validate};

impl Validate for UserClaims {
    fn validate(&self, now: u64) -> Findings {
        let mut findings = Findings::default();
        findings.times(self, now);
        findings.side("permissions", "sub", &self.nats.subscribe);
        findings.side("permissions", "pub", &self.nats.publish);
        let zone = self.nats.times_location.as_deref();
        findings.user_limits(&self.nats.sources, &self.nats.times, zone);
        if let Some(account) = self.nats.issuer_account.as_deref()
            && !account.is_empty()
        {
            findings.key("the issuer's account", account, KeyKind::Account);
        }
        findings
    }
}

impl Findings {
    /// Returns the flaw of a user that has permissions or limits and is signed by a scoped key.
    pub(crate) fn of_scoped_user() -> Self {
        let mut findings = Self::default();
        findings.error(
            "a user of a scoped signing key has permissions or limits of its own; leave them to the role",
        );
        findings
    }
}
