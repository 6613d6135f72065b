//! Secrets: their sources in the configuration, and reading them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use portcullis_claims::{CredentialsError, IssuerKey, KeyKind, UserCredentials};
use portcullis_connect::{Authentication, SecretSource};
use portcullis_core::{AccountName, Secret, with_causes};
use portcullis_records::{OtlpOptions, RecordOptions};
use portcullis_toml::{Checked, Keyed, Problem, Problems, Read};

use crate::callout::Callout;
use crate::config::{Config, replaceable_in};
use crate::nats::{Nats, authentication_secrets, check_tls};
use crate::operator::{Operator, SigningAccount};
use crate::seeds::{UnusableSeed, check_seed, public_key};
use crate::sources::SecretKind;
use crate::telemetry::Telemetry;
use crate::{otlp, records, telemetry};

/// The secrets of a configuration, each of the right type. `Debug` does not show them. The
/// service's own credentials are not among them, because they are read again for every connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// Account seed that signs responses.
    pub issuer_seed: Secret,
    /// Curve seed that opens requests.
    pub xkey_seed: Option<Secret>,
    /// Seeds that some servers expect in place of these.
    pub other_keys: Vec<OtherSeeds>,
    /// In operator mode, the seeds that sign for each account.
    pub accounts: BTreeMap<AccountName, AccountSeeds>,
}

/// The seeds of a table `[callout.other-keys.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherSeeds {
    /// Account seed that signs responses.
    pub issuer_seed: Option<Secret>,
    /// Curve seed that opens requests.
    pub xkey_seed: Option<Secret>,
}

/// The seeds that sign for one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSeeds {
    /// Seed of the account or of a plain signing key.
    pub seed: Option<Secret>,
    /// Seeds of scoped signing keys, by role.
    pub roles: BTreeMap<String, Secret>,
}

impl Config {
    /// Reads the secrets that this configuration names, from files and from the environment of the
    /// process. Also checks the TLS files.
    ///
    /// # Errors
    ///
    /// Returns every secret or file that is missing, unreadable, empty or of the wrong type,
    /// warnings included.
    pub fn resolve_secrets(&self) -> Result<Checked<Secrets>, Problems> {
        self.resolve_secrets_in(&|name| env::var_os(name))
    }

