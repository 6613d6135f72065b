//! Password hashes that cost much, next to logins that need the same threads.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use futures::future::try_join_all;
use portcullis_harness::{Accounts, Release, Site, Wire, hash};
use serde_json::json;

use crate::support::{SENSOR, SENSOR_TOKEN, Serving, settings, static_users, user};

/// A hash that takes a processor about a second. No password matches it.
const COSTLY: &str =
    "$argon2id$v=19$m=131072,t=8,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Number of clients that keep every thread for hashes busy: more than a machine has processors.
const CLIENTS: usize = 24;

/// Tables without a limit on guesses, and with a chain for each kind of login.
const CONFIG: &str = r#"
[identity.throttle]
address-failures = 0
user-failures = 0

[policies.chains.passwords]
methods = ["password"]
policies = ["costly"]

[policies.chains.tokens]
methods = ["token"]
policies = ["ordinary"]
"#;

#[tokio::test]
async fn costly_hashes_of_one_policy_leave_room_for_those_of_another() -> Result<()> {
    let site = Site::create(Release::Nats2_15)?;
    let module = static_users()?;
    let mallory = user("mallory", &format!("password = \"{COSTLY}\""), "own", "");
    site.policies
        .put_policy("costly", &module, &settings(&[mallory]))?;
    let token = format!("token = \"{}\"", hash(SENSOR_TOKEN, &[]).await?);
    let sensor = user("sensor", &token, "everything", "");
    site.policies
        .put_policy("ordinary", &module, &settings(&[sensor]))?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site.host_config(&server.url(), CONFIG);
    // Far more time than one hash takes, and far less than the hashes of all clients.
    let host =
        site.spawn_host_with(&config.replace("[callout]\n", "[callout]\ndeadline = \"4s\"\n"))?;
    host.ready().await?;
    let serving = Serving { site, server, host };
    let port = serving.server.port();

    let enough = AtomicBool::new(false);
    let guessing = try_join_all((0..CLIENTS).map(|_| async {
        while !enough.load(Ordering::Relaxed) {
            let guess = json!({ "user": "mallory", "pass": "a-guess", "name": "mallory" });
            Wire::open(port).await?.log_in(&guess).await?;
        }
        anyhow::Ok(())
    }));
    let log_in = async {
        // Every thread has a costly hash once one of the guesses is decided.
        serving.host.decision("mallory").await?;
        for number in 0..5 {
            serving
                .log_in(SENSOR, &format!("ordinary-{number}"))
                .await?;
        }
        anyhow::Ok(())
    };
    let logging_in = async {
        let logins = log_in.await;
        enough.store(true, Ordering::Relaxed);
        logins
    };
    let (guesses, logins) = tokio::join!(guessing, logging_in);
    guesses?;
    logins?;
    Ok(())
}
