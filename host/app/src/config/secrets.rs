//! Secrets: where the configuration says they are, and reading them from there.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use portcullis_claims::KeyKind;
use portcullis_core::Secret;
use zeroize::Zeroizing;

use super::Config;
use super::nats::Authentication;
use super::operator::{Operator, SigningAccount};
use crate::keys;
use crate::problem::{Checked, Problem};

/// No secret is longer than this, in bytes.
const MAX_LEN: u64 = 64 * 1024;

/// Where a secret is, and the key that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSource {
    key: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Variable(String),
}

/// The secrets of a configuration, each of the right type. `Debug` does not show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// The account seed that signs responses.
    pub issuer_seed: Secret,
    /// The curve seed that opens requests.
    pub xkey_seed: Option<Secret>,
    /// In operator mode, who signs for each account.
    pub accounts: BTreeMap<String, AccountSeeds>,
    /// What the service proves itself with.
    pub connection: ConnectionSecret,
}

/// The seeds that sign for one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSeeds {
    /// The account's own or a plain signing key's.
    pub seed: Option<Secret>,
    /// Scoped signing keys', by role.
    pub roles: BTreeMap<String, Secret>,
}

/// What the service proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionSecret {
    /// Nothing.
    Anonymous,
    /// A user seed.
    Nkey(Secret),
    /// The content of a credentials file.
    Credentials(Secret),
    /// A user name and a password.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token.
    Token(Secret),
}

impl Config {
    /// Reads the secrets that this configuration names, from files and from the environment of the
    /// process.
    ///
    /// # Errors
    ///
    /// Every secret that is missing, not readable, empty or of the wrong type, warnings included.
    pub fn resolve_secrets(&self) -> Result<Checked<Secrets>, Vec<Problem>> {
        self.resolve_secrets_in(&|name| env::var_os(name))
    }

    /// As [`Config::resolve_secrets`], with variables from elsewhere.
    pub(crate) fn resolve_secrets_in(
        &self,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Checked<Secrets>, Vec<Problem>> {
        let mut resolver = Resolver {
            file: &self.file,
            environment,
            problems: Vec::new(),
        };
        let issuer_seed = resolver.resolve(
            &self.callout.issuer_seed,
            SecretKind::Seed(KeyKind::Account),
        );
        let xkey_seed = resolver.optional(
            self.callout.xkey_seed.as_ref(),
            SecretKind::Seed(KeyKind::Curve),
        );
        let accounts = resolver.accounts(self.operator.as_ref());
        let connection = resolver.connection(&self.nats.authentication);
        let resolved = (issuer_seed, xkey_seed, accounts, connection);
        let secrets = match resolved {
            (Some(issuer_seed), Some(xkey_seed), Some(accounts), Some(connection)) => {
                Some(Secrets {
                    issuer_seed,
                    xkey_seed,
                    accounts,
                    connection,
                })
            }
            _ => None,
        };
        Checked::unless_broken(secrets, resolver.problems)
    }
}

impl SecretSource {
    pub(super) fn file(section: &str, key: &str, path: PathBuf) -> Self {
        Self {
            key: format!("{section}.{key}"),
            place: Place::File(path),
        }
    }

    pub(super) fn environment(section: &str, key: &str, name: String) -> Self {
        Self {
            key: format!("{section}.{key}"),
            place: Place::Variable(name),
        }
    }
}

/// What is wrong with these secrets, warnings included.
pub(super) fn check(file: &Path, secrets: &[(SecretSource, SecretKind)]) -> Vec<Problem> {
    let environment = |name: &str| env::var_os(name);
    let mut resolver = Resolver {
        file,
        environment: &environment,
        problems: Vec::new(),
    };
    for (source, kind) in secrets {
        resolver.resolve(source, *kind);
    }
    resolver.problems
}

/// What a secret has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretKind {
    Seed(KeyKind),
    /// The content of a credentials file.
    Credentials,
    /// Anything.
    Text,
}

