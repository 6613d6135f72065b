//! The difference between the configuration of a running host and its file.

use std::collections::BTreeSet;

use portcullis_connect::SecretSource;
use portcullis_toml::{Keyed, changed_keys};

use crate::config::Config;
use crate::secrets::Secrets;

/// Keys and tables that a running host applies. Every other key needs a restart.
const APPLIED: [&str; 29] = [
    "callout.clock-skew",
    "callout.deadline",
    "callout.deny",
    "callout.drain-timeout",
    "callout.expiry-jitter",
    "callout.issuer-seed-env",
    "callout.issuer-seed-file",
    "callout.max-expiry",
    "callout.other-keys",
    "callout.refuse-replays",
    "callout.target-accounts",
    "callout.trusted-server-tags",
    "callout.trusted-servers",
    "callout.xkey-seed-env",
    "callout.xkey-seed-file",
    "ceilings",
    "identity.accounts",
    "identity.issuers",
    "identity.operators",
    "identity.throttle.address-failures",
    "identity.throttle.exempt-networks",
    "identity.throttle.user-failures",
    "identity.token-places",
    "log.level",
    "operator.accounts",
    "policies.assertions",
    "policies.chains",
    "policies.guards",
    "policies.order",
];

/// Keys that the keys in [`APPLIED`] depend on. If one of them has changed, no other change may
/// take effect before a restart.
const DECISIVE: [&str; 3] = [
    "callout.account",
    "callout.system-account",
    "operator.account",
];

/// The keys among [`APPLIED`] about the main keys that sign.
const ISSUERS: [&str; 3] = [
    "callout.issuer-seed-env",
    "callout.issuer-seed-file",
    "operator.accounts",
];

/// The keys among [`APPLIED`] about other keys.
const OTHER_KEYS: [&str; 3] = [
    "callout.other-keys",
    "callout.xkey-seed-env",
    "callout.xkey-seed-file",
];

/// The changes between the configuration of a running host and a new one, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that a running host applies.
    pub applied: BTreeSet<String>,
    /// Keys whose change takes effect at a restart.
    pub needs_restart: BTreeSet<String>,
    /// Keys whose change only a restart applies, and that no other change may take effect before.
    pub decisive: BTreeSet<String>,
}

impl Changes {
    /// Compares the configuration that a host started with, the one whose changes it has applied
    /// since, and a new one. Secrets count by their content.
    pub fn between(
        started: &Config,
        (current, secrets): (&Config, &Secrets),
        (new, new_secrets): (&Config, &Secrets),
    ) -> Self {
        let changed = |before: &Config| changed_keys(&before.source.0, &new.source.0);
        let mut applied = changed(current);
        applied.retain(|key| is_among(key, &APPLIED));
        applied.extend(changed_secrets(new, secrets, new_secrets));
        let mut needs_restart = changed(started);
        needs_restart.retain(|key| !is_among(key, &APPLIED));
        let decisive = needs_restart.iter();
        let decisive = decisive.filter(|key| is_among(key, &DECISIVE));
        let mut decisive: BTreeSet<_> = decisive.cloned().collect();
        if makes_accounts(started) {
            let issuers = applied.iter().filter(|key| is_among(key, &ISSUERS));
            decisive.extend(issuers.cloned());
        }
        Self {
            applied,
            needs_restart,
            decisive,
        }
    }

    /// Returns whether keys that sign or open messages have changed.
    pub fn concern_keys(&self) -> bool {
        self.concern_issuers() || self.concern(&OTHER_KEYS)
    }

    /// Returns whether the main keys that sign have changed.
    pub fn concern_issuers(&self) -> bool {
        self.concern(&ISSUERS)
    }

    /// Returns whether the accepted credentials or their proofs have changed.
    pub fn concern_identities(&self) -> bool {
        self.concern(&[
            "identity.accounts",
            "identity.issuers",
            "identity.operators",
            "identity.token-places",
        ])
    }

