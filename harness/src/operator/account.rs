//! An account: its key, its signing keys and its claims.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use nats_token::policy::{ExternalAuthorization, ResponsePermission, SigningKey, UserScope};
use nats_token::{AccountClaims, UserClaims};
use nkeys::KeyPair;

use super::User;
use crate::keys::write_seed;

/// An account of an operator.
#[derive(Debug)]
pub struct Account {
    name: &'static str,
    key: KeyPair,
    signing_key: Option<KeyPair>,
    roles: Vec<Role>,
    claims: AccountClaims,
}

/// A scoped signing key: the users that it signs get the permissions of its template.
#[derive(Debug)]
struct Role {
    name: &'static str,
    key: KeyPair,
}

/// The permissions of a role.
#[derive(Clone, Copy, Debug, Default)]
pub struct Template<'a> {
    /// The subjects that users may publish to. Empty means all.
    pub publish: &'a [&'a str],
    /// The subjects that users may subscribe to. Empty means all.
    pub subscribe: &'a [&'a str],
    /// Whether users may reply once to a message within three seconds.
    pub responses: bool,
    /// The maximum number of subscriptions, and the maximum payload in bytes. `None` means no
    /// limits.
    pub limits: Option<(i64, i64)>,
}

impl Account {
    pub(super) fn named(name: &'static str) -> Result<Self> {
        let key = KeyPair::new_account();
        let mut claims = AccountClaims::new(key.public_key()).context("an account needs a key")?;
        name.clone_into(&mut claims.claims.name);
        Ok(Self {
            name,
            key,
            signing_key: None,
            roles: Vec::new(),
            claims,
        })
    }

    /// Returns the name of the account.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the public key of the account, `A…`.
    pub fn public_key(&self) -> String {
        self.key.public_key()
    }

    /// Returns the key of the account.
    pub const fn key(&self) -> &KeyPair {
        &self.key
    }

    /// Makes a new signing key sign users from now on, instead of the account's own key.
    pub fn use_signing_key(&mut self) {
        let key = KeyPair::new_account();
        let keys = &mut self.claims.account.signing_keys;
        keys.add(SigningKey::Key(key.public_key()));
        self.signing_key = Some(key);
    }

    /// Removes the plain signing keys that no longer sign users.
    pub fn drop_old_signing_keys(&mut self) {
        let current = self.signing_key.as_ref().map(KeyPair::public_key);
        let keys = &mut self.claims.account.signing_keys;
        for key in keys.keys() {
            if Some(&key) != current.as_ref() && keys.get_scope(&key).is_none() {
                keys.remove(&key);
            }
        }
    }

    /// Allows this account to use `JetStream`, which MQTT needs.
    pub fn use_jetstream(&mut self) {
        let limits = &mut self.claims.account.limits.jetstream;
        limits.memory_storage = -1;
        limits.disk_storage = -1;
        limits.streams = -1;
        limits.consumers = -1;
    }

    /// Adds a scoped signing key.
    pub fn add_role(&mut self, name: &'static str, template: Template<'_>) {
        let key = KeyPair::new_account();
        let mut scope = UserScope::new();
        scope.key = key.public_key();
        name.clone_into(&mut scope.role);
        let given = &mut scope.template;
        given
            .permissions
            .publish
            .allow
            .add(template.publish.iter().copied());
        given
            .permissions
            .subscribe
            .allow
            .add(template.subscribe.iter().copied());
        given.permissions.response = template.responses.then_some(ResponsePermission {
            max: 1,
            ttl: 3_000_000_000,
        });
        if let Some((subscriptions, payload)) = template.limits {
            given.limits.subscriptions = subscriptions;
            given.limits.payload = payload;
        }
        self.sign_with(name, key, scope);
    }

    /// Adds a scoped signing key whose users have no permissions.
    pub fn add_mute_role(&mut self, name: &'static str) {
        let key = KeyPair::new_account();
        let mut scope = UserScope::new();
        scope.key = key.public_key();
        name.clone_into(&mut scope.role);
        let given = &mut scope.template;
        given.permissions.publish.deny.add([">"]);
        given.permissions.subscribe.deny.add([">"]);
        self.sign_with(name, key, scope);
    }

