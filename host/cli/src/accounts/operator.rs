//! `portcullis operator`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use portcullis_accounts::{Seed, Store, StoreError};
use portcullis_claims::{KeyKind, OperatorClaims};
use portcullis_toml::text::one_line;
use serde_json::json;

use super::common::CommonArguments;
use super::describe;
use super::new_key::NewKey;
use super::permissions::{change, check_removed};
use super::report::{Report, StoreArguments, absent, failure, now, wrong};
use super::server_config;
use super::values;
use super::verify;
use crate::failure::Failure;
use crate::init::Resolver;
use crate::output::Output;

/// The commands for operators.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum OperatorVerb {
    /// Make a store with a new operator.
    Add {
        /// The operator.
        #[arg(value_parser = values::name)]
        name: String,
        #[command(flatten)]
        edits: Box<OperatorEdits>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Change the operator.
    Edit {
        #[command(flatten)]
        edits: Box<OperatorEdits>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print the operator's name and keys.
    List {
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print what is in the operator's JWT, and what servers make of it.
    Describe {
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Check every JWT of the store: operator, accounts and users. Ends with code 78 if servers
    /// refuse one, or if a file is damaged.
    Verify {
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print a nats-server configuration for the accounts of the store.
    Config {
        /// The source of account JWTs.
        #[arg(long, value_enum, default_value_t)]
        resolver: Resolver,
        /// With `--resolver full`: the directory of account JWTs on the server.
        #[arg(long, value_name = "DIR", default_value = "jwt")]
        jwt_directory: PathBuf,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Delete the operator of a store without accounts, with its seeds. An operator cannot be
    /// revoked: servers trust it for as long as their configuration has its JWT.
    Delete {
        /// Keep the seeds.
        #[arg(long)]
        keep_seeds: bool,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Add a signing key, with a new seed unless its public key is given.
    AddKey {
        /// The public key (`O…`) of a signing key whose seed is kept elsewhere.
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Remove a signing key and its seed. Servers then refuse the accounts that it signed.
    RemoveKey {
        /// The public key, `O…`.
        key: String,
        #[command(flatten)]
        store: StoreArguments,
    },
}

/// Changes of an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct OperatorEdits {
    #[command(flatten)]
    common: CommonArguments,
    /// The URL that serves account JWTs.
    #[arg(long, value_name = "URL")]
    account_server_url: Option<String>,
    /// A URL at which tools reach the servers; can be given several times.
    #[arg(long, value_name = "URL")]
    service_url: Vec<String>,
    /// A URL of the servers to remove.
    #[arg(long, value_name = "URL")]
    remove_service_url: Vec<String>,
    /// The system account, by name or key.
    #[arg(long, value_name = "ACCOUNT")]
    system_account: Option<String>,
    /// Whether only signing keys may sign accounts.
    #[arg(long, value_name = "BOOL")]
    strict_signing_keys: Option<bool>,
    /// The oldest release of servers that may be used.
    #[arg(long, value_name = "VERSION")]
    oldest_server: Option<String>,
}

impl OperatorVerb {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        match self {
            Self::Add { name, edits, store } => {
                let seed = Seed::generate(KeyKind::Operator).map_err(Failure::internal)?;
                let mut claims = OperatorClaims::new(seed.public.as_str(), now());
                claims.name = Some(name.clone());
                edits.apply(&store.open(), &mut claims)?;
                let created = store.open().create(claims, &seed, now());
                store.finish(created.map(|signed| {
                    let line = format!("made the operator `{name}` with the key {}", seed.public);
                    let key = seed.public.as_str();
                    Report::written(&line, "operator", name, key, &signed.findings)
                }))
            }
            Self::Edit { edits, store } => edit(store, "changed the operator", |claims| {
                edits.apply(&store.open(), claims)
            }),
            Self::List { store } => store.finish(list(&store.open())),
            Self::Describe { store } => store.finish(store.open().operator().map(|(claims, _)| {
                describe::describe(&claims, &describe::of_operator(&claims), now())
            })),
            Self::Verify { store } => store.finish(verify::verify(&store.open())),
            Self::Config {
                resolver,
                jwt_directory,
                store,
            } => server_config::print(&store.open(), *resolver, jwt_directory)?.output(store.json),
            Self::Delete { keep_seeds, store } => store.finish(delete(&store.open(), !keep_seeds)),
            Self::AddKey { public_key, store } => {
                let open = store.open();
                let new = NewKey::new(&open, public_key.as_deref(), KeyKind::Operator)?;
                let key = &new.public;
                let line = format!("added the signing key {key} to the operator");
                let added = edit(store, &line, |claims| {
                    let keys = &mut claims.nats.signing_keys;
                    if keys.contains(key) || claims.subject.as_ref() == Some(key) {
                        return Err(wrong(format!("the operator has the key `{key}` already")));
                    }
                    keys.push(key.clone());
                    Ok(())
                });
                if added.is_err() {
                    new.forget(&open)?;
                }
                added
            }
            Self::RemoveKey { key, store } => {
                let line = format!("removed the signing key {key} from the operator");
                let output = edit(store, &line, |claims| {
                    let before = claims.nats.signing_keys.len();
                    claims.nats.signing_keys.retain(|known| known != key);
                    if claims.nats.signing_keys.len() == before {
                        return Err(absent(format!(
                            "the operator has no signing key `{key}`; `portcullis operator list` shows those it has"
                        )));
                    }
                    Ok(())
                })?;
                store.open().remove_seeds([key.clone()]).map_err(failure)?;
                Ok(output)
            }
        }
    }
}

impl OperatorEdits {
    fn apply(&self, store: &Store, claims: &mut OperatorClaims) -> Result<(), Failure> {
        let system = match &self.system_account {
            Some(name) => Some(store.account(name).map_err(failure)?.account.to_string()),
            None => None,
        };
        let nats = &mut *claims.nats;
        let texts = [
            (&mut nats.account_server_url, &self.account_server_url),
            (&mut nats.system_account, &system),
            (&mut nats.assert_server_version, &self.oldest_server),
        ];
        for (place, value) in texts {
            if let Some(value) = value {
                place.clone_from(value);
            }
        }
        let urls = &mut nats.operator_service_urls;
        check_removed("URL", &self.remove_service_url, &[&*urls])?;
        change(urls, &self.service_url, &self.remove_service_url);
        if let Some(strict) = self.strict_signing_keys {
            nats.strict_signing_key_usage = strict;
        }
        let before = claims.nats.system_account.clone();
        self.common.apply(claims, now())?;
        let system = &claims.nats.system_account;
        if self.common.has_patch() && !system.is_empty() && *system != before {
            store.account(system).map_err(failure)?;
        }
        Ok(())
    }
}

/// Changes the operator's claims and signs them.
fn edit(
    store: &StoreArguments,
    line: &str,
    change: impl FnOnce(&mut OperatorClaims) -> Result<(), Failure>,
) -> Result<Output, Failure> {
    let open = store.open();
    let (mut claims, _) = open.operator().map_err(failure)?;
    change(&mut claims)?;
    let name = claims.name.clone().unwrap_or_default();
    let key = claims.subject.clone().unwrap_or_default();
    let distrusted = distrusted(&open, &claims).map_err(failure)?;
    let signed = open.put_operator(claims, now());
    store.finish(signed.map(|signed| {
        let line = format!("{line} `{name}`; give its new JWT to the servers");
        let report = Report::written(&line, "operator", &name, &key, &signed.findings);
        if distrusted.is_empty() {
            return report;
        }
        let line = format!(
            "servers with it refuse these accounts until `portcullis account edit` signs them again: `{}`",
            distrusted.join("`, `")
        );
        report.and(&line, "refused_accounts", json!(distrusted))
    }))
}

/// Returns the names of the accounts that were signed by no key of `operator`.
fn distrusted(store: &Store, operator: &OperatorClaims) -> Result<Vec<String>, StoreError> {
    let nats = &operator.nats;
    let own = operator.subject.as_deref();
    let own = own.filter(|_| !nats.strict_signing_key_usage);
    let is_trusted = |issuer: Option<&str>| {
        issuer.is_some_and(|issuer| {
            own == Some(issuer) || nats.signing_keys.iter().any(|key| key == issuer)
        })
    };
    // A damaged account is named by the commands that read it.
    let accounts = store.list_accounts()?.into_iter().flatten();
    let refused = accounts.filter(|account| !is_trusted(account.claims.issuer.as_deref()));
    let names = refused.map(|account| {
        let name = account.claims.name;
        name.unwrap_or_else(|| account.account.to_string())
    });
    Ok(names.collect())
}

fn delete(store: &Store, seeds: bool) -> Result<Report, StoreError> {
    let (claims, _) = store.operator()?;
    store.delete_operator(seeds)?;
    let name = claims.name.as_deref().unwrap_or_default();
    let key = claims.subject.as_deref().unwrap_or_default();
    let text =
        format!("deleted the operator `{name}`; take its JWT out of the servers' configuration\n");
    let json = json!({ "kind": "operator", "name": name, "key": key });
    Ok(Report::new(text, json))
}

fn list(store: &Store) -> Result<Report, StoreError> {
    let (claims, _) = store.operator()?;
    let name = claims.name.as_deref().unwrap_or_default();
    let key = claims.subject.as_deref().unwrap_or_default();
    let seeds = store.keys().keys()?;
    let has_seed = |key: &str| seeds.iter().any(|seed| seed.as_str() == key);
    let mut text = format!("{}  {key}  {}\n", one_line(name), seed_word(has_seed(key)));
    for key in &claims.nats.signing_keys {
        let _ = writeln!(text, "  signing key  {key}  {}", seed_word(has_seed(key)));
    }
    let keys = claims.nats.signing_keys.iter();
    let keys: Vec<_> = keys
        .map(|key| json!({ "key": key, "seed": has_seed(key) }))
        .collect();
    let json = json!({ "name": name, "key": key, "seed": has_seed(key), "signing_keys": keys });
    Ok(Report::new(text, json))
}

/// Returns a word that says whether the store has a seed.
pub(super) const fn seed_word(has_seed: bool) -> &'static str {
    if has_seed { "seed" } else { "no seed" }
}