    fn concern(&self, keys: &[&str]) -> bool {
        self.applied.iter().any(|key| is_among(key, keys))
    }
}

/// Returns whether the host makes accounts at their first login. It then signs for accounts that no
/// configuration names, with keys that it has added to those of the start.
fn makes_accounts(config: &Config) -> bool {
    let operator = config.operator.as_ref();
    operator.is_some_and(|operator| operator.first_login.is_some())
}

/// Returns the keys of secrets whose content differs.
fn changed_secrets(config: &Config, before: &Secrets, after: &Secrets) -> Vec<String> {
    let key = |source: &Keyed<SecretSource>| source.key.clone();
    let callout = &config.callout;
    let issuer = (before.issuer_seed != after.issuer_seed).then(|| key(&callout.issuer_seed));
    let xkey = callout.xkey_seed.as_ref().map(key);
    let xkey = xkey.filter(|_| before.xkey_seed != after.xkey_seed);
    let others = (before.other_keys != after.other_keys).then(|| "callout.other-keys".to_owned());
    let accounts = (before.accounts != after.accounts).then(|| "operator.accounts".to_owned());
    [issuer, xkey, others, accounts]
        .into_iter()
        .flatten()
        .collect()
}

/// Returns whether `key` is one of `keys`, or in one of them.
fn is_among(key: &str, keys: &[&str]) -> bool {
    keys.iter().any(|listed| {
        let rest = key.strip_prefix(listed);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use portcullis_core::Secret;

    use super::*;

    const BASE: &str = "[callout]\nissuer-seed-file = \"issuer.nk\"\ntarget-accounts = [\"APP\"]\n";

    fn config(text: &str) -> Config {
        let text = format!("{BASE}{text}");
        Config::parse(Path::new("portcullis.toml"), &text)
            .unwrap()
            .value
    }

    fn secrets(issuer: &str) -> Secrets {
        Secrets {
            issuer_seed: Secret::new(issuer),
            xkey_seed: None,
            other_keys: Vec::new(),
            accounts: std::collections::BTreeMap::new(),
        }
    }

    fn names(keys: &BTreeSet<String>) -> Vec<&str> {
        keys.iter().map(String::as_str).collect()
    }

    #[test]
    fn changes_are_told_apart_by_what_they_need() {
        let secrets = secrets("SA1");
        let started = config("");
        let new = config(
            "deadline = \"2s\"\nmax-in-flight = 9\naccount = \"AUTH\"\n[log]\nlevel = \"debug\"\nformat = \"json\"\n",
        );
        let changes = Changes::between(&started, (&started, &secrets), (&new, &secrets));
        assert_eq!(names(&changes.applied), ["callout.deadline", "log.level"]);
        assert_eq!(
            names(&changes.needs_restart),
            ["callout.account", "callout.max-in-flight", "log.format"]
        );
        assert_eq!(names(&changes.decisive), ["callout.account"]);
    }

    #[test]
    fn a_change_that_needs_a_restart_is_named_until_then() {
        let secrets = secrets("SA1");
        let started = config("");
        let current = config("deadline = \"2s\"\nmax-in-flight = 9\n");
        let changes = Changes::between(&started, (&current, &secrets), (&current, &secrets));
        assert_eq!(names(&changes.applied), [""; 0]);
        assert_eq!(names(&changes.needs_restart), ["callout.max-in-flight"]);
    }

    #[test]
    fn a_seed_with_another_content_is_a_change() {
        let (before, after) = (secrets("SA1"), secrets("SA2"));
        let config = config("");
        let changes = Changes::between(&config, (&config, &before), (&config, &after));
        assert_eq!(names(&changes.applied), ["callout.issuer-seed-file"]);
    }

    #[test]
    fn every_key_of_the_lists_exists() {
        let schema = Config::schema();
        for key in APPLIED.iter().chain(&DECISIVE) {
            let found = key.split('.').try_fold(&schema, |node, name| {
                node.get("properties").and_then(|keys| keys.get(name))
            });
            assert!(found.is_some(), "{key}");
        }
    }
}
