//! A server that verifies its clients' certificates on every transport.

use anyhow::Result;
use portcullis_harness::{Authority, Release, Site};

use crate::rules::Rule;
use crate::stage::{Config, Stage, jetstream};

/// A server in config mode and its host. All clients, including the host, have a certificate of one
/// authority.
pub(crate) struct Certified {
    pub(crate) stage: Stage,
    pub(crate) authority: Authority,
}

impl Certified {
    /// Starts the server and the host, with an account `FOO` for clients.
    pub(crate) async fn start(release: Release, rules: &[Rule]) -> Result<Self> {
        let site = Site::create(release)?;
        let authority = Authority::create(&site.path().join("tls"))?;
        let (server, host) = (authority.issue("server")?, authority.issue("host")?);
        let tls = format!(
            "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }}",
            server.file.display(),
            server.key_file.display(),
            authority.file.display()
        );
        let listens = |block| format!("{block} {{ listen: \"127.0.0.1:-1\", {tls} }}");
        let top = format!(
            "{tls}\n{}\n{}\n{}\n{}",
            listens("websocket"),
            listens("mqtt"),
            listens("leafnodes"),
            jetstream(&site)
        );
        let nats = format!(
            "tls-ca-file = \"{}\"\ntls-cert-file = \"{}\"\ntls-key-file = \"{}\"\ntls-required = true\n",
            authority.file.display(),
            host.file.display(),
            host.key_file.display()
        );
        let config = Config {
            accounts: "  FOO: { jetstream: enabled }",
            targets: &["FOO"],
            top: &top,
            nats: &nats,
            ..Config::GLOBAL
        };
        let stage = Stage::at(site, config, rules).await?;
        Ok(Self { stage, authority })
    }
}
