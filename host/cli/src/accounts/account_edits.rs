//! Changes of an account, as arguments of `account add` and `account edit`.

use clap::Args;
use portcullis_accounts::Store;
use portcullis_claims::{AccountClaims, KeyKind, PublicKey};

use super::common::CommonArguments;
use super::limits;
use super::permissions::{PermissionArguments, change, check_removed};
use super::report::{failure, now};
use super::shares;
use crate::failure::Failure;

/// Changes of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct AccountEdits {
    #[command(flatten)]
    common: CommonArguments,
    /// A description for humans.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A URL with more information.
    #[arg(long, value_name = "URL")]
    info_url: Option<String>,
    /// A limit; can be given several times: `connections`, `leafnodes`, `subscriptions`, `payload`,
    /// `data`, `imports`, `exports`, `wildcard-exports`, `disallow-bearer`.
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<String>,
    /// `JetStream`: `unlimited`, `off`, or a limit: `memory`, `disk`, `streams`, `consumers`,
    /// `max-ack-pending`, `max-memory-stream`, `max-disk-stream`, `max-bytes-required`. With a
    /// tier: `R3.disk=10GiB`, which `R3.off` removes.
    #[arg(long, value_name = "[TIER.]NAME=VALUE")]
    jetstream: Vec<String>,
    /// An export: `stream:SUBJECT` or `service:SUBJECT`, with the options `,token`, `,advertise`,
    /// `,trace`, `,response=FORM`, `,threshold=TIME`, `,position=NUMBER`, `,latency=SUBJECT`,
    /// `,sampling=PERCENT` and `,name=NAME`.
    #[arg(long, value_name = "KIND:SUBJECT")]
    export: Vec<String>,
    /// The export to remove, by its subject. `KIND:SUBJECT` names one of two with the same subject.
    #[arg(long, value_name = "SUBJECT")]
    remove_export: Vec<String>,
    /// An import: `stream:ACCOUNT:SUBJECT` or `service:ACCOUNT:SUBJECT`, with the options
    /// `,as=SUBJECT`, `,share`, `,trace`, `,token=FILE` and `,name=NAME`.
    #[arg(long, value_name = "KIND:ACCOUNT:SUBJECT")]
    import: Vec<String>,
    /// The import to remove, by its subject. `KIND:ACCOUNT:SUBJECT` names one of several.
    #[arg(long, value_name = "SUBJECT")]
    remove_import: Vec<String>,
    /// A user of the auth callout's service, by name or key, who logs in without it.
    #[arg(long, value_name = "USER")]
    auth_user: Vec<String>,
    /// A user to remove from those.
    #[arg(long, value_name = "USER")]
    remove_auth_user: Vec<String>,
    /// An account that the callout may place users in, by name or key; `*` for any.
    #[arg(long, value_name = "ACCOUNT")]
    allowed_account: Vec<String>,
    /// An account to remove from those.
    #[arg(long, value_name = "ACCOUNT")]
    remove_allowed_account: Vec<String>,
    /// The public xkey (`X…`) to which servers encrypt the requests to the callout.
    #[arg(long, value_name = "KEY")]
    xkey: Option<String>,
    // Of users that have none of their own.
    #[command(flatten)]
    permissions: PermissionArguments,
}

impl AccountEdits {
    /// Changes the claims of the account `key`.
    pub(super) fn apply(
        &self,
        store: &Store,
        key: &PublicKey,
        claims: &mut AccountClaims,
    ) -> Result<(), Failure> {
        let account = &mut *claims.nats;
        let texts = [
            (&mut account.description, &self.description),
            (&mut account.info_url, &self.info_url),
            (&mut account.authorization.xkey, &self.xkey),
        ];
        for (place, value) in texts {
            if let Some(value) = value {
                place.clone_from(value);
            }
        }
        limits::set(&mut account.limits, &self.limit)?;
        limits::set_jetstream(&mut account.limits, &self.jetstream)?;
        for subject in &self.remove_export {
            shares::remove_export(account, subject)?;
        }
        for subject in &self.remove_import {
            shares::remove_import(store, account, subject)?;
        }
        for export in &self.export {
            shares::add_export(account, export)?;
        }
        for import in &self.import {
            shares::add_import(store, key.as_str(), account, import)?;
        }
        let user = |name: &String| user_key(store, key, name);
        let target = |name: &String| account_key(store, name);
        let authorization = &mut account.authorization;
        let (users, accounts) = (
            &mut authorization.auth_users,
            &mut authorization.allowed_accounts,
        );
        let removed = keys(&self.remove_auth_user, user)?;
        check_removed("user of the auth callout", &removed, &[&*users])?;
        change(users, &keys(&self.auth_user, user)?, &removed);
        let removed = keys(&self.remove_allowed_account, target)?;
        check_removed("target account", &removed, &[&*accounts])?;
        change(accounts, &keys(&self.allowed_account, target)?, &removed);
        let defaults = &mut account.default_permissions;
        self.permissions.apply(
            &mut defaults.publish,
            &mut defaults.subscribe,
            &mut defaults.responses,
        )?;
        self.common.check_rename(claims, |name| {
            store.check_account_name(name).map_err(failure)
        })?;
        let before = claims.nats.imports.clone();
        self.common.apply(claims, now())?;
        if self.common.has_patch() {
            shares::check_added(store, key.as_str(), &before, &claims.nats.imports)?;
        }
        Ok(())
    }
}

fn keys(
    names: &[String],
    key: impl Fn(&String) -> Result<String, Failure>,
) -> Result<Vec<String>, Failure> {
    names.iter().map(key).collect()
}

/// Returns the public key of a user, which the store need not have.
fn user_key(store: &Store, account: &PublicKey, name: &str) -> Result<String, Failure> {
    if PublicKey::is_valid(name, KeyKind::User) {
        return Ok(name.to_owned());
    }
    let user = store.find_user(account, name).map_err(failure)?;
    Ok(user.user.to_string())
}

/// Returns the public key of an account, which the store need not have. `*` is any account.
pub(super) fn account_key(store: &Store, name: &str) -> Result<String, Failure> {
    if name == "*" || PublicKey::is_valid(name, KeyKind::Account) {
        return Ok(name.to_owned());
    }
    let account = store.account(name).map_err(failure)?;
    Ok(account.account.to_string())
}
