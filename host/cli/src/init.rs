//! `portcullis init`: makes a directory to start from.

mod accounts;
mod auditor;
mod buckets;
mod command;
mod error;
mod events;
mod files;
mod made;
mod operator;
mod permissions;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use portcullis_callout::required_permissions;
use portcullis_claims::KeyKind;
use portcullis_connect::{InboxPrefix, RequiredPermission};
use portcullis_core::BucketName;
use serde_json::{Value, json};

pub(crate) use self::accounts::Accounts;
use self::buckets::Buckets;
pub(crate) use self::command::InitArguments;
pub(crate) use self::error::NotInitialized;
pub(crate) use self::files::{Directory, NewFiles};
use self::made::{Made, made_to_json};
pub(crate) use self::operator::Resolver;
use self::permissions::permissions;
use crate::keys::{self, NewKey};

const PORTCULLIS_TOML: &str = include_str!("init/portcullis.toml");
const NATS_SERVER_CONF: &str = include_str!("init/nats-server.conf");

/// The result of `init`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Initialized {
    directory: PathBuf,
    /// Public key of the seed that signs responses (`A…`), as servers expect it.
    pub(crate) issuer: String,
    /// Public key of the service's own user (`U…`).
    pub(crate) service: String,
    /// Buckets in the account for key-value buckets.
    buckets: Vec<BucketName>,
    /// Whether a user reads decision records.
    has_auditor: bool,
}

/// Writes keys, a nats-server configuration and a `portcullis.toml` to `directory`, and makes an
/// empty directory for policies. Creates `directory` if it is missing. With `buckets`, the server
/// has an account for them, with users who read, fill and make them. Policies place users in
/// `accounts`.
///
/// # Errors
///
/// Fails if one of the files exists or cannot be written. In either case, no new file remains.
pub(crate) fn init_with(
    directory: &Path,
    buckets: &[BucketName],
    accounts: &Accounts,
) -> Result<Initialized, NotInitialized> {
    let generate = |kind| keys::generate(kind).map_err(NotInitialized::Keys);
    let issuer = generate(KeyKind::Account)?;
    let service = generate(KeyKind::User)?;
    let xkey = generate(KeyKind::Curve)?;
    let auditor = accounts
        .have_auditor()
        .then(|| generate(KeyKind::User))
        .transpose()?;
    let names = buckets;
    let buckets = Buckets::generate(names).map_err(NotInitialized::Keys)?;
    let inbox_prefix = InboxPrefix::random();

    let expected = ["portcullis.toml", "nats-server.conf", "keys", "policies"];
    let mut files = NewFiles::in_directory(directory, &expected)?;
    files.directory("keys", Directory::Private)?;
    files.secret("keys/issuer.nk", &issuer.seed)?;
    files.secret("keys/xkey.nk", &xkey.seed)?;
    files.secret("keys/callout.nk", &service.seed)?;
    if let Some(buckets) = &buckets {
        files.secret("keys/buckets.nk", &buckets.reader.seed)?;
        files.secret("keys/keeper.nk", &buckets.keeper.seed)?;
        files.secret("keys/bucket-admin.nk", &buckets.admin.seed)?;
    }
    if let Some(auditor) = &auditor {
        files.secret("keys/auditor.nk", &auditor.seed)?;
    }
    files.directory("policies", Directory::Shared)?;
    let mut required = required_permissions(inbox_prefix.as_str(), true);
    let (mut tables, mut export, mut auditor_user) = <(String, String, String)>::default();
    if accounts.hear_of_logins() {
        required.extend(events::permissions());
        tables.push_str(&events::table());
        export = events::export();
    }
    if let Some(auditor) = &auditor {
        required.extend(auditor::host_permissions());
        tables.push_str(&auditor::table());
        auditor_user = auditor::user(&auditor.public);
    }
    let server = server_config(&issuer, &xkey, &service, &required)
        .replace("{exports}", &export)
        .replace("{auditor}", &auditor_user)
        .replace(
            "{jetstream}",
            &jetstream(directory, buckets.as_ref(), accounts),
        )
        .replace(
            "{auth-users-are}",
            &auth_users_are(buckets.as_ref(), auditor.as_ref()),
        )
        .replace(
            "{auth-users}",
            &auth_users(&service, buckets.as_ref(), auditor.as_ref(), accounts),
        )
        .replace("{accounts}", &accounts.render())
        .replace(
            "{buckets}",
            &buckets.as_ref().map(Buckets::account).unwrap_or_default(),
        );
    files.file("nats-server.conf", &server)?;
    let config = PORTCULLIS_TOML
        .replace("{inbox-prefix}", inbox_prefix.as_str())
        .replace("{accounts}", &accounts.listed())
        .replace(
            "{buckets}",
            &buckets.as_ref().map(Buckets::table).unwrap_or_default(),
        )
        .replace("{records}", &tables);
    files.file("portcullis.toml", &config)?;
    files.keep();
    Ok(Initialized {
        directory: directory.to_path_buf(),
        issuer: issuer.public,
        service: service.public,
        buckets: names.to_vec(),
        has_auditor: auditor.is_some(),
    })
}

