//! A server, and a directory of policies for a host.

use anyhow::Result;
use portcullis_harness::{
    Accounts, Built, Host, NatsServer, Release, Site, plain_hashes, wasm_with_note,
};

/// A server, and a directory of policies. Dropping it removes both.
pub(crate) struct Place {
    site: Site,
    pub(crate) server: NatsServer,
    policies: u32,
    cached: bool,
}

impl Place {
    /// Creates `policies` policies with different bytes and settings. The host keeps compiled code
    /// if `cached`.
    pub(crate) async fn create(policies: u32, cached: bool) -> Result<Self> {
        let site = Site::create(Release::Nats2_15)?;
        let module = Built::policy("static-users")?;
        for number in 0..policies {
            let module = wasm_with_note(&module, &number.to_string());
            let settings = settings(number);
            site.policies
                .put_policy(&name(number), &module, &settings)?;
        }
        let server = site.start_server(Accounts::Several).await?;
        Ok(Self {
            site,
            server,
            policies,
            cached,
        })
    }

    /// Starts a host, and waits until it decides logins.
    pub(crate) async fn start(&self) -> Result<Host> {
        let names: Vec<_> = (0..self.policies).map(name).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let more = format!("code-cache = {}\n{}", self.cached, plain_hashes(&names));
        let config = self.site.host_config(&self.server.url(), &more);
        let config = self.site.write_config("measured.toml", &config)?;
        let levels = [
            "--log-level",
            "warn,portcullis=info,portcullis_authority=warn,portcullis_callout=warn,portcullis_connect=warn",
        ];
        let host = Host::spawn(&config, &levels)?;
        host.ready().await?;
        Ok(host)
    }

    /// Returns a token that the last policy knows, after all other policies have abstained.
    pub(crate) fn token(&self) -> String {
        token(self.policies.saturating_sub(1))
    }
}

fn name(number: u32) -> String {
    format!("p{number:03}")
}

fn token(number: u32) -> String {
    format!("4f1d3b7a9c2e5f60-{number:03}")
}

/// Returns settings with a plain-text token, so that no password hash is part of a decision.
fn settings(number: u32) -> String {
    let token = token(number);
    format!(
        "[settings]\ndangerous-plain-text-passwords = true\n\
         [settings.profiles.one]\npublish = {{ allow = [\"orders.{number}.>\"] }}\n\
         [settings.users.measured]\ntoken = \"plain:{token}\"\naccount = \"APP\"\nprofile = \"one\"\n"
    )
}
