//! Table `[operator]`: accounts in operator mode, and the keys that sign for them.

use std::collections::BTreeMap;

use portcullis_claims::{KeyKind, PublicKey};

use super::reader::{Read, Section};
use super::sources::{SecretKind, SecretSource};
use super::values::{ACCOUNT_KEY, WORD};

/// The table `[operator]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Public key of the callout account, `A…`.
    pub account: PublicKey,
    /// Accounts that users can be placed in, by the names that policies use. At least one.
    pub accounts: BTreeMap<String, SigningAccount>,
    /// Credentials of the sentinel, which clients present in addition to their own. The service's
    /// probe needs them.
    pub sentinel: Option<SecretSource>,
}

/// The table `[operator.accounts.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningAccount {
    /// Public key of the account, `A…`.
    pub key: PublicKey,
    /// Seed of the account or of one of its signing keys (`SA…`). `None` if only roles sign.
    pub seed: Option<SecretSource>,
    /// Tables `[operator.accounts.NAME.roles.ROLE]`: seeds of the scoped signing keys, by role.
    pub roles: BTreeMap<String, SecretSource>,
}

impl Operator {
    /// Reads the table. The inner `None` means that the table is absent, which is no problem.
    pub(super) fn read(mut section: Section<'_>) -> Read<Option<Self>> {
        if !section.is_present() {
            section.finish();
            return Some(None);
        }
        let missing = "missing: the public key (A…) of the callout account";
        let account = read_key(&mut section, "account", missing);
        let sentinel = section.secret("sentinel-creds-file", "sentinel-creds-env");
        if let Some(source) = &sentinel {
            section.names_secret(source, SecretKind::Credentials);
        }
        let accounts = read_accounts(section.section("accounts"));
        section.finish();
        Some(Some(Self {
            account: account?,
            accounts: accounts?,
            sentinel,
        }))
    }
}

fn read_accounts(section: Section<'_>) -> Option<BTreeMap<String, SigningAccount>> {
    if section.is_empty() {
        section.report("name at least one account to sign for, as `[operator.accounts.NAME]`");
        return None;
    }
    section.named(&WORD, read_account)
}

fn read_account(mut section: Section<'_>) -> Option<SigningAccount> {
    let missing = "missing: the account's public key (A…)";
    let key = read_key(&mut section, "key", missing);
    let seed = read_seed(&mut section);
    let seeded = section.has("seed-file") || section.has("seed-env");
    let roles = section.section("roles");
    if !seeded && roles.is_empty() {
        section.report_missing(
            "seed-file",
            "missing: name the file with a seed of the account (SA…), or its variable in `seed-env`, or roles",
        );
    }
    let roles = roles.named(&WORD, read_role);
    section.finish();
    Some(SigningAccount {
        key: key?,
        seed,
        roles: roles?,
    })
}

fn read_key(section: &mut Section<'_>, key: &'static str, missing: &str) -> Option<PublicKey> {
    if let Some(setting) = section.setting(key) {
        return setting.parse(&ACCOUNT_KEY);
    }
    section.report_missing(key, missing);
    None
}

fn read_role(mut section: Section<'_>) -> Option<SecretSource> {
    let seed = read_seed(&mut section);
    if !section.has("seed-file") && !section.has("seed-env") {
        section.report_missing(
            "seed-file",
            "missing: name the file with the seed of the role's signing key (SA…), or its variable in `seed-env`",
        );
    }
    section.finish();
    seed
}

fn read_seed(section: &mut Section<'_>) -> Option<SecretSource> {
    let source = section.secret("seed-file", "seed-env");
    if let Some(source) = &source {
        section.names_secret(source, SecretKind::Seed(KeyKind::Account));
    }
    source
}
