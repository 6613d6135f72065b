//! The files of a test bed.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use portcullis_claims::KeyKind;
use portcullis_config::{Config, Secrets, ServerAddress};
use portcullis_core::{AccountName, Secret};
use portcullis_engine::require_wasm;
use portcullis_toml::Problems;
use tempfile::TempDir;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::init::{Accounts, init_with};
use crate::keys;

/// The endings of the files of a policy next to its module.
const NEXT_TO_MODULE: [&str; 4] = ["toml", "tests.toml", "cedar", "rego"];

/// The configurations of a host and a server, and a directory that is removed on drop.
pub(super) struct Site {
    directory: TempDir,
    /// The file `portcullis.toml`.
    pub(super) config: PathBuf,
    /// The file `nats-server.conf`.
    pub(super) server_config: PathBuf,
    /// Password of the user [`Accounts::ADMIN`]. `None` if the operator configured the server.
    admin_password: Option<Secret>,
}

impl Site {
    /// Takes a configuration of the operator, `portcullis.toml`, with the `nats-server.conf` next
    /// to it.
    ///
    /// # Errors
    ///
    /// Fails if no temporary directory can be made.
    pub(super) fn of_configuration(config: &Path) -> Result<Self, Failure> {
        Ok(Self {
            directory: temporary()?,
            config: config.to_owned(),
            server_config: config.with_file_name("nats-server.conf"),
            admin_password: None,
        })
    }

    /// Makes keys and configurations that serve these policies, which may place users in
    /// `accounts`.
    ///
    /// # Errors
    ///
    /// Fails if a file does not exist or cannot be written.
    pub(super) fn with_policies(
        policies: &[PathBuf],
        accounts: Vec<AccountName>,
    ) -> Result<Self, Failure> {
        let directory = temporary()?;
        let password = keys::generate(KeyKind::User)
            .map_err(Failure::internal)?
            .seed;
        let accounts = Accounts::for_tests(accounts, password.clone());
        let root = directory.path().join("site");
        init_with(&root, &[], &accounts)
            .map_err(|error| Failure::new(ExitCode::CannotCreate, error))?;
        for module in policies {
            copy_policy(module, &root.join("policies"))?;
        }
        Ok(Self {
            config: root.join("portcullis.toml"),
            server_config: root.join("nats-server.conf"),
            directory,
            admin_password: Some(password),
        })
    }

    /// Returns the directory for the files of the server and the host.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Reads the configuration of the host, for the server at `address`. The host has a state
    /// directory of its own and no health listener, so other hosts do not disturb it.
    ///
    /// # Errors
    ///
    /// Fails if the configuration is invalid or a secret cannot be read.
    pub(super) fn host(&self, address: &ServerAddress) -> Result<(Config, Secrets), Failure> {
        let wrong = |problems: Problems| Failure::new(ExitCode::BadConfiguration, problems);
        let mut config = Config::load(&self.config).map_err(wrong)?.value;
        let secrets = config.resolve_secrets().map_err(wrong)?.value;
        config.nats.servers = vec![address.clone()];
        let others = [&mut config.key_value.nats, &mut config.records_nats];
        for nats in others.into_iter().flatten() {
            nats.servers = vec![address.clone()];
        }
        config.health.listen = None;
        config.policies.state_directory = self.directory().join("state");
        Ok((config, secrets))
    }

    /// Returns the environment variables of the command, for the server at `address`.
    pub(super) fn variables(&self, address: &ServerAddress) -> Vec<(&'static str, String)> {
        let directory = self.directory().display().to_string();
        let mut variables = vec![
            ("NATS_URL", address.to_string()),
            ("PORTCULLIS_RUN_DIRECTORY", directory),
        ];
        if let Some(password) = &self.admin_password {
            variables.extend([
                ("PORTCULLIS_ADMIN_USER", Accounts::ADMIN.to_owned()),
                ("PORTCULLIS_ADMIN_PASSWORD", password.expose().to_owned()),
            ]);
        }
        variables
    }
}

/// Checks that a file is a module, so that an error names it and not the copy.
fn check_module(file: &Path) -> Result<(), Failure> {
    let bytes = fs::read(file).map_err(|error| cannot_copy(file, error))?;
    require_wasm(&bytes).map_err(|error| {
        let error = anyhow::anyhow!("`{}`: {error}: name a NAME.wasm", file.display());
        Failure::new(ExitCode::BadPolicies, error)
    })
}

fn cannot_copy(file: &Path, error: io::Error) -> Failure {
    let context = format!("cannot copy the policy `{}`", file.display());
    Failure::new(
        ExitCode::NotFound,
        anyhow::Error::new(error).context(context),
    )
}

/// Makes a directory that is removed on drop.
fn temporary() -> Result<TempDir, Failure> {
    TempDir::with_prefix("portcullis-run-").map_err(|error| {
        let error = anyhow::Error::new(error).context("cannot make a temporary directory");
        Failure::new(ExitCode::CannotCreate, error)
    })
}

/// Copies `module` and the files of the policy next to it.
fn copy_policy(module: &Path, directory: &Path) -> Result<(), Failure> {
    let optional = NEXT_TO_MODULE.map(|ending| (module.with_extension(ending), true));
    for (file, is_optional) in std::iter::once((module.to_owned(), false)).chain(optional) {
        let target = directory.join(file.file_name().unwrap_or_default());
        if !is_optional && target.exists() {
            let name = file.file_name().unwrap_or_default().display();
            let error = anyhow::anyhow!("two policies have the file name `{name}`: rename one");
            return Err(Failure::new(ExitCode::Usage, error));
        }
        if !is_optional {
            check_module(module)?;
        }
        match fs::copy(&file, target) {
            Err(error) if is_optional && error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(cannot_copy(&file, error)),
            Ok(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_module_is_told_by_its_own_path() {
        let (folder, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = folder.path().join("Cargo.toml");
        fs::write(&file, "[package]\n").unwrap();
        let failure = copy_policy(&file, site.path()).unwrap_err();
        assert_eq!(failure.code(), ExitCode::BadPolicies);
        let told = format!("`{}`: not a WebAssembly module", file.display());
        assert!(failure.to_string().starts_with(&told), "{failure}");
    }
}
