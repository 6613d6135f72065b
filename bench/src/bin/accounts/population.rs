//! A store with many accounts, and servers that have them from there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nats_token::{AccountClaims, UserClaims, format_user_config};
use nkeys::KeyPair;
use portcullis_harness::{Host, Made, NatsServer, Release};

/// The number of accounts, apart from those of the system.
pub(crate) const ACCOUNTS: usize = 10_000;

/// A store with [`ACCOUNTS`] accounts, and a copy of their JWTs for the server's own resolver.
pub(crate) struct Population {
    pub(crate) made: Made,
    pub(crate) accounts: Vec<KeyPair>,
    copy: PathBuf,
}

impl Population {
    /// Makes the accounts. The operator signs them.
    pub(crate) async fn create() -> Result<Self> {
        let made = Made::new(&["--resolver", "url"]).await?;
        let operator = operator(&made.path("store/keys"))?;
        let directory = made.path("store/accounts");
        let copy = made.path("full");
        let mut accounts = Vec::with_capacity(ACCOUNTS);
        for number in 0..ACCOUNTS {
            let account = KeyPair::new_account();
            let key = account.public_key();
            let mut claims = AccountClaims::new(key.clone()).context("no account key")?;
            claims.claims.name = format!("account-{number}");
            let file = directory.join(format!("{key}.jwt"));
            fs::write(file, claims.encode(&operator)?)?;
            accounts.push(account);
        }
        fs::create_dir(&copy)?;
        for file in fs::read_dir(directory)? {
            let file = file?;
            fs::copy(file.path(), copy.join(file.file_name()))?;
        }
        Ok(Self {
            made,
            accounts,
            copy,
        })
    }

    /// Returns the public keys of the accounts.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.accounts.iter().map(KeyPair::public_key).collect()
    }

    /// Starts `portcullis resolver`, and returns its address.
    pub(crate) async fn start_resolver(&self) -> Result<(Host, String)> {
        self.made.start_resolver(&[]).await
    }

    /// Starts a server that has its accounts from the resolver at `address`.
    pub(crate) async fn start_with_url(&self, address: &str) -> Result<NatsServer> {
        let resolver = format!("URL(http://{address}/jwt/v1/accounts/)");
        let made = &self.made;
        made.start_server_with(Release::Nats2_15, "url.conf", &resolver)
            .await
    }

    /// Starts a server with a resolver of its own.
    pub(crate) async fn start_with_full(&self) -> Result<NatsServer> {
        let resolver = format!(
            "{{ type: full, dir: \"{}\", allow_delete: false, interval: \"2m\", timeout: \"1.9s\" }}",
            self.copy.display()
        );
        let made = &self.made;
        made.start_server_with(Release::Nats2_15, "full.conf", &resolver)
            .await
    }
}

/// Returns the credentials of a new user of `account`.
pub(crate) fn credentials(account: &KeyPair) -> Result<String> {
    let user = KeyPair::new_user();
    let mut claims = UserClaims::new(user.public_key()).context("no user key")?;
    Ok(format_user_config(&claims.encode(account)?, &user.seed()?)?)
}

/// Returns the key of the operator, whose seed is among others in `directory`.
fn operator(directory: &Path) -> Result<KeyPair> {
    for file in fs::read_dir(directory)? {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with('O') {
            let seed = fs::read_to_string(file.path())?;
            return Ok(KeyPair::from_seed(seed.trim())?);
        }
    }
    anyhow::bail!("the store has no seed of an operator")
}
