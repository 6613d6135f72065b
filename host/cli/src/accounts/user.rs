//! `portcullis user`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use portcullis_accounts::{AccountJwt, Seed, Store, StoreError, UserJwt};
use portcullis_claims::{KeyKind, PublicKey, UserClaims, UserFields};
use portcullis_core::with_causes;
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use super::account;
use super::common::CommonArguments;
use super::creds::NewFile;
use super::describe;
use super::limits;
use super::operator::seed_word;
use super::permissions::{OriginArguments, PermissionArguments};
use super::report::{Report, StoreArguments, code_of_list, failure, now, wrong};
use super::role;
use super::values;
use crate::failure::Failure;
use crate::output::Output;

/// The commands for users.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum UserVerb {
    /// Make a user, with a new seed unless its public key is given.
    Add {
        /// The user.
        #[arg(value_parser = values::name)]
        name: String,
        #[command(flatten)]
        of: AccountArgument,
        /// The public key (`U…`) of a user whose seed is kept elsewhere.
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
        /// Also write a credentials file, mode 0600.
        #[arg(long, value_name = "FILE", conflicts_with = "public_key")]
        creds: Option<PathBuf>,
        #[command(flatten)]
        edits: Box<UserEdits>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Change a user, or sign it again.
    Edit {
        /// The user, by name or key, as for all commands.
        user: String,
        #[command(flatten)]
        of: AccountArgument,
        #[command(flatten)]
        edits: Box<UserEdits>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print the users of an account.
    List {
        #[command(flatten)]
        of: AccountArgument,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print what is in a user's JWT, and what servers make of it.
    Describe {
        /// The user.
        user: String,
        #[command(flatten)]
        of: AccountArgument,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Revoke the JWTs that a user has now. The account's new JWT says so.
    Revoke {
        /// The user, or a public key that the store does not have.
        user: String,
        #[command(flatten)]
        of: AccountArgument,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Revoke a user, and delete it with its seed.
    Delete {
        /// The user.
        user: String,
        #[command(flatten)]
        of: AccountArgument,
        /// Keep the seed.
        #[arg(long)]
        keep_seed: bool,
        #[command(flatten)]
        store: StoreArguments,
    },
}

/// The account of a user.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct AccountArgument {
    /// The account, by name or key.
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: String,
}

/// Changes of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct UserEdits {
    #[command(flatten)]
    common: CommonArguments,
    /// The role or signing key that signs the user. A role determines permissions and limits.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    #[command(flatten)]
    permissions: PermissionArguments,
    /// A limit; can be given several times: `subscriptions`, `payload`, `data`, `bearer`,
    /// `proxy-required`.
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<String>,
    #[command(flatten)]
    origins: OriginArguments,
}

impl UserVerb {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        match self {
            Self::Add {
                name,
                of,
                public_key,
                creds,
                edits,
                store,
            } => add(
                store,
                of,
                name,
                public_key.as_deref(),
                creds.as_ref(),
                edits,
            ),
            Self::Edit {
                user,
                of,
                edits,
                store,
            } => edit(store, of, user, edits),
            Self::List { of, store } => store.finish(list(&store.open(), &of.account)),
            Self::Describe { user, of, store } => store.finish(describe(&store.open(), of, user)),
            Self::Revoke { user, of, store } => {
                let (key, latest) = key(&store.open(), of, user)?;
                let done = format!("revoked the user `{user}` of");
                account::edit(store, &of.account, &done, |found| {
                    account::revoke(&mut found.claims, &key, latest);
                    Ok(())
                })
            }
            Self::Delete {
                user,
                of,
                keep_seed,
                store,
            } => {
                let open = store.open();
                let (account, found) = find(&open, of, user).map_err(failure)?;
                let done = format!("deleted the user `{user}` of");
                let output = account::edit(store, &of.account, &done, |account| {
                    let latest = found.claims.issued_at.unwrap_or_default();
                    account::revoke(&mut account.claims, found.user.as_str(), latest);
                    Ok(())
                })?;
                let deleted = open.delete_user(&account.account, &found.user, !keep_seed);
                deleted.map_err(failure)?;
                Ok(output)
            }
        }
    }
}

impl UserEdits {
    /// Changes claims. Returns the key that is to sign them, if one is named.
    fn apply(
        &self,
        account: &AccountJwt,
        claims: &mut UserClaims,
    ) -> Result<Option<String>, Failure> {
        let keys = &account.claims.nats.signing_keys;
        let named = self.role.as_deref();
        let signer = named.map(|name| role::find(keys, name)).transpose()?;
        // Without a new one, the signer stays, as far as the account still has it.
        let signer = signer.or_else(|| {
            let former = claims.issuer.take();
            former.filter(|key| keys.contains(key) || key == account.account.as_str())
        });
        let is_scoped = signer
            .as_deref()
            .is_some_and(|key| keys.scope(key).is_some());
        let user = &mut *claims.nats;
        user.issuer_account = None;
        // Users of a role have no limits, not even unlimited ones.
        if is_scoped && *user == UserFields::unlimited() {
            *user = UserFields::default();
        } else if !is_scoped && user.is_bare() {
            // Without permissions of its own, a user has those of the account.
            if self.permissions == PermissionArguments::default() && !self.common.has_patch() {
                return Err(wrong(
                    "the user had the permissions of a role, and would have the account's without it; give \
                     `--role`, or permissions of its own, such as `--allow-pub` and `--allow-sub`",
                ));
            }
            *user = UserFields::unlimited();
        }
        self.permissions
            .apply(&mut user.publish, &mut user.subscribe, &mut user.responses)?;
        limits::set(user, &self.limit)?;
        self.origins
            .apply(&mut user.sources, &mut user.allowed_connection_types)?;
        self.common.apply(claims, now())?;
        Ok(signer)
    }
}

fn add(
    store: &StoreArguments,
    of: &AccountArgument,
    name: &str,
    public_key: Option<&str>,
    creds: Option<&PathBuf>,
    edits: &UserEdits,
) -> Result<Output, Failure> {
    let open = store.open();
    let account = open.account(&of.account).map_err(failure)?;
    open.check_user_name(&account.account, name)
        .map_err(failure)?;
    let (public, seed) = match public_key {
        Some(key) if PublicKey::is_valid(key, KeyKind::User) => (key.to_owned(), None),
        Some(key) => return Err(wrong(format!("`{key}` is no public key of a user (U…)"))),
        None => {
            let seed = Seed::generate(KeyKind::User).map_err(Failure::internal)?;
            (seed.public.to_string(), Some(seed))
        }
    };
    let mut claims = UserClaims::new(&public, UserFields::unlimited(), now());
    claims.name = Some(name.to_owned());
    let by = edits.apply(&account, &mut claims)?;
    // A path that cannot be written leaves no user behind.
    let file = creds.map(|path| NewFile::create(path)).transpose()?;
    // The seed comes before the user, which could not log in without it.
    if let Some(seed) = &seed {
        open.keys().insert(seed).map_err(failure)?;
    }
    let signed = open.put_user(&account, claims, by.as_deref(), now());
    if signed.is_err() && seed.is_some() {
        open.keys().remove(&public).map_err(failure)?;
    }
    let signed = signed.map_err(failure)?;
    let mut line = format!("made the user `{name}` with the key {public}");
    if let (Some(seed), Some(file), Some(path)) = (&seed, file, creds) {
        file.write_credentials(&signed.token, seed)?;
        let _ = write!(line, ", and its credentials file {}", path.display());
    }
    Report::written(&line, "user", name, &public, &signed.findings).output(store.json)
}

fn edit(
    store: &StoreArguments,
    of: &AccountArgument,
    user: &str,
    edits: &UserEdits,
) -> Result<Output, Failure> {
    let open = store.open();
    let (account, mut found) = find(&open, of, user).map_err(failure)?;
    edits.common.check_rename(&found.claims, |name| {
        let free = open.check_user_name(&account.account, name);
        free.map_err(failure)
    })?;
    let by = edits.apply(&account, &mut found.claims)?;
    let name = found.claims.name.clone().unwrap_or_default();
    let signed = open.put_user(&account, found.claims, by.as_deref(), now());
    store.finish(signed.map(|signed| {
        let line =
            format!("signed the user `{name}`; give it its new JWT, with `portcullis creds mint`");
        let key = found.user.as_str();
        Report::written(&line, "user", &name, key, &signed.findings)
    }))
}

/// Returns a user with its account.
pub(super) fn find(
    store: &Store,
    of: &AccountArgument,
    user: &str,
) -> Result<(AccountJwt, UserJwt), StoreError> {
    let account = store.account(&of.account)?;
    let user = store.find_user(&account.account, user)?;
    Ok((account, user))
}

/// Returns the public key of a user, and the time of issue of its JWT. The store need not have a
/// user that is given by its key.
fn key(store: &Store, of: &AccountArgument, user: &str) -> Result<(String, u64), Failure> {
    match find(store, of, user) {
        Ok((_, found)) => {
            let issued = found.claims.issued_at.unwrap_or_default();
            Ok((found.user.to_string(), issued))
        }
        Err(StoreError::Unknown { kind: "user", .. })
            if PublicKey::is_valid(user, KeyKind::User) =>
        {
            Ok((user.to_owned(), 0))
        }
        Err(error) => Err(failure(error)),
    }
}

fn describe(store: &Store, of: &AccountArgument, user: &str) -> Result<Report, StoreError> {
    let (account, found) = find(store, of, user)?;
    let servers = describe::of_user(&found, &account);
    Ok(describe::describe(&found.claims, &servers, now()))
}

fn list(store: &Store, account: &str) -> Result<Report, StoreError> {
    let account = store.account(account)?;
    let seeds = store.keys().keys()?;
    let mut text = String::new();
    let mut entries = Vec::new();
    for user in store.users(&account.account)? {
        // A damaged user is named, and the others are listed.
        let user = match user {
            Ok(user) => user,
            Err(error) => {
                let error = with_causes(&error);
                let _ = writeln!(text, "{error}");
                entries.push(json!({ "error": error }));
                continue;
            }
        };
        let name = user.claims.name.as_deref().unwrap_or_default();
        let (key, has_seed) = (user.user.as_str(), seeds.contains(&user.user));
        let issuer = user.claims.issuer.as_deref().unwrap_or_default();
        let scope = account.claims.nats.signing_keys.scope(issuer);
        let role = scope.map(|scope| scope.role.as_str());
        let of_role = role.map_or(String::new(), |role| format!("  role `{}`", one_line(role)));
        let (name_shown, seed) = (one_line(name), seed_word(has_seed));
        let _ = writeln!(text, "{name_shown}  {key}  {seed}{of_role}");
        entries.push(json!({
            "name": name,
            "key": key,
            "seed": has_seed,
            "role": role,
            "issued_at": user.claims.issued_at,
            "expires_at": user.claims.expires_at,
        }));
    }
    if entries.is_empty() {
        text.push_str("no users; `portcullis user add NAME --account ACCOUNT` makes one\n");
    }
    let code = code_of_list(&entries);
    Ok(Report::new(text, Value::Array(entries)).with_code(code))
}
