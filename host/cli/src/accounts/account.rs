//! `portcullis account`.

use std::fmt::Write as _;

use clap::Subcommand;
use portcullis_accounts::{AccountJwt, Seed, Store, StoreError};
use portcullis_claims::{AccountClaims, KeyKind, PublicKey};
use portcullis_core::with_causes;
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use super::account_edits::AccountEdits;
use super::activation::ActivationVerb;
use super::at_servers::{self, WhichAccounts};
use super::describe;
use super::operator::seed_word;
use super::pull;
use super::report::{Report, StoreArguments, code_of_list, failure, now, wrong};
use super::role::RoleVerb;
use super::status::{self, StatusArguments};
use super::values;
use crate::failure::Failure;
use crate::output::Output;
use crate::servers::ServerArguments;

/// The commands for accounts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum AccountVerb {
    /// Make an account, with a new seed unless its public key is given.
    Add {
        /// The account.
        #[arg(value_parser = values::name)]
        name: String,
        /// The public key (`A…`) of an account whose seed is kept elsewhere.
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
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
    /// Send the JWT of an account, or of all, to servers. Those that store JWTs store it, and all
    /// apply it to connected users.
    Push {
        #[command(flatten)]
        which: WhichAccounts,
        #[command(flatten)]
        servers: ServerArguments,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Fetch the JWT of an account, or of all, from servers with a full resolver, or from a
    /// resolver. The store takes those that its operator has signed and that are later than its
    /// own.
    Pull {
        #[command(flatten)]
        which: WhichAccounts,
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
    #[command(flatten)]
    Activation(ActivationVerb),
}

impl AccountVerb {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        match self {
            Self::Add {
                name,
                public_key,
                edits,
                store,
            } => add(store, name, public_key.as_deref(), edits),
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
                which,
                servers,
                store,
            } => at_servers::push(&store.open(), which, servers)?.output(store.json),
            Self::Pull {
                which,
                servers,
                store,
            } => pull::pull(&store.open(), which, servers)?.output(store.json),
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
            } => {
                at_servers::delete(&store.open(), account, servers, !keep_seeds)?.output(store.json)
            }
            Self::Role(verb) => verb.run(),
            Self::Activation(verb) => verb.run(),
        }
    }
}

fn add(
    store: &StoreArguments,
    name: &str,
    public_key: Option<&str>,
    edits: &AccountEdits,
) -> Result<Output, Failure> {
    let open = store.open();
    open.operator().map_err(failure)?;
    open.check_account_name(name).map_err(failure)?;
    let (public, seed) = if let Some(key) = public_key {
        (account_of_key(&open, key)?, None)
    } else {
        let seed = Seed::generate(KeyKind::Account).map_err(Failure::internal)?;
        (seed.public.clone(), Some(seed))
    };
    let key = public.as_str();
    let mut claims = AccountClaims::new(key, now());
    claims.name = Some(name.to_owned());
    edits.apply(&open, &public, &mut claims)?;
    // The seed comes first: an account without it could not sign.
    if let Some(seed) = &seed {
        open.keys().insert(seed).map_err(failure)?;
    }
    let signed = open.put_account(claims, now());
    if signed.is_err() && seed.is_some() {
        open.keys().remove(key).map_err(failure)?;
    }
    store.finish(signed.map(|signed| {
        let line = format!("made the account `{name}` with the key {key}");
        Report::written(&line, "account", name, key, &signed.findings)
    }))
}

/// Returns the public key of an account that the store does not have.
fn account_of_key(store: &Store, key: &str) -> Result<PublicKey, Failure> {
    let public = key.parse().ok();
    let public = public.filter(|public: &PublicKey| public.kind() == KeyKind::Account);
    let public =
        public.ok_or_else(|| wrong(format!("`{key}` is no public key of an account (A…)")))?;
    store.check_account_name(key).map_err(failure)?;
    Ok(public)
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

fn list(store: &Store) -> Result<Report, StoreError> {
    store.check_exists()?;
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
        let _ = writeln!(text, "{}  {key}  {}", one_line(name), seed_word(has_seed));
        let mut signing_keys = Vec::new();
        for (signing, scope) in account.claims.nats.signing_keys.iter() {
            let has_seed = seeds.iter().any(|seed| seed.as_str() == signing);
            let role = scope.map(|scope| &scope.role);
            signing_keys.push(json!({ "key": signing, "role": role, "seed": has_seed }));
            let role = scope.map_or(String::new(), |scope| {
                format!(" of the role `{}`", one_line(&scope.role))
            });
            let _ = writeln!(
                text,
                "  signing key{role}  {}  {}",
                one_line(signing),
                seed_word(has_seed)
            );
        }
        entries.push(json!({
            "name": name,
            "key": key,
            "seed": has_seed,
            "signing_keys": signing_keys,
            "issued_at": account.issued_at(),
            "expires_at": account.claims.expires_at,
        }));
    }
    if entries.is_empty() {
        text.push_str("no accounts; `portcullis account add NAME` makes one\n");
    }
    let code = code_of_list(&entries);
    Ok(Report::new(text, Value::Array(entries)).with_code(code))
}

fn describe(store: &Store, account: &str) -> Result<Report, StoreError> {
    let found = store.account(account)?;
    let (operator, _) = store.operator()?;
    let servers = describe::of_account(&found.claims, &operator);
    Ok(describe::describe(&found.claims, &servers, now()))
}
