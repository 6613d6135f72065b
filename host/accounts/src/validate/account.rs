//! Account claims.

use std::collections::BTreeMap;

use portcullis_claims::{
    AccountClaims, AccountFields, AccountLimits, ExternalAuthorization, JetStreamLimits,
    MessageTrace, WeightedMapping,
};
use portcullis_core::{KeyKind, PublicKey};

use super::subject::{Comparisons, has_wildcards};
use super::{Findings, Validate, shown};

/// Name for any account, in the list of accounts that users may be placed in.
const ANY: &str = "*";

impl Validate for AccountClaims {
    fn validate(&self, now: u64) -> Findings {
        let mut findings = Findings::default();
        findings.times(self, now);
        let account = &*self.nats;
        let mut work = Comparisons::new();
        let importer = self.subject.as_deref().unwrap_or_default();
        findings.imports(importer, &account.imports, &mut work);
        findings.exports(&account.exports, &mut work);
        findings.tiers(&account.limits);
        findings.permissions("default permissions", &account.default_permissions);
        findings.mappings(&account.mappings);
        findings.authorization(&account.authorization);
        if let Some(trace) = &account.trace {
            findings.trace(trace);
        }
        findings.share_limits(account);
        for (key, scope) in account.signing_keys.iter() {
            let key = scope.map_or(key, |scope| &scope.key);
            findings.key("signing key", key, KeyKind::Account);
        }
        findings.info("account", &account.description, &account.info_url);
        let traffic = &account.cluster_traffic;
        if !["", "system", "owner"].contains(&traffic.as_str()) {
            findings.error(format!(
                "the account for the traffic of clusters is `{traffic}`, expected `system` or `owner`"
            ));
        }
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let is_self_signed = PublicKey::is_valid(issuer, KeyKind::Account);
        if work.is_exceeded() {
            let text = "imports and exports with wildcards are too many to be compared with each other; name fewer";
            // An operator may know better. A stranger may want to occupy servers.
            if is_self_signed {
                findings.error(text);
            } else {
                findings.warning(text);
            }
        }
        if is_self_signed && account.limits != AccountLimits::default() {
            findings.warning(
                "the account signed itself and has limits, which only an operator can grant",
            );
        }
        findings
    }
}

impl Findings {
    fn tiers(&mut self, limits: &AccountLimits) {
        if limits.tiers.is_empty() {
            return;
        }
        if limits.jetstream != JetStreamLimits::default() {
            self.error("JetStream limits with and without tiers exclude each other");
        }
        if limits.tiers.contains_key("") {
            self.error("a tier of JetStream limits has no name; tiers are named `R1`, `R3`");
        }
    }

    fn mappings(&mut self, mappings: &BTreeMap<String, Vec<WeightedMapping>>) {
        for (from, destinations) in mappings {
            let place = format!("mapping `{}`", shown(from));
            self.subject(&place, from);
            // By cluster; the empty name stands for any cluster.
            let mut weights: BTreeMap<&str, u32> = BTreeMap::new();
            for destination in destinations {
                self.subject(&format!("{place}, destination"), &destination.subject);
                let weight = match destination.weight {
                    0 => 100,
                    weight => u32::from(weight),
                };
                if weight > 100 {
                    self.error(format!("{place}: a weight of {weight} % exceeds 100 %"));
                }
                let sum = weights.entry(&destination.cluster).or_default();
                *sum = sum.saturating_add(weight);
            }
            for (cluster, sum) in weights {
                if sum > 100 {
                    let cluster = match cluster {
                        "" => String::new(),
                        name => format!(" in the cluster `{name}`"),
                    };
                    self.error(format!(
                        "{place}: the weights{cluster} are {sum} % together, which exceeds 100 %"
                    ));
                }
            }
        }
    }

    fn authorization(&mut self, authorization: &ExternalAuthorization) {
        let accounts = &authorization.allowed_accounts;
        if !accounts.is_empty() && authorization.auth_users.is_empty() {
            self.error("auth callout: it has target accounts, but no user of the service");
        }
        for user in &authorization.auth_users {
            self.key("auth callout: user", user, KeyKind::User);
        }
        for account in accounts {
            if account == ANY {
                if accounts.len() > 1 {
                    self.error("auth callout: `*` is for any account and has to be alone");
                }
            } else {
                self.key("auth callout: target account", account, KeyKind::Account);
            }
        }
        if !authorization.xkey.is_empty() {
            self.key("auth callout: xkey", &authorization.xkey, KeyKind::Curve);
        }
    }

    fn trace(&mut self, trace: &MessageTrace) {
        // The library reports the first flaw of the subject only.
        let mut flaws = Self::default();
        flaws.subject("message traces", &trace.destination);
        self.all.extend(flaws.all.into_iter().next());
        if has_wildcards(&trace.destination) {
            self.error(format!(
                "message traces: `{}` has wildcards",
                trace.destination
            ));
        }
        if !(0..=100).contains(&trace.sampling) {
            self.error(format!(
                "message traces: {} % of the messages are to be traced, expected 1 to 100",
                trace.sampling
            ));
        }
    }

    fn share_limits(&mut self, account: &AccountFields) {
        let limits = &account.limits;
        let exceeds = |limit: i64, count: usize| {
            limit != -1 && i64::try_from(count).is_ok_and(|count| count > limit)
        };
        let counts = [
            ("imports", limits.imports, account.imports.len()),
            ("exports", limits.exports, account.exports.len()),
        ];
        for (what, limit, count) in counts {
            if exceeds(limit, count) {
                self.error(format!(
                    "the account has {count} {what}, the operator allows {}",
                    limit.max(0)
                ));
            }
        }
        // The library looks at wildcards only where exports are limited.
        let mut exports = account.exports.iter();
        if limits.exports != -1
            && !limits.wildcard_exports
            && exports.any(|export| has_wildcards(&export.subject))
        {
            self.error("the account exports wildcards, which the operator does not allow");
        }
    }
}
