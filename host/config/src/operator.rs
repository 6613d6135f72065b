//! Table `[operator]`: accounts in operator mode, and the keys that sign for them.

use std::collections::BTreeMap;

use portcullis_claims::{KeyKind, PublicKey};
use portcullis_connect::SecretSource;
use portcullis_core::AccountName;
use portcullis_toml::kinds::WORD;
use portcullis_toml::{Keyed, Read, Section};

use crate::account_requests::AccountRequestTable;
use crate::first_login::FirstLogin;
use crate::sources::{NamedSecrets, SecretKind};
use crate::values::{ACCOUNT, ACCOUNT_KEY};

/// The table `[operator]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Public key of the callout account, `A…`.
    pub account: PublicKey,
    /// Accounts that users can be placed in, by the names that policies use. At least one without
    /// `first_login`.
    pub accounts: BTreeMap<AccountName, SigningAccount>,
    /// Credentials of the sentinel, which clients present in addition to their own. The service's
    /// probe needs them.
    pub sentinel: Option<Keyed<SecretSource>>,
    /// Table `[operator.first-login]`: accounts that are made at their first login. `None` makes
    /// none.
    pub first_login: Option<Box<FirstLogin>>,
    /// Table `[operator.account-requests]`: accounts that signed themselves. `None` signs none.
    pub account_requests: Option<Box<AccountRequestTable>>,
}

/// The table `[operator.accounts.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningAccount {
    /// Public key of the account, `A…`.
    pub key: PublicKey,
    /// Seed of the account or of one of its signing keys (`SA…`). `None` if only roles sign.
    pub seed: Option<Keyed<SecretSource>>,
    /// Tables `[operator.accounts.NAME.roles.ROLE]`: seeds of the scoped signing keys, by role.
    pub roles: BTreeMap<String, Keyed<SecretSource>>,
}

impl Operator {
    /// Reads the table. The inner `None` means that the table is absent, which is no problem.
    pub(crate) fn read(mut section: Section<'_>, secrets: &NamedSecrets) -> Read<Option<Self>> {
        if !section.is_present() {
            section.finish();
            return Some(None);
        }
        let missing = "missing: the public key (A…) of the callout account";
        let account = read_key(&mut section, "account", missing);
        let sentinel = secrets.read(
            &mut section,
            "sentinel-creds-file",
            "sentinel-creds-env",
            SecretKind::Credentials,
        );
        let first_login = FirstLogin::read(section.section("first-login"), secrets);
        let requests = section.section("account-requests");
        let account_requests = AccountRequestTable::read(requests, secrets);
        let accounts = match section.section("accounts") {
            // All accounts may be made at their first login.
            accounts if accounts.is_empty() && matches!(first_login, Some(Some(_))) => {
                Some(BTreeMap::new())
            }
            accounts => read_accounts(accounts, secrets),
        };
        section.finish();
        Some(Some(Self {
            account: account?,
            accounts: accounts?,
            sentinel,
            first_login: first_login?.map(Box::new),
            account_requests: account_requests?.map(Box::new),
        }))
    }
}

fn read_accounts(
    section: Section<'_>,
    secrets: &NamedSecrets,
) -> Option<BTreeMap<AccountName, SigningAccount>> {
    if section.is_empty() {
        section.report("name at least one account to sign for, as `[operator.accounts.NAME]`");
        return None;
    }
    section.named(&ACCOUNT, |section| read_account(section, secrets))
}

fn read_account(mut section: Section<'_>, secrets: &NamedSecrets) -> Option<SigningAccount> {
    let missing = "missing: the account's public key (A…)";
    let key = read_key(&mut section, "key", missing);
    let seed = read_seed(&mut section, secrets);
    let seeded = section.has("seed-file") || section.has("seed-env");
    let roles = section.section("roles");
    if !seeded && roles.is_empty() {
        section.report_missing(
            "seed-file",
            "missing: name the file with a seed of the account (SA…), or its variable in `seed-env`, or roles",
        );
    }
    let roles = roles.named(&WORD, |section| read_role(section, secrets));
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

fn read_role(mut section: Section<'_>, secrets: &NamedSecrets) -> Option<Keyed<SecretSource>> {
    let seed = read_seed(&mut section, secrets);
    if !section.has("seed-file") && !section.has("seed-env") {
        section.report_missing(
            "seed-file",
            "missing: name the file with the seed of the role's signing key (SA…), or its variable in `seed-env`",
        );
    }
    section.finish();
    seed
}

fn read_seed(section: &mut Section<'_>, secrets: &NamedSecrets) -> Option<Keyed<SecretSource>> {
    let seed = SecretKind::Seed(KeyKind::Account);
    secrets.read(section, "seed-file", "seed-env", seed)
}
