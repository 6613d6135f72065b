//! The user and the conditions, in the form that each contender needs.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use nkeys::XKey;
use portcullis_harness::{
    Accounts, Built, Credentials, Host, NatsServer, Site, log_in, plain_hashes,
};
use serde_json::json;

use super::conditions::{ACCOUNT, Conditions, PERMISSIONS, USER};
use super::peer::Peer;

/// The log level of hosts. Decisions are not logged: the measuring program would have to read a
/// line for each, on processors that the contenders need.
const LOG_LEVEL: &str = "warn,portcullis=info,portcullis_authority=warn,portcullis_callout=warn,portcullis_connect=warn";

/// The tables of a host that records every login in every place. A flood has more logins in the
/// seconds after a reply than the default of `max-pending` has room for.
pub(super) const RECORDS: &str = "[records]\nmax-pending = \"1GiB\"\n\
     [records.file]\npath = \"records/decisions.jsonl\"\n\
     [records.stream]\nsubject = \"portcullis.decisions\"\n";

/// Creates the stream of a host that records logins.
pub(super) async fn create_stream(server: &NatsServer) -> Result<()> {
    let (user, password) = Site::OBSERVER;
    let credentials = Credentials::Password(user, password);
    let client = log_in(&server.url(), credentials, "stream").await?;
    let config = json!({ "name": "DECISIONS", "subjects": ["portcullis.decisions"] });
    let asked = client.request("$JS.API.STREAM.CREATE.DECISIONS", config.to_string().into());
    let answer = asked.await?.payload;
    let is_made = !String::from_utf8_lossy(&answer).contains("\"error\"");
    ensure!(is_made, "the stream of records cannot be made");
    Ok(())
}

/// Returns the configuration of the server.
pub(super) fn server_config(
    site: &Site,
    peer: Peer,
    conditions: &Conditions,
    xkey: Option<&XKey>,
) -> String {
    let issuer = site.keys.issuer.public_key();
    let accounts = match peer {
        Peer::Nobody => Accounts::NoCallout,
        _ => conditions.accounts,
    };
    let mut config = site.server_config(accounts, &issuer);
    config = config.replace("timeout: 5", &format!("timeout: {}", conditions.timeout));
    if let Some(xkey) = xkey {
        let asks = format!("auth_callout {{ xkey: {},", xkey.public_key());
        config = config.replace("auth_callout {", &asks);
    }
    if peer == Peer::Recording {
        let store = site.path().join("jetstream");
        config = config.replace("AUTH {", "AUTH { jetstream: enabled,");
        config = format!(
            "jetstream {{ store_dir: \"{}\" }}\n{config}",
            store.display()
        );
    }
    if peer == Peer::Nobody {
        let (user, password) = USER;
        let (publish, subscribe) = PERMISSIONS;
        let users = format!(
            "{ACCOUNT} {{ users: [ {{ user: {user}, password: \"{password}\", permissions: {{ \
             publish: {{ allow: {publish:?} }}, subscribe: {{ allow: {subscribe:?} }} }} }} ] }}"
        );
        config = config.replace(&format!("{ACCOUNT} {{}}"), &users);
    }
    config
}

/// Starts our host, with the policy `static-users` and these further tables of its configuration.
pub(super) async fn host(
    site: &Site,
    server: &NatsServer,
    conditions: &Conditions,
    tables: &str,
) -> Result<Host> {
    let (name, token) = USER;
    let (publish, subscribe) = PERMISSIONS;
    let settings = format!(
        "[settings]\ndangerous-plain-text-passwords = true\n\
         [settings.profiles.one]\npublish = {{ allow = {publish:?} }}\nsubscribe = {{ allow = {subscribe:?} }}\n\
         [settings.users.{name}]\ntoken = \"plain:{token}\"\naccount = \"{ACCOUNT}\"\nprofile = \"one\"\n"
    );
    let module = Built::policy("static-users")?;
    site.policies.put_policy("users", &module, &settings)?;
    let callout = &conditions.callout;
    let xkey = if conditions.encrypts {
        "xkey-seed-file = \"keys/curve.nk\"\n"
    } else {
        ""
    };
    let config = site.host_config(&server.url(), &plain_hashes(&["users"]));
    let config = config.replace("[callout]\n", &format!("[callout]\n{xkey}{callout}\n"));
    let config = site.write_config("measured.toml", &format!("{config}{tables}"))?;
    let host = Host::spawn(&config, &["--log-level", LOG_LEVEL])?;
    host.ready().await.context("our host")?;
    Ok(host)
}

/// Writes the user's file for the reference callout, and returns the path.
pub(super) fn write_users(site: &Site) -> Result<PathBuf> {
    let (name, token) = USER;
    let (publish, subscribe) = PERMISSIONS;
    let user = json!({
        "token": token, "account": ACCOUNT, "publish": publish, "subscribe": subscribe,
    });
    site.write_config("users.json", &json!({ name: user }).to_string())
}