fn server_config(
    issuer: &NewKey,
    xkey: &NewKey,
    service: &NewKey,
    required: &[RequiredPermission],
) -> String {
    NATS_SERVER_CONF
        .replace("{issuer}", &issuer.public)
        .replace("{xkey}", &xkey.public)
        .replace("{service}", &service.public)
        .replace("{service-permissions}", &permissions(required))
}

/// Renders `JetStream`, with its files in `directory`, if there are buckets or `accounts` need it.
fn jetstream(directory: &Path, buckets: Option<&Buckets<'_>>, accounts: &Accounts) -> String {
    let purpose = match buckets {
        Some(_) => "\n# For the buckets.",
        None if accounts.have_admin() => "",
        None => return String::new(),
    };
    // Servers resolve a relative path in their working directory.
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
    let store = directory.join("jetstream");
    format!(
        "{purpose}\njetstream {{ store_dir: {:?} }}\n",
        store.display().to_string()
    )
}

/// Names the users that log in without auth callout.
fn auth_users_are(buckets: Option<&Buckets<'_>>, auditor: Option<&NewKey>) -> String {
    let auditor = auditor.map(|_| "the auditor");
    let of_buckets = buckets.map(|_| "the users of the buckets");
    let others: Vec<_> = [auditor, of_buckets].into_iter().flatten().collect();
    if others.is_empty() {
        return "the service itself".to_owned();
    }
    format!("the service itself, and {}", others.join(" and "))
}

fn auth_users(
    service: &NewKey,
    buckets: Option<&Buckets<'_>>,
    auditor: Option<&NewKey>,
    accounts: &Accounts,
) -> String {
    let of_buckets = buckets.into_iter().flat_map(|buckets| {
        [&buckets.reader, &buckets.keeper, &buckets.admin].map(|key| key.public.as_str())
    });
    let auditor = auditor.map(|key| key.public.as_str());
    let admin = accounts.have_admin().then_some(Accounts::ADMIN);
    let users = std::iter::once(service.public.as_str());
    let users = users.chain(auditor).chain(of_buckets).chain(admin);
    let users: Vec<_> = users.map(|key| format!("\"{key}\"")).collect();
    users.join(", ")
}

const ALWAYS: [Made; 5] = [
    ("portcullis.toml", "configuration of the callout service"),
    ("nats-server.conf", "configuration of a server that asks it"),
    (
        "keys/issuer.nk",
        "seed that signs responses; keep it secret",
    ),
    (
        "keys/xkey.nk",
        "seed that decrypts requests; keep it secret",
    ),
    (
        "keys/callout.nk",
        "seed the service logs in with; keep it secret",
    ),
];

const OF_BUCKETS: [Made; 3] = [
    (
        "keys/buckets.nk",
        "seed the service reads buckets with; keep it secret",
    ),
    (
        "keys/keeper.nk",
        "seed to put and delete keys with; who has it decides who is let in",
    ),
    (
        "keys/bucket-admin.nk",
        "seed to make buckets with; keep it secret",
    ),
];

const AUDITOR: Made = (
    "keys/auditor.nk",
    "seed to read decision records with; keep it secret",
);

const POLICIES: Made = ("policies/", "put policies here");

impl Initialized {
    /// Returns the written files with their purposes.
    fn files(&self) -> impl Iterator<Item = Made> {
        let of_buckets = OF_BUCKETS.iter().filter(|_| !self.buckets.is_empty());
        let auditor = self.has_auditor.then_some(&AUDITOR);
        let made = ALWAYS.iter().chain(of_buckets).chain(auditor);
        made.chain([&POLICIES]).copied()
    }

    /// Returns the written files and the public keys of their seeds.
    fn json(&self) -> Value {
        let keys = json!({ "issuer": self.issuer, "service": self.service });
        made_to_json("config", &self.directory, self.files(), &keys)
    }

    /// Returns the written files and the next steps, for humans.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        let directory = self.directory.display();
        for (name, purpose) in self.files() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "made {directory}/{name}: {purpose}");
        }
        let _ = write!(
            text,
            "\nnext:\n  \
             1. put a policy, NAME.wasm, into {directory}/policies\n  \
             2. portcullis check --config {directory}/portcullis.toml\n  \
             3. nats-server -c {directory}/nats-server.conf\n  \
             4. portcullis serve --config {directory}/portcullis.toml\n"
        );
        if let Some(bucket) = self.buckets.first() {
            let _ = write!(
                text,
                "\nbuckets:\n  \
                 make one:  nats --nkey {directory}/keys/bucket-admin.nk kv add {bucket}\n  \
                 put a key: nats --nkey {directory}/keys/keeper.nk --inbox-prefix {} kv put {bucket} KEY VALUE\n",
                buckets::KEEPER_PREFIX
            );
        }
        if self.has_auditor {
            let login = format!("--nkey-seed-file {directory}/keys/auditor.nk");
            text.push_str(&auditor::command(&directory.to_string(), &login));
        }
        text
    }
}

#[cfg(test)]
mod tests;
