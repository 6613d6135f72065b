//! One account, and the file that may say something new about it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use portcullis_claims::{MAX_TOKEN_SIZE, PublicKey};
use tracing::{info, warn};

use super::account::Account;
use super::{AccountJwtError, AccountOptions, AccountSource};
use crate::error::chain;
use crate::file::{Stamp, read_up_to};

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

#[derive(Debug)]
struct AccountFile {
    path: PathBuf,
    operators: Arc<[PublicKey]>,
    /// What it was when it was last read, well or not.
    seen: Mutex<Option<Stamp>>,
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
                let file = AccountFile {
                    seen: Mutex::new(Stamp::of_now(&file)),
                    operators: Arc::clone(operators),
                    path: file,
                };
                let key = key.as_ref().map(PublicKey::as_str);
                (read(&file.path, operators, key)?, roles, Some(file))
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

    /// Reads the file again if it has changed since it was last read. What cannot be used leaves what is known in use, and is said once.
    pub(crate) async fn look(&self) {
        let Some(file) = &self.file else { return };
        let stamp = Stamp::of(&file.path).await;
        {
            let mut seen = file.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == stamp {
                return;
            }
            *seen = stamp;
        }
        let (path, operators, key) = (
            file.path.clone(),
            Arc::clone(&file.operators),
            self.key.clone(),
        );
        let read = move || read(&path, &operators, Some(&key));
        let done = tokio::task::spawn_blocking(read).await;
        let broken = |_| AccountJwtError::Broken(file.path.clone());
        let name = self.name.as_str();
        match done.map_err(broken).flatten() {
            Ok(account) => {
                self.held.store(Arc::new(account));
                info!(account.name = name, "the account's jwt was read");
            }
            Err(error) => warn!(
                account.name = name,
                error = chain(&error),
                "the account's jwt cannot be used; what is known of the account stays in use"
            ),
        }
    }
}

fn read(
    path: &Path,
    operators: &[PublicKey],
    key: Option<&str>,
) -> Result<Account, AccountJwtError> {
    let content = read_up_to(path, MAX_FILE).map_err(|source| AccountJwtError::File {
        path: path.to_owned(),
        source,
    })?;
    if content.len() > MAX_FILE {
        return Err(AccountJwtError::TooLarge {
            path: path.to_owned(),
            limit: MAX_FILE,
        });
    }
    let account = Account::of_jwt(&content, path, operators)?;
    match key {
        Some(expected) if expected != account.key => Err(AccountJwtError::OtherAccount {
            path: path.to_owned(),
            expected: expected.to_owned(),
            found: account.key,
        }),
        _ => Ok(account),
    }
}
