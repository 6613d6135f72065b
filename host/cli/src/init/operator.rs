//! `portcullis init --mode operator`: an operator with its accounts, and a system that uses them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use portcullis_accounts::{AccountJwt, Seed, Store, StoreError};
use portcullis_callout::required_permissions;
use portcullis_claims::{
    AccountClaims, KeyKind, OperatorClaims, ServerVersion, UserClaims, UserCredentials, UserFields,
};
use portcullis_connect::{InboxPrefix, PermissionSide, RequiredPermission};
use portcullis_core::Secret;
use portcullis_files::{Disk as _, SystemDisk};
use serde_json::{Value, json};

use super::error::NotInitialized;
use super::files::{Directory, NewFiles};
use super::made::{Made, made_to_json};
use super::{auditor, events};

const PORTCULLIS_TOML: &str = include_str!("operator/portcullis.toml");
const NATS_SERVER_CONF: &str = include_str!("operator/nats-server.conf");

/// Address of the URL resolver.
const RESOLVER_URL: &str = "http://127.0.0.1:9090/jwt/v1";

/// The account JWTs that servers begin with.
const ACCOUNTS_CONF: &str = "accounts.conf";
const PRELOAD: &str = "
# Account JWTs that servers begin with. `portcullis account preload` prints them after a change.
resolver_preload {
  include accounts.conf
}
";

/// The mode of the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Accounts are in the servers' configuration.
    #[default]
    Config,
    /// Accounts are JWTs that an operator signs.
    Operator,
}

/// The source of account JWTs for servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Resolver {
    /// The servers' configuration.
    #[default]
    Memory,
    /// A directory of each server, to which account JWTs are pushed.
    Full,
    /// A service with the HTTP interface of nats-account-server.
    Url,
}

impl Resolver {
    /// Returns the value of `resolver` in a server's configuration. A full resolver stores account
    /// JWTs in `directory`, and a URL resolver has them from `url`.
    pub(crate) fn setting(self, directory: &Path, url: &str) -> String {
        match self {
            Self::Memory => "MEMORY".to_owned(),
            Self::Full => format!(
                "{{ type: full, dir: {:?}, allow_delete: true, interval: \"2m\", timeout: \"1.9s\" }}",
                directory.display().to_string()
            ),
            Self::Url => format!("URL({}/accounts/)", url.trim_end_matches('/')),
        }
    }
}

/// The options of the operator mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OperatorMode {
    pub(crate) resolver: Resolver,
    /// Oldest release among the servers. `None` for the newest known one.
    pub(crate) oldest_server: Option<ServerVersion>,
    /// Whether the host publishes login events.
    pub(crate) login_events: bool,
    /// Whether a user reads decision records.
    pub(crate) auditor: bool,
}

/// A user with its files.
struct NewUser {
    token: String,
    creds: Secret,
}

/// A store that is removed on drop, unless it is kept.
struct NewStore {
    store: Store,
    is_kept: bool,
}

/// The result of `init --mode operator`.
pub(super) struct Initialized {
    directory: PathBuf,
    resolver: Resolver,
    /// Whether a user reads decision records.
    has_auditor: bool,
    /// Public keys of the operator and of the accounts, by name.
    keys: Value,
}

/// The system that the files describe.
struct System {
    store: NewStore,
    operator: String,
    /// Public key of the operator.
    operator_key: String,
    accounts: [AccountJwt; 3],
    /// Seeds that sign for the callout account and the application's account.
    issuer: Seed,
    app: Seed,
    xkey: Seed,
    admin: NewUser,
    service: NewUser,
    sentinel: NewUser,
    auditor: Option<NewUser>,
}

