//! Activation claims.

use portcullis_claims::ActivationClaims;
use portcullis_core::KeyKind;

use super::{Findings, Validate};

impl Validate for ActivationClaims {
    fn validate(&self, now: u64) -> Findings {
        let mut findings = Findings::default();
        findings.times(self, now);
        findings.activation("activation", self);
        findings
    }
}

impl Findings {
    /// Checks an activation without its times.
    pub(super) fn activation(&mut self, place: &str, activation: &ActivationClaims) {
        if activation.nats.import_kind.is_none() {
            self.error(format!("{place}: the kind is neither stream nor service"));
        }
        self.subject(place, &activation.nats.import_subject);
        if let Some(account) = activation.nats.issuer_account.as_deref()
            && !account.is_empty()
        {
            let role = format!("{place}: the issuer's account");
            self.key(&role, account, KeyKind::Account);
        }
    }
}
