//! Stores of the tool nsc, read and written.
//!
//! ```text
//! stores/OPERATOR/.nsc                                  what the folder is
//! stores/OPERATOR/OPERATOR.jwt
//! stores/OPERATOR/accounts/ACCOUNT/ACCOUNT.jwt
//! stores/OPERATOR/accounts/ACCOUNT/users/USER.jwt
//! keys/keys/A/BC/ABC….nk                                a seed, by its public key
//! keys/creds/OPERATOR/ACCOUNT/USER.creds
//! ```
//!
//! With `nsc --all-dirs DIR`, the folders of operators are in the directory itself, and the seeds
//! in `keys`. The import reads that too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_claims::{
    AccountClaims, MAX_TOKEN_SIZE, OperatorClaims, UserClaims, UserCredentials,
};
use portcullis_core::{PublicKey, Secret};
use portcullis_files::{Disk, ReadError};
use serde_json::json;

use crate::account_jwts::AccountJwt;
use crate::error::StoreError;
use crate::keys::Seed;
use crate::store::Store;
use crate::validate::{Severity, Validate};

/// Directory of the seeds.
const SEEDS: &str = "keys/keys";

/// Maximum length of a name that a file has with an extension, in bytes.
const MAX_FILE_NAME: usize = 240;

/// A store of nsc in a directory that has the folders `stores` and `keys`.
#[derive(Clone, Debug)]
pub struct Nsc {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

/// The result of an import or an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transferred {
    /// Name of the operator.
    pub operator: String,
    /// Number of accounts.
    pub accounts: usize,
    /// Number of users.
    pub users: usize,
    /// Number of seeds.
    pub seeds: usize,
    /// Public keys whose seeds are missing, with what they are.
    pub missing: Vec<String>,
    /// Entries that were left as they are, with the reason.
    pub kept: Vec<String>,
    /// Imported entries that servers refuse, with the reason.
    pub refused: Vec<String>,
}

impl Transferred {
    /// Records the flaws of `claims` for which servers refuse `entry`.
    fn validated(&mut self, entry: &str, claims: &impl Validate, now: u64) {
        let findings = claims.validate(now);
        let flaws = findings
            .iter()
            .filter(|flaw| flaw.severity != Severity::Warning);
        self.refused
            .extend(flaws.map(|flaw| format!("{entry}: {flaw}")));
    }
}

impl Nsc {
    /// Returns the store in the directory `root`.
    pub fn at(disk: Arc<dyn Disk>, root: &Path) -> Self {
        let root = root.to_owned();
        Self { disk, root }
    }

    /// Returns the names of the operators, sorted.
    ///
    /// # Errors
    ///
    /// Fails if the directory does not exist.
    pub fn operators(&self) -> Result<Vec<String>, StoreError> {
        let stores = self.stores();
        let mut names = self.folders(&stores)?;
        // Other folders may stand next to those of operators.
        names.retain(|name| {
            let path = stores.join(name).join(format!("{name}.jwt"));
            self.disk.read(&path, MAX_TOKEN_SIZE as u64).is_ok()
        });
        Ok(names)
    }

    /// Returns the directory with the folders of operators.
    fn stores(&self) -> PathBuf {
        let usual = self.root.join("stores");
        if self.disk.list(&usual).is_ok() {
            usual
        } else {
            self.root.clone()
        }
    }

    /// Returns the directory with the seeds.
    fn seeds(&self) -> PathBuf {
        let usual = self.root.join(SEEDS);
        if self.disk.list(&usual).is_ok() {
            usual
        } else {
            self.root.join("keys")
        }
    }

