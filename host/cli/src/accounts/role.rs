//! Signing keys of accounts, and their roles.

use clap::{Args, Subcommand};
use portcullis_accounts::{AccountJwt, StoreError};
use portcullis_claims::{KeyKind, UserScope};
use serde_json::json;

use super::account::edit;
use super::limits;
use super::new_key::NewKey;
use super::permissions::{OriginArguments, PermissionArguments};
use super::report::{Report, StoreArguments, absent, failure, now, wrong};
use super::rotate;
use super::status::StatusArguments;
use super::values;
use crate::failure::Failure;
use crate::output::Output;

/// The commands for the signing keys of an account.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum RoleVerb {
    /// Add a signing key, with a new seed unless its public key is given. With a role, its users
    /// have the role's permissions.
    AddKey {
        /// The account.
        account: String,
        /// The role. Without one, the key signs any user.
        #[arg(long, value_name = "ROLE", value_parser = values::name)]
        role: Option<String>,
        /// The public key (`A…`) of a signing key whose seed is kept elsewhere.
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
        #[command(flatten)]
        edits: Box<RoleEdits>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Change the permissions and limits of a role. They apply to its users at once.
    EditRole {
        /// The account.
        account: String,
        /// The role, or the public key of its signing key.
        role: String,
        #[command(flatten)]
        edits: Box<RoleEdits>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Remove a signing key and its seed. Servers then refuse the users that it signed.
    RemoveKey {
        /// The account.
        account: String,
        /// The public key, `A…`, or the role.
        key: String,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Replace a signing key in two steps, with a time between them in which both keys count. With
    /// `--server`, the second step first makes sure that each server has the stored version.
    Rotate {
        /// The account.
        account: String,
        /// The public key, `A…`, or the role.
        key: String,
        /// End the rotation: remove the old key, once no user of the store has it as its signer.
        #[arg(long)]
        finish: bool,
        #[command(flatten)]
        servers: Box<StatusArguments>,
        #[command(flatten)]
        store: StoreArguments,
    },
}

/// Changes of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct RoleEdits {
    /// A description for humans.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    permissions: PermissionArguments,
    /// A limit; can be given several times: `subscriptions`, `payload`, `data`, `bearer`,
    /// `proxy-required`.
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<String>,
    #[command(flatten)]
    origins: OriginArguments,
}

impl RoleVerb {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<Output, Failure> {
        match self {
            Self::AddKey {
                account,
                role,
                public_key,
                edits,
                store,
            } => add_key(
                store,
                account,
                role.as_deref(),
                public_key.as_deref(),
                edits,
            ),
            Self::EditRole {
                account,
                role,
                edits,
                store,
            } => edit(
                store,
                account,
                &format!("changed the role `{role}` of"),
                |found| {
                    let keys = &mut found.claims.nats.signing_keys;
                    let key = find(keys, role)?;
                    let mut scope = keys
                        .scope(&key)
                        .cloned()
                        .ok_or_else(|| wrong(format!("the signing key `{role}` has no role")))?;
                    edits.apply(&mut scope)?;
                    keys.insert_scope(scope);
                    Ok(())
                },
            ),
            Self::RemoveKey {
                account,
                key,
                store,
            } => remove_key(store, account, key),
            Self::Rotate {
                account,
                key,
                finish: false,
                servers,
                store,
            } => rotate::begin(store, account, key, servers),
            Self::Rotate {
                account,
                key,
                finish: true,
                servers,
                store,
            } => rotate::finish(store, account, key, servers),
        }
    }
}

fn add_key(
    store: &StoreArguments,
    account: &str,
    role: Option<&str>,
    public_key: Option<&str>,
    edits: &RoleEdits,
) -> Result<Output, Failure> {
    if role.is_none() && *edits != RoleEdits::default() {
        return Err(wrong(
            "permissions of a signing key need a role: give `--role`",
        ));
    }
    let open = store.open();
    let new = NewKey::new(&open, public_key, KeyKind::Account)?;
    let key = new.public.as_str();
    let added = edit(
        store,
        account,
        &format!("added the signing key {key} to"),
        |found| {
            if found.claims.nats.signing_keys.contains(key) || found.account.as_str() == key {
                return Err(wrong(format!("the account has the key `{key}` already")));
            }
            let Some(role) = role else {
                found.claims.nats.signing_keys.insert_plain(key);
                return Ok(());
            };
            check_free(found, role)?;
            let mut scope = UserScope {
                key: key.to_owned(),
                role: role.to_owned(),
                ..UserScope::default()
            };
            edits.apply(&mut scope)?;
            found.claims.nats.signing_keys.insert_scope(scope);
            Ok(())
        },
    );
    if added.is_err() {
        new.forget(&open)?;
    }
    added
}

/// Removes a signing key with its seed, and names the users whom servers refuse without it.
fn remove_key(store: &StoreArguments, account: &str, key: &str) -> Result<Output, Failure> {
    let open = store.open();
    let mut found = open.account(account).map_err(failure)?;
    let removed = find(&found.claims.nats.signing_keys, key)?;
    found.claims.nats.signing_keys.remove(&removed);
    let users = open.users(&found.account).map_err(failure)?;
    let users = rotate::names(&rotate::signed_by(&users, &removed));
    let name = found.claims.name.clone().unwrap_or_default();
    let signed = open.put_account(found.claims, now()).map_err(failure)?;
    open.remove_seeds([removed]).map_err(failure)?;
    let line = format!(
        "removed the signing key `{key}` of the account `{name}`; give its new JWT to the servers"
    );
    let public = found.account.as_str();
    let report = Report::written(&line, "account", &name, public, &signed.findings);
    if users.is_empty() {
        return report.output(store.json);
    }
    let line = format!(
        "servers with it refuse these users until `portcullis user edit` signs them again: {}",
        rotate::list(&users)
    );
    report
        .and(&line, "refused_users", json!(users))
        .output(store.json)
}

impl RoleEdits {
    fn apply(&self, scope: &mut UserScope) -> Result<(), Failure> {
        if let Some(description) = &self.description {
            scope.description.clone_from(description);
        }
        let template = &mut scope.template;
        let rules = &mut template.permissions;
        self.permissions.apply(
            &mut rules.publish,
            &mut rules.subscribe,
            &mut rules.responses,
        )?;
        self.origins.apply(
            &mut template.sources,
            &mut template.allowed_connection_types,
        )?;
        limits::set(template, &self.limit)
    }
}

/// Returns the public key of a signing key that is named by itself or by its role.
pub(super) fn find(keys: &portcullis_claims::SigningKeys, name: &str) -> Result<String, Failure> {
    let is_this = |(key, scope): &(&str, Option<&UserScope>)| {
        *key == name || scope.is_some_and(|scope| scope.role == name)
    };
    let found: Vec<_> = keys.iter().filter(is_this).map(|(key, _)| key).collect();
    match found.as_slice() {
        [key] => Ok((*key).to_owned()),
        [_, ..] => Err(wrong(format!(
            "several signing keys have the role `{name}`, as during a rotation: give one of `{}`",
            found.join("`, `")
        ))),
        [] => Err(absent(format!(
            "the account has no signing key or role `{name}`; `portcullis account list` shows those it has"
        ))),
    }
}

fn check_free(account: &AccountJwt, role: &str) -> Result<(), Failure> {
    let mut keys = account.claims.nats.signing_keys.iter();
    if keys.any(|(key, scope)| key == role || scope.is_some_and(|scope| scope.role == role)) {
        let (kind, name) = ("role", role.to_owned());
        return Err(failure(StoreError::Taken { kind, name }));
    }
    Ok(())
}
