//! Gathering evidence: files, servers, probe logins, other hosts.

mod address;
mod certificates;
mod connections;
mod disk;
mod health;
mod issuers;
mod line;
mod listener;
mod locks;
mod machine;
mod names;
mod policy_settings;
mod probe;
mod records;
mod rejections;
mod samples;
mod servers;
mod settings;
mod system;

use std::path::Path;

use portcullis_callout::find_services;
use portcullis_config::{Config, Secrets};
use portcullis_connect::Connection;
use portcullis_environment::{Clock as _, SystemClock};

use super::arguments::DoctorArguments;
use super::evidence::{Evidence, Greeting, Server};
use super::server_conf;
use crate::check::{check_policies, run_check};
use crate::prove::child_prover;
use listener::Listener;

/// Gathers everything that the arguments lead to. A failure is evidence too.
pub(crate) async fn gather(arguments: &DoctorArguments) -> Evidence {
    let file = &arguments.config;
    let problems = check(file).await;
    let server_conf = arguments.server_conf.as_deref().map(server_conf::read);
    let mut evidence = Evidence {
        now: SystemClock.unix_seconds(),
        file: file.clone(),
        problems,
        settings: None,
        credentials: Vec::new(),
        certificates: Vec::new(),
        machine: None,
        issuers: Vec::new(),
        health: None,
        state: None,
        records: None,
        locks: None,
        names: Vec::new(),
        rejected: None,
        servers: Vec::new(),
        connections: Vec::new(),
        services: Err("the configuration is invalid".to_owned()),
        server_conf,
        system: None,
    };
    let Ok(config) = Config::load(file) else {
        return evidence;
    };
    let config = config.value;
    let secrets = config.resolve_secrets().ok().map(|secrets| secrets.value);
    evidence.settings = Some(settings::settings(&config, secrets.as_ref()));
    evidence.credentials = settings::credentials(&config, arguments.creds.as_deref());
    evidence.state = Some(disk::try_state_directory(&config.policies));
    evidence.machine = Some(machine::run_policies(&config).await);
    evidence.issuers = issuers::fetch(&config).await;
    evidence.health = Some(health::ask(&config).await);
    evidence.certificates = certificates::of_files(&config);
    evidence.names = names::accounts(&config);
    evidence.rejected = rejections::read(&config, evidence.now);
    gather_from_servers(&mut evidence, &config, secrets.as_ref(), arguments).await;
    evidence.connections = connections::examine(&config).await;
    evidence.records = Some(records::try_places(&config).await);
    evidence.locks = locks::read(&config).await;
    if let Some(creds) = &arguments.creds {
        let targets = evidence.settings.as_ref().map(|it| it.targets.as_slice());
        evidence.system = Some(system::ask(&config, creds, targets.unwrap_or_default()).await);
    }
    evidence
}

/// Returns the problems that `portcullis check` finds.
async fn check(file: &Path) -> Vec<portcullis_toml::Problem> {
    let file = file.to_owned();
    let checked = tokio::task::spawn_blocking(move || {
        run_check(&file, |file, tables| {
            check_policies(file, tables, &child_prover())
        })
    });
    // The check is cancelled only if the runtime shuts down.
    checked.await.map(|it| it.problems).unwrap_or_default()
}

async fn gather_from_servers(
    evidence: &mut Evidence,
    config: &Config,
    secrets: Option<&Secrets>,
    arguments: &DoctorArguments,
) {
    let mut connections = Vec::new();
    for address in &config.nats.servers {
        let (server, connection) = servers::examine(config, address).await;
        let tls_first = match &server.greeting {
            Greeting::TlsFirst => Some(true),
            Greeting::Info(info) => info.tls_required.then_some(false),
            Greeting::Silent | Greeting::Failed(_) => None,
        };
        if let Some(tls_first) = tls_first {
            let shown = certificates::of_server(config, address, tls_first).await;
            evidence.certificates.extend(shown);
        }
        evidence.servers.push(server);
        connections.push(connection);
    }
    let mut listener = Listener::start(config, secrets, &connections).await;
    let servers = &mut evidence.servers;
    probe::probe_all(config, &mut listener, servers).await;
    if let Some(credential) = &arguments.bypass {
        probe::try_bypass(config, credential, &mut listener, servers).await;
    }
    drop(listener);
    evidence.services = services(&connections, &evidence.servers).await;
}

/// Returns the services of the callout account that answer logins.
async fn services(
    connections: &[Option<Connection>],
    servers: &[Server],
) -> Result<Vec<portcullis_callout::FoundService>, String> {
    let made = connections.iter().zip(servers);
    let mut made = made.filter_map(|(connection, server)| Some((connection.as_ref()?, server)));
    let Some((connection, server)) = made.next() else {
        return Err("no connection to a server was made".to_owned());
    };
    let found = find_services(connection.client()).await;
    found.ok_or_else(|| {
        format!(
            "no service answers `$SRV.INFO` at `{}`: the host's user may lack the permission to ask",
            server.address
        )
    })
}
