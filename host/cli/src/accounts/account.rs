//! `portcullis account`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use portcullis_accounts::{AccountJwt, Seed, Store, StoreError};
use portcullis_claims::{AccountClaims, KeyKind, PublicKey};
use portcullis_core::with_causes;
use serde_json::{Value, json};

use super::common::CommonArguments;
use super::describe;
use super::limits;
use super::operator::seed_word;
use super::permissions::{PermissionArguments, change};
use super::push::{self, Answers};
use super::report::{Report, StoreArguments, failure, now, wrong};
use super::role::RoleVerb;
use super::shares;
use super::status::{self, StatusArguments};
use super::values;
use crate::failure::Failure;
use crate::output::Output;
use crate::servers::ServerArguments;

/// The commands for accounts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum AccountVerb {
    /// Make an account, with a new seed.
    Add {
        /// The account.
        #[arg(value_parser = values::name)]
        name: String,
        #[command(flatten)]
        edits: Box<AccountEdits>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Change an account.
    Edit {
        /// The account, by name or key, as for all commands.
        account: String,
        #[command(flatten)]
        edits: Box<AccountEdits>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print the accounts.
    List {
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print what is in an account's JWT, and what servers make of it.
    Describe {
        /// The account.
        account: String,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print an account's JWT, as servers and resolvers take it.
    Jwt {
        /// The account.
        account: String,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print all accounts' JWTs, as `resolver_preload` in a server's configuration takes them.
    Preload {
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Revoke the JWTs that the account's users have now.
    Revoke {
        /// The account.
        account: String,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Send an account's JWT to servers. Those that store JWTs store it, and all apply it to
    /// connected users.
    Push {
        /// The account.
        account: String,
        #[command(flatten)]
        servers: ServerArguments,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print which version of an account's JWT each server has, compared with that of the store.
    /// Ends with code 75 if a server does not have the stored version.
    Status {
        /// The account.
        account: String,
        #[command(flatten)]
        servers: StatusArguments,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Delete an account with its users and their seeds. With `--server`, servers that store JWTs
    /// delete it first.
    Delete {
        /// The account.
        account: String,
        /// Keep the seeds.
        #[arg(long)]
        keep_seeds: bool,
        #[command(flatten)]
        servers: ServerArguments,
        #[command(flatten)]
        store: StoreArguments,
    },
    #[command(flatten)]
    Role(RoleVerb),
}

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
    /// tier: `R3.disk=10GiB`.
    #[arg(long, value_name = "[TIER.]NAME=VALUE")]
    jetstream: Vec<String>,
    /// An export: `stream:SUBJECT` or `service:SUBJECT`, with the options `,token`, `,advertise`,
    /// `,trace`, `,response=FORM` and `,name=NAME`.
    #[arg(long, value_name = "KIND:SUBJECT")]
    export: Vec<String>,
    /// The subject of an export to remove.
    #[arg(long, value_name = "SUBJECT")]
    remove_export: Vec<String>,
    /// An import: `stream:ACCOUNT:SUBJECT` or `service:ACCOUNT:SUBJECT`, with the options
    /// `,as=SUBJECT`, `,share`, `,trace` and `,name=NAME`.
    #[arg(long, value_name = "KIND:ACCOUNT:SUBJECT")]
    import: Vec<String>,
    /// The subject of an import to remove.
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

impl AccountVerb {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        match self {
            Self::Add { name, edits, store } => add(store, name, edits),
            Self::Edit {
                account,
                edits,
                store,
            } => {
                let open = store.open();
                edit(store, account, "changed", |found| {
                    edits.apply(&open, &found.account, &mut found.claims)
                })
            }
            Self::List { store } => store.finish(list(&store.open())),
            Self::Describe { account, store } => store.finish(describe(&store.open(), account)),
            Self::Jwt { account, store } => {
                store.finish(store.open().account(account).map(|found| {
                    let json = json!({ "key": found.account.as_str(), "jwt": found.token });
                    Report::new(format!("{}\n", found.token), json)
                }))
            }
            Self::Preload { store } => store.finish(store.open().preload().map(|text| {
                let json = json!({ "preload": text });
                Report::new(text, json)
            })),
            Self::Revoke { account, store } => {
                edit(store, account, "revoked all users of", |found| {
                    let users = store.open().users(&found.account).map_err(failure)?;
                    let issued = users
                        .iter()
                        .flatten()
                        .filter_map(|user| user.claims.issued_at);
                    revoke(&mut found.claims, "*", issued.max().unwrap_or_default());
                    Ok(())
                })
            }
            Self::Push {
                account,
                servers,
                store,
            } => push(&store.open(), account, servers)?.output(store.json),
            Self::Status {
                account,
                servers,
                store,
            } => status::run(store, account, servers),
            Self::Delete {
                account,
                keep_seeds,
                servers,
                store,
            } => delete(&store.open(), account, servers, !keep_seeds)?.output(store.json),
            Self::Role(verb) => verb.run(),
        }
    }
}

impl AccountEdits {
    fn apply(
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
            shares::remove_import(account, subject)?;
        }
        for export in &self.export {
            shares::add_export(account, export)?;
        }
        for import in &self.import {
            shares::add_import(store, key.as_str(), account, import, now())?;
        }
        let user = |name: &String| user_key(store, key, name);
        let target = |name: &String| account_key(store, name);
        let authorization = &mut account.authorization;
        change(
            &mut authorization.auth_users,
            &keys(&self.auth_user, user)?,
            &keys(&self.remove_auth_user, user)?,
        );
        change(
            &mut authorization.allowed_accounts,
            &keys(&self.allowed_account, target)?,
            &keys(&self.remove_allowed_account, target)?,
        );
        let defaults = &mut account.default_permissions;
        self.permissions.apply(
            &mut defaults.publish,
            &mut defaults.subscribe,
            &mut defaults.responses,
        );
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

fn add(store: &StoreArguments, name: &str, edits: &AccountEdits) -> Result<Output, Failure> {
    let open = store.open();
    open.operator().map_err(failure)?;
    open.check_account_name(name).map_err(failure)?;
    let seed = Seed::generate(KeyKind::Account).map_err(Failure::internal)?;
    let key = seed.public.as_str();
    let mut claims = AccountClaims::new(key, now());
    claims.name = Some(name.to_owned());
    edits.apply(&open, &seed.public, &mut claims)?;
    // The seed comes first: an account without it could not sign.
    open.keys().insert(&seed).map_err(failure)?;
    let signed = open.put_account(claims, now());
    if signed.is_err() {
        open.keys().remove(key).map_err(failure)?;
    }
    store.finish(signed.map(|signed| {
        let line = format!("made the account `{name}` with the key {key}");
        Report::written(&line, "account", name, key, &signed.findings)
    }))
}

/// Changes an account's claims and signs them.
pub(super) fn edit(
    store: &StoreArguments,
    account: &str,
    done: &str,
    change: impl FnOnce(&mut AccountJwt) -> Result<(), Failure>,
) -> Result<Output, Failure> {
    let open = store.open();
    let mut found = open.account(account).map_err(failure)?;
    change(&mut found)?;
    let name = found.claims.name.clone().unwrap_or_default();
    let signed = open.put_account(found.claims, now());
    store.finish(signed.map(|signed| {
        let line = format!("{done} the account `{name}`; give its new JWT to the servers");
        let key = found.account.as_str();
        Report::written(&line, "account", &name, key, &signed.findings)
    }))
}

/// Revokes the JWTs of a user, or of all with `*`, that were issued until now or until `latest`.
/// The store may have signed a JWT for a second that is still to come.
pub(super) fn revoke(claims: &mut AccountClaims, user: &str, latest: u64) {
    let until = i64::try_from(now().max(latest)).unwrap_or(i64::MAX);
    let at = claims.nats.revocations.entry(user.to_owned()).or_default();
    *at = until.max(*at);
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
fn account_key(store: &Store, name: &str) -> Result<String, Failure> {
    if name == "*" || PublicKey::is_valid(name, KeyKind::Account) {
        return Ok(name.to_owned());
    }
    let account = store.account(name).map_err(failure)?;
    Ok(account.account.to_string())
}

fn list(store: &Store) -> Result<Report, StoreError> {
    let seeds = store.keys().keys()?;
    let mut text = String::new();
    let mut entries = Vec::new();
    for account in store.list_accounts()? {
        // A damaged account is named, and the others are listed.
        let account = match account {
            Ok(account) => account,
            Err(error) => {
                let error = with_causes(&error);
                let _ = writeln!(text, "{error}");
                entries.push(json!({ "error": error }));
                continue;
            }
        };
        let name = account.claims.name.as_deref().unwrap_or_default();
        let (key, has_seed) = (account.account.as_str(), seeds.contains(&account.account));
        let _ = writeln!(text, "{name}  {key}  {}", seed_word(has_seed));
        for (signing, scope) in account.claims.nats.signing_keys.iter() {
            let has_seed = seeds.iter().any(|seed| seed.as_str() == signing);
            let role = scope.map_or(String::new(), |scope| {
                format!(" of the role `{}`", scope.role)
            });
            let _ = writeln!(
                text,
                "  signing key{role}  {signing}  {}",
                seed_word(has_seed)
            );
        }
        entries.push(json!({
            "name": name,
            "key": key,
            "seed": has_seed,
            "issued_at": account.issued_at(),
            "expires_at": account.claims.expires_at,
        }));
    }
    if entries.is_empty() {
        text.push_str("no accounts; `portcullis account add NAME` makes one\n");
    }
    Ok(Report::new(text, Value::Array(entries)))
}

fn describe(store: &Store, account: &str) -> Result<Report, StoreError> {
    let found = store.account(account)?;
    let (operator, _) = store.operator()?;
    let servers = describe::of_account(&found.claims, &operator);
    Ok(describe::describe(&found.claims, &servers, now()))
}

fn push(store: &Store, account: &str, servers: &ServerArguments) -> Result<Report, Failure> {
    let found = store.account(account).map_err(failure)?;
    if !servers.is_given() {
        return Err(wrong("name the servers, with `--server` and `--creds`"));
    }
    let answers = push::update(servers, &found)?;
    Ok(told("sent the account", "", &found, &answers))
}

fn delete(
    store: &Store,
    account: &str,
    servers: &ServerArguments,
    seeds: bool,
) -> Result<Report, Failure> {
    let found = store.account(account).map_err(failure)?;
    // Servers are asked only for what the store deletes as well.
    store.check_deletable(&found.account).map_err(failure)?;
    let answers = push::delete(servers, store, &found)?;
    store.delete_account(&found, seeds).map_err(failure)?;
    let advice = if servers.is_given() {
        ""
    } else {
        "; delete it in the servers' resolver too"
    };
    Ok(told("deleted the account", advice, &found, &answers))
}

/// Reports what was done with an account, and the answers of servers.
fn told(done: &str, advice: &str, account: &AccountJwt, answers: &Answers) -> Report {
    let name = account.claims.name.as_deref().unwrap_or_default();
    let key = account.account.as_str();
    let text = format!("{done} `{name}`{advice}\n{answers}");
    let answers = answers.json();
    let json = json!({ "kind": "account", "name": name, "key": key, "answers": answers });
    Report::new(text, json)
}