    /// Reads the secrets as [`Config::resolve_secrets`] does, with variables from another source.
    pub(crate) fn resolve_secrets_in(
        &self,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Checked<Secrets>, Problems> {
        let mut resolver = Resolver {
            file: &self.file,
            environment,
            problems: Vec::new(),
            open_directories: BTreeSet::new(),
        };
        let issuer_seed = resolver.resolve(
            &self.callout.issuer_seed,
            SecretKind::Seed(KeyKind::Account),
        );
        let xkey_seed = resolver.optional(
            self.callout.xkey_seed.as_ref(),
            SecretKind::Seed(KeyKind::Curve),
        );
        let other_keys = resolver.other_keys(&self.callout);
        let accounts = resolver.accounts(self.operator.as_ref());
        let sentinel = self
            .operator
            .as_ref()
            .and_then(|operator| operator.sentinel.as_ref());
        resolver.optional(sentinel, SecretKind::Credentials);
        for (_, nats) in self.connections() {
            for (source, kind) in authentication_secrets(&nats.authentication) {
                resolver.resolve(source, kind);
            }
        }
        for (table, collector) in self.collectors() {
            for source in otlp::secrets(table, collector) {
                resolver.resolve(&source, SecretKind::Header);
            }
        }
        let secrets = match (issuer_seed, xkey_seed, other_keys, accounts) {
            (Some(issuer_seed), Some(xkey_seed), Some(other_keys), Some(accounts)) => {
                Some(Secrets {
                    issuer_seed,
                    xkey_seed,
                    other_keys,
                    accounts,
                })
            }
            _ => None,
        };
        let mut problems = resolver.problems;
        let signers = secrets.as_ref().zip(self.operator.as_ref());
        problems
            .extend(signers.and_then(|(secrets, operator)| self.check_issuer(secrets, operator)));
        problems.extend(check_other_keys(&self.file, &self.callout, environment));
        for (table, nats) in self.connections() {
            problems.extend(check_pair(&self.file, &nats.authentication, environment));
            problems.extend(check_tls(&self.file, table, &nats.tls));
        }
        for (table, collector) in self.collectors() {
            problems.extend(otlp::check(&self.file, table, collector));
        }
        Checked::unless_broken(secrets, problems)
    }

    /// Returns a problem if the seed that signs responses is the one of a target account. Servers
    /// accept only signatures of the callout account and of its signing keys.
    fn check_issuer(&self, secrets: &Secrets, operator: &Operator) -> Option<Problem> {
        let key = IssuerKey::from_seed(secrets.issuer_seed.expose()).ok()?;
        let is_identity = |account: &SigningAccount| account.key.as_str() == key.public_key();
        let signs = |name: &AccountName| {
            let seeds = secrets.accounts.get(name);
            seeds.and_then(|seeds| seeds.seed.as_ref()) == Some(&secrets.issuer_seed)
        };
        let accounts = operator.accounts.iter();
        let mut others = accounts.filter(|(_, account)| account.key != operator.account);
        let (name, account) = others.find(|(name, account)| is_identity(account) || signs(name))?;
        let message = format!(
            "it is the seed of [operator.accounts.{name}], and servers reject what it signs for account `{}`; use the \
             seed of that account or of one of its signing keys",
            operator.account.as_str()
        );
        // Both accounts may list the same signing key.
        let problem = if is_identity(account) {
            Problem::error(&self.file, message)
        } else {
            Problem::warning(&self.file, message)
        };
        Some(problem.at_key(&self.callout.issuer_seed.key))
    }

    /// Returns every collector, with the name of its table.
    fn collectors(&self) -> impl Iterator<Item = (&'static str, &OtlpOptions)> {
        collectors(&self.records, &self.telemetry)
    }

    /// Returns every table with connections to servers that the host makes, with the name of the
    /// table.
    pub fn connections(&self) -> impl Iterator<Item = (&'static str, &Nats)> {
        let nats = std::iter::once(("nats", &self.nats));
        nats.chain(other_connections(
            self.key_value.nats.as_deref(),
            self.records_nats.as_deref(),
            self.operator.as_ref(),
        ))
    }
}

/// Returns the tables with connections to servers apart from `[nats]`, with their names.
pub(crate) fn other_connections<'a>(
    buckets: Option<&'a Nats>,
    records: Option<&'a Nats>,
    operator: Option<&'a Operator>,
) -> impl Iterator<Item = (&'static str, &'a Nats)> {
    let first_login = operator.and_then(|it| it.first_login.as_deref());
    let requests = operator.and_then(|it| it.account_requests.as_deref());
    let tables = [
        ("key-value.nats", buckets),
        ("records.stream.nats", records),
        (
            "operator.first-login.nats",
            first_login.map(|table| &*table.nats),
        ),
        (
            "operator.account-requests.nats",
            requests.map(|table| &*table.nats),
        ),
    ];
    let tables = tables.into_iter();
    tables.filter_map(|(table, nats)| Some((table, nats?)))
}

/// Returns every collector of these tables, with the name of its own table.
pub(crate) fn collectors<'a>(
    records: &'a RecordOptions,
    telemetry: &'a Telemetry,
) -> impl Iterator<Item = (&'static str, &'a OtlpOptions)> {
    let records = records.otlp.iter().map(|it| (records::COLLECTOR, it));
    let traces = telemetry.traces.iter();
    records.chain(traces.map(|it| (telemetry::COLLECTOR, &it.collector)))
}

