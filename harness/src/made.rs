//! A system in operator mode that the program itself makes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::host::path_text;
use crate::{Finished, Host, NatsServer, PATIENCE, Release, run_portcullis};

/// The resolver in the server's configuration that `init --resolver url` writes.
const RESOLVER: &str = "URL(http://127.0.0.1:9090/jwt/v1/accounts/)";

/// A temporary directory that `portcullis init --mode operator` made, removed on drop.
#[derive(Debug)]
pub struct Made {
    home: TempDir,
}

impl Made {
    /// Runs `init --mode operator` with these additional arguments.
    ///
    /// # Errors
    ///
    /// Fails if the command fails.
    pub async fn new(arguments: &[&str]) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("portcullis-").tempdir()?;
        let made = Self { home };
        let directory = made.path("").display().to_string();
        let command = ["init", "--mode", "operator", &directory];
        let finished = run_portcullis(&[&command, arguments].concat(), "").await?;
        ensure!(finished.code == Some(0), "{finished:?}");
        Ok(made)
    }

    /// Creates a directory without any file, for commands that make a store there.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be created.
    pub fn empty() -> Result<Self> {
        let home = tempfile::Builder::new().prefix("portcullis-").tempdir()?;
        let made = Self { home };
        fs::create_dir(made.path(""))?;
        Ok(made)
    }

    /// Returns the path of a file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("site").join(name)
    }

    /// Runs a command on the store. Its words are separated by spaces.
    ///
    /// # Errors
    ///
    /// Fails if the command cannot be started or does not end.
    pub async fn run(&self, line: &str) -> Result<Finished> {
        let store = self.path("store").display().to_string();
        let words: Vec<&str> = line.split(' ').chain(["--store", &store]).collect();
        run_portcullis(&words, "").await
    }

    /// Returns the output of a command on the store, which has to succeed.
    ///
    /// # Errors
    ///
    /// Fails if the command does.
    pub async fn text(&self, line: &str) -> Result<String> {
        let finished = self.run(line).await?;
        ensure!(finished.code == Some(0), "{line}: {finished:?}");
        Ok(finished.stdout)
    }

    /// Returns the public key that the command `line` describes.
    ///
    /// # Errors
    ///
    /// Fails if the command does.
    pub async fn key(&self, line: &str) -> Result<String> {
        let shown: Value = serde_json::from_str(&self.text(&format!("{line} --json")).await?)?;
        let key = shown.pointer("/claims/sub").and_then(Value::as_str);
        Ok(key.context("no key")?.to_owned())
    }

    /// Returns the public key of an account of the store.
    ///
    /// # Errors
    ///
    /// Fails if the store has no such account.
    pub async fn account_key(&self, account: &str) -> Result<String> {
        self.key(&format!("account describe {account}")).await
    }

    /// Returns the JWT of an account of the store.
    ///
    /// # Errors
    ///
    /// Fails if the store has no such account.
    pub async fn account_jwt(&self, account: &str) -> Result<String> {
        let jwt = self.text(&format!("account jwt {account}")).await?;
        Ok(jwt.trim().to_owned())
    }

    /// Starts a server with the configuration that `init` wrote.
    ///
    /// # Errors
    ///
    /// Fails if the server does not start.
    pub async fn start_server(&self, release: Release) -> Result<NatsServer> {
        NatsServer::start(release, &self.path("nats-server.conf")).await
    }

    /// Starts a server with the configuration that `init --resolver url` wrote, and with `resolver`
    /// in place of its resolver. Writes the configuration to the file `name`.
    ///
    /// # Errors
    ///
    /// Fails if the server does not start.
    pub async fn start_server_with(
        &self,
        release: Release,
        name: &str,
        resolver: &str,
    ) -> Result<NatsServer> {
        let text = fs::read_to_string(self.path("nats-server.conf"))?;
        ensure!(text.contains(RESOLVER), "{text}");
        let file = self.path(name);
        fs::write(&file, text.replace(RESOLVER, resolver))?;
        NatsServer::start(release, &file).await
    }

    /// Starts a resolver of the store. Returns its address too.
    ///
    /// # Errors
    ///
    /// Fails if the resolver does not serve.
    pub async fn start_resolver(&self, arguments: &[&str]) -> Result<(Host, String)> {
        Host::resolver(&self.path("store"), arguments).await
    }

    /// Starts a resolver of the store that is connected to `server`, with these additional
    /// arguments. Waits for the connection.
    ///
    /// # Errors
    ///
    /// Fails if the resolver does not serve or does not connect.
    pub async fn start_connected_resolver(
        &self,
        server: &NatsServer,
        arguments: &[&str],
    ) -> Result<(Host, String)> {
        let creds = self.path("creds/system.creds");
        let url = server.url();
        let own = ["--server", &url, "--creds", path_text(&creds)?];
        let (host, address) = self.start_resolver(&[&own, arguments].concat()).await?;
        host.says("accounts served over nats").await?;
        Ok((host, address))
    }

    /// Writes the address of `server` into the host's configuration, and has the host choose the
    /// port of its pages. Returns the path of the configuration.
    ///
    /// # Errors
    ///
    /// Fails if the configuration cannot be read or written.
    pub fn point_at(&self, server: &NatsServer) -> Result<PathBuf> {
        let config = self.path("portcullis.toml");
        let text = fs::read_to_string(&config)?;
        let text = text.replace("nats://127.0.0.1:4222", &server.url());
        fs::write(&config, text.replace("127.0.0.1:9222", "127.0.0.1:0"))?;
        Ok(config)
    }

    /// Logs in at `server` with a credentials file.
    ///
    /// # Errors
    ///
    /// Fails if the login does.
    pub async fn log_in(&self, server: &NatsServer, creds: &Path) -> Result<Client> {
        let options = ConnectOptions::with_credentials_file(creds).await?;
        let options = options.connection_timeout(PATIENCE).max_reconnects(1);
        Ok(options.connect(server.url()).await?)
    }

    /// Logs in at `server` as the user of the system account that `init` made.
    ///
    /// # Errors
    ///
    /// Fails if the login does.
    pub async fn system(&self, server: &NatsServer) -> Result<Client> {
        self.log_in(server, &self.path("creds/system.creds")).await
    }
}