    /// Imports the operator `name` with its accounts, users and seeds. The JWTs stay as they are.
    /// A store that has the operator already gets what is newer. The result names those that
    /// servers refuse at the time `now`.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read or written, and with [`StoreError::StoreExists`] if the store
    /// has another operator.
    pub fn import(&self, name: &str, store: &Store, now: u64) -> Result<Transferred, StoreError> {
        let mut done = Transferred {
            operator: name.to_owned(),
            ..Transferred::default()
        };
        let folder = self.stores().join(name);
        let token = self.read(&folder.join(format!("{name}.jwt")))?;
        let operator = OperatorClaims::decode(token.expose()).map_err(StoreError::Token)?;
        match store.operator() {
            Ok((known, _)) if known.subject != operator.subject => {
                return Err(StoreError::StoreExists(store.root().to_owned()));
            }
            Ok((known, _)) if known.issued_at > operator.issued_at => {
                done.kept.push(format!(
                    "the operator `{name}`: the store has a later version"
                ));
            }
            Ok(_) | Err(StoreError::NoStore(_)) => {
                store.import_operator(token.expose())?;
                done.validated(&format!("the operator `{name}`"), &operator, now);
            }
            Err(error) => return Err(error),
        }
        let keys = operator.nats.signing_keys.iter().map(String::as_str);
        self.import_seeds(store, keys.chain(operator.subject.as_deref()), &mut done)?;
        let accounts = folder.join("accounts");
        for account in self.folders(&accounts)? {
            self.import_account(&accounts.join(&account), &account, store, now, &mut done)?;
        }
        Ok(done)
    }

    fn import_account(
        &self,
        folder: &Path,
        name: &str,
        store: &Store,
        now: u64,
        done: &mut Transferred,
    ) -> Result<(), StoreError> {
        let token = self.read(&folder.join(format!("{name}.jwt")))?;
        let account = AccountJwt::decode(token.expose())?;
        match store.accounts().restore(&account.token) {
            Ok(_) => {
                done.accounts += 1;
                done.validated(&format!("the account `{name}`"), &account.claims, now);
            }
            Err(error @ StoreError::Older { .. }) => done.kept.push(error.to_string()),
            Err(error) => return Err(error),
        }
        let keys = account.claims.nats.signing_keys.iter().map(|(key, _)| key);
        let xkey = account.claims.nats.authorization.xkey.as_str();
        let keys = keys.chain([account.account.as_str()]);
        let keys = keys.chain((!xkey.is_empty()).then_some(xkey));
        self.import_seeds(store, keys, done)?;
        for file in self.files(&folder.join("users"), "jwt")? {
            let token = self.read(&file)?;
            let user = store.import_user(&account.account, token.expose())?;
            let named = user.claims.name.as_deref().unwrap_or(user.user.as_str());
            if user.token == token.expose() {
                done.users += 1;
                done.validated(
                    &format!("the user `{named}` of `{name}`"),
                    &user.claims,
                    now,
                );
            } else {
                let later = "the store has a later version";
                done.kept
                    .push(format!("the user `{named}` of `{name}`: {later}"));
            }
            self.import_seeds(store, [user.user.as_str()].into_iter(), done)?;
        }
        Ok(())
    }

