//! Operator mode: an operator, its accounts and their users, with keys and JWTs.
//!
//! These JWTs are made with a different library than the one that the host reads them with.

mod account;
mod user;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use async_nats::Client;
use nats_token::{GenericClaims, OperatorClaims};
use nkeys::{KeyPair, XKey};
use serde_json::Value;

pub use account::{Account, Template};
pub use user::User;

use crate::keys::write_secret;

/// The source of account JWTs for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// The server's configuration.
    Memory,
    /// A directory, into which the system account can push new JWTs.
    Full,
}

/// An operator with a system account, a callout account with its users, and accounts for clients.
#[derive(Debug)]
pub struct Operator {
    key: KeyPair,
    jwt: String,
    /// The system account, which sees all accounts.
    pub system: Account,
    /// The account of the host and the sentinel, named `AUTH`.
    pub callout: Account,
    accounts: BTreeMap<&'static str, Account>,
    /// The user that the host logs in as: one of the `auth_users`.
    pub service: User,
    /// The user that every client presents. It has no permissions and needs no key.
    pub sentinel: User,
    /// Whether clients without credentials get the sentinel (2.11.2 and later).
    pub has_default_sentinel: bool,
    curve: Option<XKey>,
}

impl Operator {
    /// Creates an operator with one account for clients for each of `names`. The callout may place
    /// users in these accounts only.
    ///
    /// # Errors
    ///
    /// Fails if a JWT cannot be made.
    pub fn new(names: &[&'static str]) -> Result<Self> {
        let key = KeyPair::new_operator();
        let jwt = OperatorClaims::new(key.public_key())
            .context("an operator needs a key")?
            .encode(&key)?;
        let (system, mut callout) = (Account::named("SYS")?, Account::named("AUTH")?);
        let accounts = names.iter().map(|&name| Ok((name, Account::named(name)?)));
        let accounts: BTreeMap<_, _> = accounts.collect::<Result<_>>()?;
        let service = callout.user("service")?;
        let sentinel = callout.sentinel("sentinel")?;
        let keys: Vec<_> = accounts.values().map(Account::public_key).collect();
        callout.ask(&[service.public_key()], &keys);
        Ok(Self {
            key,
            jwt,
            system,
            callout,
            accounts,
            service,
            sentinel,
            has_default_sentinel: false,
            curve: None,
        })
    }

    /// Returns the account `name`.
    ///
    /// # Errors
    ///
    /// Fails if the operator has no such account.
    pub fn account(&self, name: &str) -> Result<&Account> {
        let account = self.accounts.get(name);
        account.with_context(|| format!("the operator has no account `{name}`"))
    }

    /// Returns the account `name` for changes.
    ///
    /// # Errors
    ///
    /// Fails if the operator has no such account.
    pub fn account_mut(&mut self, name: &str) -> Result<&mut Account> {
        let account = self.accounts.get_mut(name);
        account.with_context(|| format!("the operator has no account `{name}`"))
    }

    /// Allows the callout to place users in these accounts only; `*` means any.
    pub fn allow_accounts(&mut self, accounts: &[String]) {
        let service = self.service.public_key();
        self.callout.ask(&[service], accounts);
    }

    /// Makes the server encrypt its requests for a new key of the host.
    pub fn encrypt(&mut self) {
        let curve = XKey::new();
        self.callout.encrypt_for(&curve.public_key());
        self.curve = Some(curve);
    }

    /// Signs the current claims of an account.
    ///
    /// # Errors
    ///
    /// Fails if the claims cannot be signed.
    pub fn sign(&self, account: &Account) -> Result<String> {
        account.signed_by(&self.key)
    }

    /// Signs a request to delete the accounts with these public keys from resolvers.
    ///
    /// # Errors
    ///
    /// Fails if the request cannot be signed.
    pub fn sign_deletion(&self, accounts: &[String]) -> Result<String> {
        let mut claims = GenericClaims::new(self.key.public_key()).context("no operator key")?;
        claims.data.insert("accounts".to_owned(), accounts.into());
        Ok(claims.encode(&self.key)?)
    }

    /// Returns a configuration for a server with `extra` appended. The server keeps its files in
    /// `directory`.
    ///
    /// # Errors
    ///
    /// Fails if a JWT cannot be signed.
    pub fn server_config(
        &self,
        resolver: Resolver,
        directory: &Path,
        extra: &str,
    ) -> Result<String> {
        let mut preload = String::new();
        for account in self.accounts.values().chain([&self.system, &self.callout]) {
            let line = format!("  {}: {}\n", account.public_key(), self.sign(account)?);
            preload.push_str(&line);
        }
        let resolver = match resolver {
            Resolver::Memory => "MEMORY".to_owned(),
            Resolver::Full => format!(
                r#"{{ type: full, dir: "{}", allow_delete: false, interval: "2m", timeout: "1.9s" }}"#,
                directory.join("accounts").display()
            ),
        };
        let sentinel = if self.has_default_sentinel {
            format!("default_sentinel: {}\n", self.sentinel.jwt())
        } else {
            String::new()
        };
        Ok(format!(
            "server_name: portcullis-tests\n\
             operator: {}\n\
             system_account: {}\n\
             resolver: {resolver}\n\
             resolver_preload {{\n{preload}}}\n\
             {sentinel}authorization {{ timeout: 5 }}\n\
             {extra}\n",
            self.jwt,
            self.system.public_key(),
        ))
    }

    /// Writes the host's files into `keys/` of `directory`: seeds as `NAME.nk` and `NAME.ROLE.nk`,
    /// the service's credentials, and the curve key.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let keys = directory.join("keys");
        fs::create_dir_all(&keys)?;
        for account in self.accounts.values().chain([&self.callout]) {
            account.write(&keys)?;
        }
        if let Some(curve) = &self.curve {
            write_secret(&keys.join("curve.nk"), &curve.seed()?)?;
        }
        write_secret(&keys.join("service.creds"), &self.service.credentials()?)
    }

    /// Returns a configuration of the host with the files of [`Self::write`]. It ends inside the
    /// table `policies`.
    pub fn host_config(&self, url: &str, extra: &str) -> String {
        let callout = self.callout.public_key();
        let names: Vec<_> = self.accounts.keys().collect();
        let encryption = match self.curve {
            Some(_) => "xkey-seed-file = \"keys/curve.nk\"",
            None => "",
        };
        let accounts: String = self.accounts.values().map(Account::host_config).collect();
        format!(
            r#"
[nats]
servers = ["{url}"]
creds-file = "keys/service.creds"
reconnect-wait = "50ms"
reconnect-jitter = "0s"

[operator]
account = "{callout}"
{accounts}
[callout]
issuer-seed-file = "keys/AUTH.nk"
target-accounts = {names:?}
{encryption}

[policies]
directory = "policies"
debounce = "50ms"
{extra}
"#
        )
    }

    /// Pushes the current claims of an account to the server that `system` is connected to.
    ///
    /// # Errors
    ///
    /// Fails if the server rejects the claims.
    pub async fn push(&self, system: &Client, account: &Account) -> Result<()> {
        let jwt = self.sign(account)?;
        let answer = system
            .request("$SYS.REQ.CLAIMS.UPDATE", jwt.into())
            .await
            .context("the resolver does not answer")?;
        let answer: Value = serde_json::from_slice(&answer.payload)?;
        let code = answer.pointer("/data/code").and_then(Value::as_u64);
        ensure!(code == Some(200), "the server refuses the claims: {answer}");
        Ok(())
    }
}
