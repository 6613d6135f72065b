//! A server, and the hosts of one shape that answer there.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use portcullis_bench::{Flood, Issuer, Questions};
use portcullis_harness::{Accounts, Built, Event, Host, NatsServer, Release, Site, plain_hashes};

use crate::shape::{Policy, Shape};

/// The log level of the hosts. Decisions are not logged: this program would have to read a line for
/// each, on processors that the hosts need.
const LOG_LEVEL: &str = "warn,portcullis=info,portcullis_catalog=info,portcullis_authority=warn,portcullis_callout=warn,portcullis_connect=warn";
/// The name of the policy that decides.
const DECIDES: &str = "decides";
/// The log message about a policy that the host rejects.
const REJECTED: &str = "policy rejected";
/// The variable with the number of tokio's worker threads.
const THREADS: &str = "TOKIO_WORKER_THREADS";

/// A server, the hosts that answer there, and a connection that sends requests. Dropping it ends
/// all of them.
pub(crate) struct Place {
    flood: Flood,
    _hosts: Vec<Host>,
    _server: NatsServer,
    _site: Site,
}

impl Place {
    /// Starts the server and the hosts, and waits until the hosts decide logins.
    pub(crate) async fn start(shape: &Shape) -> Result<Self> {
        let site = Site::create(Release::Nats2_15)?;
        let issuer = Issuer::generate()?;
        site.write_config("keys.json", &issuer.keys())?;
        let module = Built::policy(shape.policy.name())?;
        let settings = shape.policy.settings();
        site.policies.put_policy(DECIDES, &module, &settings)?;
        put_others(&site, shape.policies)?;
        let server = site.start_server(Accounts::NoCallout).await?;
        let (mut hosts, mut answering) = (Vec::new(), Vec::new());
        for number in 0..shape.hosts {
            let config = write_config(&site, &server, shape, number)?;
            let threads = shape.threads.map(|number| (THREADS, number.to_string()));
            let environment: Vec<_> = threads.into_iter().collect();
            let host = Host::spawn_in(&config, &["--log-level", LOG_LEVEL], &environment)?;
            let begun = |event: &Event| event.says("ready") || event.says(REJECTED);
            let event = host.wait_for("the host to be ready", begun).await?;
            ensure!(!event.says(REJECTED), "{REJECTED}: {}", event.text("error"));
            answering.push(host.id()?);
            hosts.push(host);
        }
        let presented = shape.policy.presented(&issuer)?;
        let questions = Questions::new(&site.keys.issuer.public_key(), None, presented)?;
        Ok(Self {
            flood: Flood::open(&server, answering, questions).await?,
            _hosts: hosts,
            _server: server,
            _site: site,
        })
    }

    /// Returns the connection that sends requests.
    pub(crate) const fn flood(&mut self) -> &mut Flood {
        &mut self.flood
    }
}

/// Writes the other policies, so that the directory has `policies` with the one that decides. They
/// are one policy under different names. With the code cache it is compiled once, but each name has
/// its own code in memory.
fn put_others(site: &Site, policies: usize) -> Result<()> {
    let (module, settings) = (Built::policy("static-users")?, Policy::Users(10).settings());
    for number in 1..policies {
        site.policies
            .put_policy(&other(number), &module, &settings)?;
    }
    Ok(())
}

fn other(number: usize) -> String {
    format!("other-{number}")
}

/// Writes the configuration of one host: a state directory of its own, a chain for each of the
/// other policies, and memory to load 100,000 roles.
fn write_config(site: &Site, server: &NatsServer, shape: &Shape, number: usize) -> Result<PathBuf> {
    let chain = |other: String| {
        format!(
            "[policies.chains.{other}]\nissuers = [\"https://{other}.example.com\"]\npolicies = [\"{other}\"]\n"
        )
    };
    let chains: String = (1..shape.policies).map(other).map(chain).collect();
    let mut names: Vec<_> = (1..shape.policies).map(other).collect();
    names.push(DECIDES.to_owned());
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let grants = plain_hashes(&names);
    let policies = format!(
        "state-directory = \"state-{number}\"\ncode-cache = true\nload-memory = \"2GiB\"\n{chains}{grants}\
         [identity.issuers.company]\nissuer = \"{}\"\naudiences = [\"{}\"]\njwks-file = \"keys.json\"\n",
        Issuer::NAME,
        Issuer::AUDIENCE
    );
    let connections = format!("connections = {}\n\n[callout]", shape.connections);
    let config = site.host_config(&server.url(), &policies);
    let config = config.replace("[callout]", &connections);
    site.write_config(&format!("measured-{number}.toml"), &config)
}
