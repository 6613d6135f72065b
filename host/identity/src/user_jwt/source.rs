//! One account, and the file that may say something new about it.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_claims::{MAX_TOKEN_SIZE, PublicKey};
use portcullis_core::with_causes;
use portcullis_files::{ReadError, WatchedFile};
use tracing::{info, warn};

use super::account::Account;
use super::{AccountJwtError, AccountOptions, AccountSource};

/// The longest file that is read, in bytes: a token and what tools write around it.
const MAX_FILE: usize = MAX_TOKEN_SIZE + 4096;

/// An account that is trusted, as it is now known.
#[derive(Debug)]
pub(crate) struct KnownAccount {
    /// The operator's name for it.
    pub(crate) name: String,
    /// Its public key, which never changes.
    pub(crate) key: String,
    /// The roles whose users are believed.
    pub(crate) roles: Vec<String>,
    held: ArcSwap<Account>,
    file: Option<AccountFile>,
}

#[derive(Clone, Debug)]
struct AccountFile {
    file: Arc<WatchedFile>,
    operators: Arc<[PublicKey]>,
}

impl KnownAccount {
    /// What the options say, after its file has been read.
    pub(crate) fn new(
        options: AccountOptions,
        operators: &Arc<[PublicKey]>,
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
                let key = key.as_ref().map(PublicKey::as_str);
                (file.read(key)?, roles, Some(file))
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

    /// What is known of it now.
    pub(crate) fn now(&self) -> Arc<Account> {
        self.held.load_full()
    }

    /// Whether there is a file to look at.
    pub(crate) const fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Reads the file again if it has changed since it was last read. Content that cannot be used leaves what is known in use, and is
    /// logged once; that a file cannot be read is logged where it is read.
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
    fn read(&self, key: Option<&str>) -> Result<Account, AccountJwtError> {
        let content = self.file.read();
        self.account(&content.map_err(|error| self.failed(error))?, key)
    }

    fn read_if_changed(&self, key: &str) -> Result<Option<Account>, AccountJwtError> {
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

    fn account(&self, content: &[u8], key: Option<&str>) -> Result<Account, AccountJwtError> {
        let path: &Path = self.file.path();
        let account = Account::of_jwt(content, path, &self.operators)?;
        match key {
            Some(expected) if expected != account.key => Err(AccountJwtError::OtherAccount {
                path: path.to_owned(),
                expected: expected.to_owned(),
                found: account.key,
            }),
            _ => Ok(account),
        }
    }
}