    fn sign_with(&mut self, name: &'static str, key: KeyPair, scope: UserScope) {
        let keys = &mut self.claims.account.signing_keys;
        keys.add(SigningKey::UserScope(Box::new(scope)));
        self.roles.push(Role { name, key });
    }

    /// Creates a user that the account signs without limits.
    ///
    /// # Errors
    ///
    /// Fails if the JWT cannot be made.
    pub fn user(&self, name: &str) -> Result<User> {
        User::signed(name, &self.key, |_| {})
    }

    /// Creates a new JWT for the user, which expires at this time, in seconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// Fails if the JWT cannot be made.
    pub fn renew(&self, user: &User, name: &str, expires_at: u64) -> Result<User> {
        user.renewed(name, &self.key, expires_at)
    }

    /// Creates a user without permissions, whose JWT needs no key (a bearer token).
    ///
    /// # Errors
    ///
    /// Fails if the JWT cannot be made.
    pub fn sentinel(&self, name: &str) -> Result<User> {
        User::signed(name, &self.key, |claims| {
            claims.user.bearer_token = true;
            claims.user.permissions.publish.deny.add([">"]);
            claims.user.permissions.subscribe.deny.add([">"]);
        })
    }

    /// Creates a user that a role of this account signs.
    ///
    /// # Errors
    ///
    /// Fails if the account has no such role, or if the JWT cannot be made.
    pub fn user_in_role(&self, name: &str, role: &str) -> Result<User> {
        let role = self.roles.iter().find(|candidate| candidate.name == role);
        let role = role.with_context(|| format!("`{}` has no such role", self.name))?;
        let account = self.public_key();
        User::signed(name, &role.key, |claims: &mut UserClaims| {
            claims.set_scoped(true);
            claims.user.issuer_account = account;
        })
    }

    /// Removes all revocations.
    pub fn clear_revocations(&mut self) {
        self.claims.account.revocations = nats_token::policy::RevocationList::default();
    }

    /// Revokes a user key, or all users (`*`). The revocation includes JWTs that are issued within
    /// the next minute.
    pub fn revoke(&mut self, key: &str) {
        let soon = SystemTime::now() + Duration::from_mins(1);
        self.claims.revoke_at(key, soon);
    }

    /// Makes `users` decide the logins of this account, and allows them to place users in
    /// `accounts`.
    pub(super) fn ask(&mut self, users: &[String], accounts: &[String]) {
        let authorization = self.authorization();
        authorization.auth_users = users.to_vec();
        authorization.allowed_accounts = accounts.to_vec();
    }

    /// Makes the server encrypt requests for a curve key.
    pub(super) fn encrypt_for(&mut self, curve: &str) {
        curve.clone_into(&mut self.authorization().xkey);
    }

    pub(super) fn signed_by(&self, operator: &KeyPair) -> Result<String> {
        Ok(self.claims.clone().encode(operator)?)
    }

    /// Writes the seeds into `directory`.
    pub(super) fn write(&self, directory: &Path) -> Result<()> {
        let signs = self.signing_key.as_ref().unwrap_or(&self.key);
        write_seed(&directory.join(format!("{}.nk", self.name)), signs)?;
        for role in &self.roles {
            let file = format!("{}.{}.nk", self.name, role.name);
            write_seed(&directory.join(file), &role.key)?;
        }
        Ok(())
    }

    /// Returns the part of the host's configuration about this account.
    pub(super) fn host_config(&self) -> String {
        let (name, key) = (self.name, self.public_key());
        let mut text = format!(
            "[operator.accounts.{name}]\nkey = \"{key}\"\nseed-file = \"keys/{name}.nk\"\n"
        );
        for role in &self.roles {
            let role = role.name;
            let _ = writeln!(
                text,
                "[operator.accounts.{name}.roles.{role}]\nseed-file = \"keys/{name}.{role}.nk\""
            );
        }
        text
    }

    fn authorization(&mut self) -> &mut ExternalAuthorization {
        let authorization = &mut self.claims.account.authorization;
        authorization.get_or_insert_default()
    }
}