/// Writes a store, credentials files, the host's keys, and configurations of servers and host.
///
/// # Errors
///
/// Fails if one of the files exists or cannot be written. In either case, no new file remains.
pub(super) fn init(directory: &Path, mode: OperatorMode) -> Result<Initialized, NotInitialized> {
    let expected = [
        "portcullis.toml",
        "nats-server.conf",
        ACCOUNTS_CONF,
        "keys",
        "creds",
        "store",
        "policies",
    ];
    let mut files = NewFiles::in_directory(directory, &expected)?;
    let inbox_prefix = InboxPrefix::random();
    let system = System::make(&directory.join("store"), inbox_prefix.as_str(), mode);
    let mut system = system.map_err(NotInitialized::Store)?;
    files.directory("creds", Directory::Private)?;
    for (name, user) in [
        ("creds/system.creds", &system.admin),
        ("creds/callout.creds", &system.service),
        ("creds/sentinel.creds", &system.sentinel),
    ] {
        files.secret_text(name, &user.creds)?;
    }
    if let Some(auditor) = &system.auditor {
        files.secret_text(AUDITOR.0, &auditor.creds)?;
    }
    files.directory("keys", Directory::Private)?;
    for (name, seed) in [
        ("keys/issuer.nk", &system.issuer),
        ("keys/app.nk", &system.app),
        ("keys/xkey.nk", &system.xkey),
    ] {
        files.secret(name, &Secret::new(seed.expose()))?;
    }
    files.directory("policies", Directory::Shared)?;
    if mode.resolver != Resolver::Url {
        let preload = system.store.store.preload();
        files.file(ACCOUNTS_CONF, &preload.map_err(NotInitialized::Store)?)?;
    }
    files.file("nats-server.conf", &system.server_config(directory, mode))?;
    let [_, callout, app] = &system.accounts;
    let config = PORTCULLIS_TOML
        .replace("{inbox-prefix}", inbox_prefix.as_str())
        .replace("{callout}", callout.account.as_str())
        .replace("{app}", app.account.as_str())
        .replace("{records}", &tables(mode));
    files.file("portcullis.toml", &config)?;
    files.keep();
    system.store.is_kept = true;
    let [system_account, callout, app] =
        system.accounts.each_ref().map(|it| it.account.to_string());
    Ok(Initialized {
        directory: directory.to_path_buf(),
        resolver: mode.resolver,
        has_auditor: mode.auditor,
        keys: json!({
            "operator": system.operator_key,
            "SYS": system_account,
            "AUTH": callout,
            "APP": app,
        }),
    })
}

impl System {
    fn make(root: &Path, inbox_prefix: &str, mode: OperatorMode) -> Result<Self, StoreError> {
        let now = now();
        let new = NewStore {
            store: Store::at(Arc::new(SystemDisk), root),
            is_kept: false,
        };
        let store = &new.store;
        let seed = Seed::generate(KeyKind::Operator)?;
        let mut claims = OperatorClaims::new(seed.public.as_str(), now);
        claims.name = Some("OPERATOR".to_owned());
        let system_seed = Seed::generate(KeyKind::Account)?;
        claims.nats.system_account = system_seed.public.to_string();
        if mode.resolver == Resolver::Url {
            RESOLVER_URL.clone_into(&mut claims.nats.account_server_url);
        }
        let operator = store.create(claims, &seed, now)?.token;

        let xkey = store.keys().generate(KeyKind::Curve)?;
        let system = account(store, "SYS", &system_seed, now, |_| {})?;
        let app = signing_account(store, "APP", now, |_| {})?;
        let service_seed = store.keys().generate(KeyKind::User)?;
        let auditor_seed = mode
            .auditor
            .then(|| store.keys().generate(KeyKind::User))
            .transpose()?;
        let callout = signing_account(store, "AUTH", now, |claims| {
            let authorization = &mut claims.nats.authorization;
            let users = std::iter::once(&service_seed).chain(&auditor_seed);
            authorization
                .auth_users
                .extend(users.map(|seed| seed.public.to_string()));
            authorization
                .allowed_accounts
                .push(app.0.account.to_string());
            authorization.xkey = xkey.public.to_string();
        })?;
        let admin = store.keys().generate(KeyKind::User)?;
        let admin = user(
            store,
            &system,
            "admin",
            &admin,
            UserFields::unlimited(),
            now,
        )?;
        let fields = service_permissions(inbox_prefix, mode);
        let service = user(store, &callout.0, "portcullis", &service_seed, fields, now)?;
        let auditor = auditor_seed.map(|seed| {
            let fields = fields_with(auditor::own_permissions());
            user(store, &callout.0, "auditor", &seed, fields, now)
        });
        let sentinel = store.keys().generate(KeyKind::User)?;
        let sentinel = user(
            store,
            &callout.0,
            "sentinel",
            &sentinel,
            sentinel_fields(),
            now,
        )?;
        Ok(Self {
            operator,
            operator_key: seed.public.to_string(),
            accounts: [system, callout.0, app.0],
            issuer: callout.1,
            app: app.1,
            xkey,
            admin,
            service,
            sentinel,
            auditor: auditor.transpose()?,
            store: new,
        })
    }