/// Reads secrets and notes what is wrong with them.
struct Resolver<'a> {
    file: &'a Path,
    environment: &'a dyn Fn(&str) -> Option<OsString>,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    fn accounts(&mut self, operator: Option<&Operator>) -> Option<BTreeMap<String, AccountSeeds>> {
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

    /// Nothing and no problem if there is no source.
    fn optional(
        &mut self,
        source: Option<&SecretSource>,
        kind: SecretKind,
    ) -> Option<Option<Secret>> {
        match source {
            None => Some(None),
            Some(source) => self.resolve(source, kind).map(Some),
        }
    }

    fn connection(&mut self, authentication: &Authentication) -> Option<ConnectionSecret> {
        match authentication {
            Authentication::Anonymous => Some(ConnectionSecret::Anonymous),
            Authentication::Nkey(source) => self
                .resolve(source, SecretKind::Seed(KeyKind::User))
                .map(ConnectionSecret::Nkey),
            Authentication::Credentials(source) => self
                .resolve(source, SecretKind::Credentials)
                .map(ConnectionSecret::Credentials),
            Authentication::Password { user, password } => self
                .resolve(password, SecretKind::Text)
                .map(|password| ConnectionSecret::Password {
                    user: user.clone(),
                    password,
                }),
            Authentication::Token(source) => self
                .resolve(source, SecretKind::Text)
                .map(ConnectionSecret::Token),
        }
    }

    /// Reads one secret, without the white space around it: no secret here begins or ends with any.
    fn resolve(&mut self, source: &SecretSource, kind: SecretKind) -> Option<Secret> {
        let (place, read) = match &source.place {
            Place::File(path) => {
                let place = format!("`{}`", path.display());
                (place, self.read_file(source, path))
            }
            Place::Variable(name) => {
                let place = format!("environment variable `{name}`");
                (place, self.read_variable(name))
            }
        };
        let checked = read.and_then(|text| match text.trim() {
            "" => Err("is empty".to_owned()),
            secret => kind
                .check(secret)
                .map(|()| Secret::new(secret))
                .map_err(|message| format!("is not usable: {message}")),
        });
        match checked {
            Ok(secret) => Some(secret),
            Err(message) => {
                let problem = Problem::error(self.file, format!("{place} {message}"));
                self.problems.push(problem.at_key(&source.key));
                None
            }
        }
    }

    fn read_file(
        &mut self,
        source: &SecretSource,
        path: &Path,
    ) -> Result<Zeroizing<String>, String> {
        let file = File::open(path).map_err(|error| describe(&error))?;
        if is_open_to_all(&file) {
            let message = format!(
                "`{}` can be read by every user of this machine; use mode 0600",
                path.display()
            );
            let problem = Problem::warning(self.file, message);
            self.problems.push(problem.at_key(&source.key));
        }
        // Room for everything at once: growing would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(4096));
        file.take(MAX_LEN + 1)
            .read_to_string(&mut text)
            .map_err(|error| describe(&error))?;
        if u64::try_from(text.len()).is_ok_and(|len| len <= MAX_LEN) {
            Ok(text)
        } else {
            Err("is too large to be a secret".to_owned())
        }
    }

    fn read_variable(&self, name: &str) -> Result<Zeroizing<String>, String> {
        let value = (self.environment)(name).ok_or("is not set")?;
        value
            .into_string()
            .map(Zeroizing::new)
            .map_err(|_| "is not text".to_owned())
    }
}

impl SecretKind {
    /// What is wrong with `secret`, without repeating it.
    fn check(self, secret: &str) -> Result<(), String> {
        match self {
            Self::Seed(kind) => keys::check_seed(secret, kind).map_err(|error| error.to_string()),
            Self::Credentials => keys::check_credentials(secret),
            Self::Text => Ok(()),
        }
    }
}

/// Fits after the name of the file.
fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        io::ErrorKind::InvalidData => "is not text".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(unix)]
fn is_open_to_all(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
const fn is_open_to_all(_: &File) -> bool {
    false
}