    fn import_seeds<'a>(
        &self,
        store: &Store,
        keys: impl Iterator<Item = &'a str>,
        done: &mut Transferred,
    ) -> Result<(), StoreError> {
        let seeds = self.seeds();
        for key in keys {
            let Some(path) = seed_path(&seeds, key) else {
                continue;
            };
            match self.disk.read(&path, 4096) {
                Ok(content) => {
                    let text = String::from_utf8(content.bytes).unwrap_or_default();
                    let seed = Seed::parse(Secret::new(text).expose());
                    let seed = seed.map_err(|source| StoreError::Seed { path, source })?;
                    store.keys().insert(&seed)?;
                    done.seeds += 1;
                }
                Err(ReadError::Missing) => done.missing.push(key.to_owned()),
                Err(source) => return Err(StoreError::Read { path, source }),
            }
        }
        Ok(())
    }

    /// Exports a store with its operator, accounts, users, seeds and credentials files.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::StoreExists`] if the directory has the operator already, and if a
    /// file cannot be read or written.
    pub fn export(&self, store: &Store) -> Result<Transferred, StoreError> {
        let (operator, token) = store.operator()?;
        let name = file_name(operator.name.as_deref(), operator.subject.as_deref());
        let folder = self.root.join("stores").join(&name);
        if self.disk.list(&folder).is_ok() {
            return Err(StoreError::StoreExists(folder));
        }
        let info = json!({ "managed": false, "name": name, "kind": "operator", "version": "1" });
        self.write(&folder.join(".nsc"), &info.to_string())?;
        self.write(&folder.join(format!("{name}.jwt")), &token)?;
        let mut done = Transferred {
            operator: name,
            ..Transferred::default()
        };
        for account in store.list_accounts()? {
            self.export_account(&folder, &account?, store, &mut done)?;
        }
        let seeds = self.root.join(SEEDS);
        for key in store.keys().keys()? {
            if let (Some(path), Some(seed)) =
                (seed_path(&seeds, key.as_str()), store.keys().get(&key)?)
            {
                self.write(&path, seed.expose())?;
                done.seeds += 1;
            }
        }
        Ok(done)
    }

    fn export_account(
        &self,
        folder: &Path,
        account: &AccountJwt,
        store: &Store,
        done: &mut Transferred,
    ) -> Result<(), StoreError> {
        let claims: &AccountClaims = &account.claims;
        let name = file_name(claims.name.as_deref(), claims.subject.as_deref());
        let folder = folder.join("accounts").join(&name);
        self.write(&folder.join(format!("{name}.jwt")), &account.token)?;
        done.accounts += 1;
        let creds = self
            .root
            .join("keys/creds")
            .join(&done.operator)
            .join(&name);
        for user in store.users(&account.account)? {
            let user = user?;
            let claims: &UserClaims = &user.claims;
            let name = file_name(claims.name.as_deref(), claims.subject.as_deref());
            self.write(
                &folder.join("users").join(format!("{name}.jwt")),
                &user.token,
            )?;
            done.users += 1;
            let seed = store.keys().get(&user.user)?;
            let credentials =
                seed.map(|seed| UserCredentials::parse_pair(&user.token, seed.expose()));
            if let Some(Ok(credentials)) = credentials {
                let text = credentials.to_text();
                self.write(&creds.join(format!("{name}.creds")), text.expose())?;
            }
        }
        Ok(())
    }

    fn folders(&self, path: &Path) -> Result<Vec<String>, StoreError> {
        let entries = self.entries(path)?;
        let folders = entries.iter().filter(|entry| self.disk.list(entry).is_ok());
        let names = folders.filter_map(|entry| entry.file_name()?.to_str());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    fn files(&self, path: &Path, extension: &str) -> Result<Vec<PathBuf>, StoreError> {
        let mut entries = match self.entries(path) {
            Err(StoreError::Read {
                source: ReadError::Missing,
                ..
            }) => return Ok(Vec::new()),
            entries => entries?,
        };
        entries.retain(|entry| entry.extension().is_some_and(|found| found == extension));
        entries.sort();
        Ok(entries)
    }

    fn entries(&self, path: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let listing = self.disk.list(path).map_err(|source| StoreError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(listing.entries)
    }

    fn read(&self, path: &Path) -> Result<Secret, StoreError> {
        let content = self.disk.read(path, MAX_TOKEN_SIZE as u64);
        let content = content.map_err(|source| StoreError::Read {
            path: path.to_owned(),
            source,
        })?;
        let text = String::from_utf8(content.bytes).unwrap_or_default();
        // nsc wraps JWTs in a block of dashes.
        let mut lines = text.lines().map(str::trim);
        let token = lines.find(|line| line.starts_with("eyJ"));
        Ok(Secret::new(token.unwrap_or_default()))
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), StoreError> {
        let folder = path.parent().unwrap_or(&self.root);
        let written = self
            .disk
            .create_directory(folder)
            .and_then(|()| self.disk.write_private(path, text.as_bytes()));
        written.map_err(|source| StoreError::Write {
            path: path.to_owned(),
            source,
        })
    }
}

/// Returns the path of a seed below the directory of all.
fn seed_path(seeds: &Path, key: &str) -> Option<PathBuf> {
    let public: PublicKey = key.parse().ok()?;
    let shard = key.get(1..3)?;
    let kind = public.kind().letter().to_string();
    Some(seeds.join(kind).join(shard).join(format!("{key}.nk")))
}

/// Returns a name that a file can have: the name of an entry, or its public key.
fn file_name(name: Option<&str>, key: Option<&str>) -> String {
    let usable = |name: &&str| {
        let is_short = name.len() <= MAX_FILE_NAME;
        is_short && !name.is_empty() && !name.contains('/') && !name.starts_with('.')
    };
    let name = name.filter(usable).or(key);
    name.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