    fn server_config(&self, directory: &Path, mode: OperatorMode) -> String {
        // Servers resolve a relative path in their working directory.
        let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
        let resolver = mode.resolver.setting(&absolute.join("jwt"), RESOLVER_URL);
        let [system, ..] = &self.accounts;
        let preload = match mode.resolver {
            Resolver::Url => "",
            Resolver::Memory | Resolver::Full => PRELOAD,
        };
        let knows_sentinel = mode
            .oldest_server
            .is_none_or(ServerVersion::knows_default_sentinel);
        let sentinel = if knows_sentinel {
            format!(
                "\n# JWT of clients that present none. Servers before 2.11.2 do not know this key.\n\
                 default_sentinel: {}\n",
                self.sentinel.token
            )
        } else {
            String::new()
        };
        NATS_SERVER_CONF
            .replace("{operator}", &self.operator)
            .replace("{system}", system.account.as_str())
            .replace("{resolver}", &resolver)
            .replace("{preload}", preload)
            .replace("{sentinel}", &sentinel)
    }
}

impl Drop for NewStore {
    fn drop(&mut self) {
        if !self.is_kept {
            // Removal is best effort: the error that caused it is the one to report.
            let _ = SystemDisk.remove_directory(self.store.root());
        }
    }
}

/// Makes an account that its own key signs users for.
fn account(
    store: &Store,
    name: &str,
    seed: &Seed,
    now: u64,
    change: impl FnOnce(&mut AccountClaims),
) -> Result<AccountJwt, StoreError> {
    store.keys().insert(seed)?;
    let mut claims = AccountClaims::new(seed.public.as_str(), now);
    claims.name = Some(name.to_owned());
    change(&mut claims);
    let signed = store.put_account(claims, now)?;
    AccountJwt::decode(&signed.token)
}

/// Makes an account with a signing key, which the host uses. The account's own seed stays in the
/// store.
fn signing_account(
    store: &Store,
    name: &str,
    now: u64,
    change: impl FnOnce(&mut AccountClaims),
) -> Result<(AccountJwt, Seed), StoreError> {
    let key = store.keys().generate(KeyKind::Account)?;
    let seed = Seed::generate(KeyKind::Account)?;
    let account = account(store, name, &seed, now, |claims| {
        claims.nats.signing_keys.insert_plain(key.public.as_str());
        change(claims);
    })?;
    Ok((account, key))
}

fn user(
    store: &Store,
    account: &AccountJwt,
    name: &str,
    seed: &Seed,
    fields: UserFields,
    now: u64,
) -> Result<NewUser, StoreError> {
    let mut claims = UserClaims::new(seed.public.as_str(), fields, now);
    claims.name = Some(name.to_owned());
    let token = store.put_user(account, claims, None, now)?.token;
    let credentials = UserCredentials::parse_pair(&token, seed.expose());
    let creds = credentials.map_err(|_| StoreError::Subject)?.to_text();
    Ok(NewUser { token, creds })
}

