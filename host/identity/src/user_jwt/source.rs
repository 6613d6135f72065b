//! A trusted account, with the file that updates it.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_claims::{MAX_TOKEN_SIZE, PublicKey};
use portcullis_core::{Allowed, with_causes};
use portcullis_files::{ReadError, WatchedFile};
use tracing::{info, warn};

use super::account::Account;
use super::{AccountJwtError, AccountOptions, AccountSource};

/// Maximum size of the file, in bytes: a token and what tools write around it.
const MAX_FILE: usize = MAX_TOKEN_SIZE + 4096;

/// A trusted account in its current state.
#[derive(Debug)]
pub(crate) struct KnownAccount {
    /// The operator's name for the account.
    pub(crate) name: String,
    /// Public key of the account, which never changes.
    pub(crate) key: PublicKey,
    /// Roles whose users are trusted.
    pub(crate) roles: Vec<String>,
    held: ArcSwap<Account>,
    file: Option<AccountFile>,
}

#[derive(Clone, Debug)]
struct AccountFile {
    file: Arc<WatchedFile>,
    operators: Arc<Allowed<PublicKey>>,
}

impl KnownAccount {
    /// Returns the account of the options. Reads its file.
    #[expect(
        clippy::disallowed_methods,
        reason = "account JWTs are on the disk of this system"
    )]
    pub(crate) fn new(
        options: AccountOptions,
        operators: &Arc<Allowed<PublicKey>>,
    ) -> Result<Self, AccountJwtError> {
        let (account, roles, file) = match options.source {
            AccountSource::Keys { key, signing_keys } => {
                (Account::of_keys(&key, &signing_keys), Vec::new(), None)
            }
            AccountSource::Jwt { file, key, roles } => {
                let max_bytes = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
                let file = AccountFile {
                    file: Arc::new(WatchedFile::new(file, max_bytes)),
                    operators: Arc::clone(operators),
                };
                (file.read(key.as_ref())?, roles, Some(file))
            }
        };
        Ok(Self {
            name: options.name,
            key: account.key.clone(),
            roles,
            held: ArcSwap::from_pointee(account),
            file,
        })
    }

    /// Returns the current state of the account.
    pub(crate) fn now(&self) -> Arc<Account> {
        self.held.load_full()
    }

    /// Returns whether the account has a file.
    pub(crate) const fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Reads the file again if it has changed since the last read. Unusable content leaves the
    /// current state in use, and is logged once. A file that cannot be read is logged by the code
    /// that reads it.
    pub(crate) async fn look(&self) {
        let Some(file) = self.file.clone() else {
            return;
        };
        let (path, key) = (file.file.path().to_owned(), self.key.clone());
        let read = move || file.read_if_changed(&key);
        let done = tokio::task::spawn_blocking(read).await;
        let name = self.name.as_str();
        match done.unwrap_or(Err(AccountJwtError::Broken(path))) {
            Ok(None) | Err(AccountJwtError::File { .. } | AccountJwtError::TooLarge { .. }) => {}
            Ok(Some(account)) => {
                self.held.store(Arc::new(account));
                info!(account.name = name, "the account's jwt was read");
            }
            Err(error) => warn!(
                account.name = name,
                error = with_causes(&error),
                "the account's jwt cannot be used; what is known of the account stays in use"
            ),
        }
    }
}

impl AccountFile {
    fn read(&self, key: Option<&PublicKey>) -> Result<Account, AccountJwtError> {
        let content = self.file.read();
        self.account(&content.map_err(|error| self.failed(error))?, key)
    }

    fn read_if_changed(&self, key: &PublicKey) -> Result<Option<Account>, AccountJwtError> {
        let content = self.file.read_if_changed();
        let content = content.map_err(|error| self.failed(error))?;
        content
            .map(|content| self.account(&content, Some(key)))
            .transpose()
    }

    fn failed(&self, source: ReadError) -> AccountJwtError {
        let path = self.file.path().to_owned();
        match source {
            ReadError::TooLarge { .. } => AccountJwtError::TooLarge {
                path,
                limit: MAX_FILE,
            },
            source => AccountJwtError::File { path, source },
        }
    }

    fn account(&self, content: &[u8], key: Option<&PublicKey>) -> Result<Account, AccountJwtError> {
        let path: &Path = self.file.path();
        let account = Account::of_jwt(content, path, &self.operators)?;
        match key {
            Some(expected) if *expected != account.key => Err(AccountJwtError::OtherAccount {
                path: path.to_owned(),
                expected: Box::new(expected.clone()),
                found: Box::new(account.key),
            }),
            _ => Ok(account),
        }
    }
}