/// Returns the problems of these secrets, warnings included.
pub(crate) fn check(file: &Path, secrets: &[(Keyed<SecretSource>, SecretKind)]) -> Vec<Problem> {
    let environment = |name: &str| env::var_os(name);
    let mut resolver = Resolver {
        file,
        environment: &environment,
        problems: Vec::new(),
        open_directories: BTreeSet::new(),
    };
    for (source, kind) in secrets {
        resolver.resolve(source, *kind);
    }
    resolver.problems
}

/// Returns a problem for each seed under `[callout.other-keys]` that the configuration has already:
/// servers that expect another key would then be refused.
pub(crate) fn check_other_keys(
    file: &Path,
    callout: &Callout,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Vec<Problem> {
    let (issuer, xkey) = (KeyKind::Account, KeyKind::Curve);
    let main = [
        (Some(&callout.issuer_seed), issuer),
        (callout.xkey_seed.as_ref(), xkey),
    ];
    let others = callout.other_keys.values().flat_map(|keys| {
        [
            (keys.issuer_seed.as_ref(), issuer),
            (keys.xkey_seed.as_ref(), xkey),
        ]
    });
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for (source, kind) in main.into_iter().chain(others) {
        let Some(source) = source else { continue };
        let seed = source.value.read_in(environment).ok();
        let Some(key) = seed.and_then(|seed| public_key(seed.expose(), kind).ok()) else {
            continue;
        };
        match known.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(&source.key);
            }
            Entry::Occupied(entry) => {
                let message = format!(
                    "the same key as `{}`; name the seed of another key, or remove the table",
                    entry.get()
                );
                problems.push(Problem::error(file, message).at_key(&source.key));
            }
        }
    }
    problems
}

/// Returns a problem if a user JWT and a seed, both present, do not belong together.
fn check_pair(
    file: &Path,
    authentication: &Authentication<Keyed<SecretSource>>,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Option<Problem> {
    let Authentication::UserJwt { jwt, seed } = authentication else {
        return None;
    };
    let read = |source: &Keyed<SecretSource>| source.value.read_in(environment).ok();
    let (token, key) = (read(jwt)?, read(seed)?);
    let error = UserCredentials::parse_pair(token.expose(), key.expose()).err()?;
    let message = format!("{} is not usable: {}", jwt.value, with_causes(&error));
    Some(Problem::error(file, message).at_key(&jwt.key))
}

/// Returns all problems of the connection of `table` that [`Config::resolve_secrets`] finds beyond
/// single secrets.
pub(crate) fn check_connection(file: &Path, table: &str, nats: &Nats) -> Vec<Problem> {
    let pair = check_pair(file, &nats.authentication, &|name| env::var_os(name));
    let mut problems = check_tls(file, table, &nats.tls);
    problems.extend(pair);
    problems
}

/// A reader of secrets that records their problems.
struct Resolver<'a> {
    file: &'a Path,
    environment: &'a dyn Fn(&str) -> Option<OsString>,
    problems: Vec<Problem>,
    /// Directories that a problem names already.
    open_directories: BTreeSet<PathBuf>,
}