/// Returns the permissions that the service needs, and no others.
fn service_permissions(inbox_prefix: &str, mode: OperatorMode) -> UserFields {
    let mut required = required_permissions(inbox_prefix, true);
    if mode.login_events {
        required.extend(events::permissions());
    }
    if mode.auditor {
        required.extend(auditor::host_permissions());
    }
    fields_with(required)
}

/// Returns the fields of a user with these permissions and no others.
fn fields_with(required: Vec<RequiredPermission>) -> UserFields {
    let mut fields = UserFields::unlimited();
    for permission in required {
        let list = match permission.side {
            PermissionSide::Publish => &mut fields.publish.allow,
            PermissionSide::Subscribe => &mut fields.subscribe.allow,
        };
        if !list.contains(&permission.subject) {
            list.push(permission.subject);
        }
    }
    fields
}

/// Renders the tables about records in portcullis.toml.
fn tables(mode: OperatorMode) -> String {
    let events = mode.login_events.then(events::table);
    let auditor = mode.auditor.then(auditor::table);
    events.into_iter().chain(auditor).collect()
}

/// Returns the fields of a user that may do nothing and needs no seed.
fn sentinel_fields() -> UserFields {
    let mut fields = UserFields::unlimited();
    fields.publish.deny.push(">".to_owned());
    fields.subscribe.deny.push(">".to_owned());
    fields.bearer_token = true;
    fields
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

const MADE: [Made; 11] = [
    (
        "store/",
        "operator, accounts, users and their seeds; keep it secret, away from servers and host",
    ),
    ("nats-server.conf", "configuration of a server"),
    (ACCOUNTS_CONF, "account JWTs that it begins with"),
    ("portcullis.toml", "configuration of the callout service"),
    (
        "keys/issuer.nk",
        "seed that signs responses; keep it secret",
    ),
    (
        "keys/app.nk",
        "seed that signs the users of APP; keep it secret",
    ),
    (
        "keys/xkey.nk",
        "seed that decrypts requests; keep it secret",
    ),
    (
        "creds/callout.creds",
        "the service's own login; keep it secret",
    ),
    (
        "creds/system.creds",
        "a login of the system account; keep it secret",
    ),
    (
        "creds/sentinel.creds",
        "what clients present in addition to their own",
    ),
    ("policies/", "put policies here"),
];

const AUDITOR: Made = (
    "creds/auditor.creds",
    "a login that reads decision records; keep it secret",
);

impl Initialized {
    /// Returns the written files with their purposes.
    fn files(&self) -> impl Iterator<Item = Made> {
        // Servers with a URL have account JWTs from there.
        let is_made = |name: &str| self.resolver != Resolver::Url || name != ACCOUNTS_CONF;
        let files = MADE.into_iter().chain(self.has_auditor.then_some(AUDITOR));
        files.filter(move |(name, _)| is_made(name))
    }

    /// Returns the written files and the public keys.
    pub(super) fn json(&self) -> Value {
        made_to_json("operator", &self.directory, self.files(), &self.keys)
    }

    /// Returns the written files and the next steps, for humans.
    pub(super) fn summary(&self) -> String {
        let shown = self.directory.display();
        let mut text = String::new();
        for (name, purpose) in self.files() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "made {shown}/{name}: {purpose}");
        }
        let serve = match self.resolver {
            Resolver::Url => {
                format!("portcullis resolver --store {shown}/store, then nats-server")
            }
            _ => "nats-server".to_owned(),
        };
        let _ = write!(
            text,
            "\nnext:\n  \
             1. put a policy, NAME.wasm, into {shown}/policies\n  \
             2. portcullis check --config {shown}/portcullis.toml\n  \
             3. {serve} -c {shown}/nats-server.conf\n  \
             4. portcullis serve --config {shown}/portcullis.toml\n\n\
             accounts:\n  \
             change one: portcullis account edit APP --jetstream unlimited --store {shown}/store\n"
        );
        if self.has_auditor {
            let login = format!("--creds {shown}/{}", AUDITOR.0);
            text.push_str(&auditor::command(&shown.to_string(), &login));
        }
        text
    }
}