impl Resolver<'_> {
    fn other_keys(&mut self, callout: &Callout) -> Option<Vec<OtherSeeds>> {
        let (issuer, xkey) = (KeyKind::Account, KeyKind::Curve);
        let seeds = callout.other_keys.values().map(|keys| {
            let issuer_seed = self.optional(keys.issuer_seed.as_ref(), SecretKind::Seed(issuer));
            let xkey_seed = self.optional(keys.xkey_seed.as_ref(), SecretKind::Seed(xkey));
            Some(OtherSeeds {
                issuer_seed: issuer_seed?,
                xkey_seed: xkey_seed?,
            })
        });
        // All seeds are read before the first failure returns, so that all problems are found.
        let seeds: Vec<_> = seeds.collect();
        seeds.into_iter().collect()
    }

    fn accounts(
        &mut self,
        operator: Option<&Operator>,
    ) -> Option<BTreeMap<AccountName, AccountSeeds>> {
        let accounts = operator.into_iter().flat_map(|operator| &operator.accounts);
        let seeds: Vec<_> = accounts
            .map(|(name, account)| Some((name.clone(), self.account(account)?)))
            .collect();
        seeds.into_iter().collect()
    }

    fn account(&mut self, account: &SigningAccount) -> Option<AccountSeeds> {
        let kind = SecretKind::Seed(KeyKind::Account);
        let seed = self.optional(account.seed.as_ref(), kind);
        let roles: Vec<_> = account
            .roles
            .iter()
            .map(|(role, source)| Some((role.clone(), self.resolve(source, kind)?)))
            .collect();
        Some(AccountSeeds {
            seed: seed?,
            roles: roles.into_iter().collect::<Option<_>>()?,
        })
    }

    /// Reads an optional secret. The inner `None` means that no source is configured, which is no
    /// problem.
    fn optional(
        &mut self,
        source: Option<&Keyed<SecretSource>>,
        kind: SecretKind,
    ) -> Read<Option<Secret>> {
        match source {
            None => Some(None),
            Some(source) => self.resolve(source, kind).map(Some),
        }
    }

    /// Reports a secret that every user may read or replace.
    fn check_access(&mut self, path: &Path, key: &str) {
        if let Some(done) = open_to_all(path) {
            let file = path.display();
            let message =
                format!("`{file}` can be {done} by every user of this machine; use mode 0600");
            let problem = Problem::warning(self.file, message).about(path);
            let problem = problem.at_key(key).with_code("secret-exposed");
            self.problems.push(problem);
        }
        if let Some(directory) = replaceable_in(path)
            && self.open_directories.insert(directory.to_owned())
        {
            let message = format!(
                "every user of this machine can replace `{}`: run `chmod o-w` on `{}`",
                path.display(),
                directory.display()
            );
            let problem = Problem::warning(self.file, message).about(directory);
            let problem = problem.at_key(key).with_code("configuration-exposed");
            self.problems.push(problem);
        }
    }

    /// Reads one secret and checks its kind.
    fn resolve(&mut self, source: &Keyed<SecretSource>, kind: SecretKind) -> Option<Secret> {
        if let SecretSource::File(path) = &source.value {
            self.check_access(path, &source.key);
        }
        let read = source.value.read_in(self.environment);
        let checked = read.map_err(|error| error.to_string()).and_then(|secret| {
            match kind.check(secret.expose()) {
                Ok(()) => Ok(secret),
                Err(error) => {
                    let error = with_causes(&error);
                    Err(format!("{} is not usable: {error}", source.value))
                }
            }
        });
        match checked {
            Ok(secret) => Some(secret),
            Err(message) => {
                let problem = Problem::error(self.file, message);
                self.problems.push(problem.at_key(&source.key));
                None
            }
        }
    }
}

/// The reason why a secret is not of its kind.
#[derive(Debug, thiserror::Error)]
enum UnusableSecret {
    #[error(transparent)]
    Seed(#[from] UnusableSeed),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("a header can carry ASCII characters in one line only")]
    Header,
}

impl SecretKind {
    /// Checks the kind of `secret`. The error does not repeat it.
    fn check(self, secret: &str) -> Result<(), UnusableSecret> {
        match self {
            Self::Seed(kind) => check_seed(secret, kind)?,
            Self::Credentials => drop(UserCredentials::parse(secret)?),
            Self::Header => {
                let is_plain = |byte: u8| matches!(byte, b'\t' | b' '..=b'~');
                if !secret.bytes().all(is_plain) {
                    return Err(UnusableSecret::Header);
                }
            }
            Self::Text => {}
        }
        Ok(())
    }
}

/// Returns what every user may do with the file. `stat` never blocks on a FIFO or a device.
fn open_to_all(path: &Path) -> Option<&'static str> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    match metadata.mode() & 0o006 {
        0 => None,
        0o002 => Some("changed"),
        _ => Some("read"),
    }
}
