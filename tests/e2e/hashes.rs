//! Password hashes that cost much, next to logins that need the same threads.

use std::net::Ipv4Addr;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use futures::future::try_join_all;
use portcullis_harness::{Accounts, Answer, Release, Site, Wire, hash};
use serde_json::json;

use crate::support::{SENSOR, SENSOR_TOKEN, Serving, settings, static_users, user};

/// A hash that takes a processor about a second. No password matches it.
const COSTLY: &str =
    "$argon2id$v=19$m=131072,t=8,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Number of clients that keep every thread for hashes busy: more than a machine has processors.
const CLIENTS: usize = 24;

/// Number of other logins meanwhile.
const LOGINS: usize = 3;

/// Tables without a limit on guesses.
const UNLIMITED: &str = "
[identity.throttle]
address-failures = 0
user-failures = 0
";

/// A chain for each kind of login.
const CHAINS: &str = r#"
[policies.chains.passwords]
methods = ["password"]
policies = ["costly"]

[policies.chains.tokens]
methods = ["token"]
policies = ["ordinary"]
"#;

#[tokio::test]
async fn costly_hashes_of_one_policy_leave_room_for_those_of_another() -> Result<()> {
    let policies = [("costly", mallory()), ("ordinary", sensor().await?)];
    let serving = serving(&policies, &format!("{UNLIMITED}{CHAINS}")).await?;
    beside_guesses(&serving, async {
        for number in 0..LOGINS {
            serving
                .log_in(SENSOR, &format!("ordinary-{number}"))
                .await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn costly_hashes_of_one_address_leave_room_for_those_of_another() -> Result<()> {
    let users = format!("{}\n{}", mallory(), sensor().await?);
    let serving = serving(&[("users", users)], UNLIMITED).await?;
    beside_guesses(&serving, async {
        let from = Ipv4Addr::new(127, 0, 0, 2);
        for number in 0..LOGINS {
            let name = format!("other-{number}");
            let login = json!({ "auth_token": SENSOR_TOKEN, "name": name });
            let mut wire = Wire::open_from(from, serving.server.port()).await?;
            assert_eq!(wire.log_in(&login).await?, Answer::Admitted, "{name}");
        }
        Ok(())
    })
    .await
}

/// Returns the settings of a user whose hash is costly.
fn mallory() -> String {
    user("mallory", &format!("password = \"{COSTLY}\""), "own", "")
}

/// Returns the settings of a user whose token has an ordinary hash.
async fn sensor() -> Result<String> {
    let token = format!("token = \"{}\"", hash(SENSOR_TOKEN, &[]).await?);
    Ok(user("sensor", &token, "everything", ""))
}

/// Starts a server and a host with these policies, each with its users, and these tables.
async fn serving(policies: &[(&str, String)], tables: &str) -> Result<Serving> {
    let site = Site::create(Release::Nats2_15)?;
    let module = static_users()?;
    for (name, users) in policies {
        let settings = settings(slice::from_ref(users));
        site.policies.put_policy(name, &module, &settings)?;
    }
    let server = site.start_server(Accounts::Several).await?;
    let config = site.host_config(&server.url(), tables);
    // Far more time than one hash takes, and far less than the hashes of all clients.
    let host =
        site.spawn_host_with(&config.replace("[callout]\n", "[callout]\ndeadline = \"4s\"\n"))?;
    host.ready().await?;
    Ok(Serving { site, server, host })
}

/// Makes the logins while [`CLIENTS`] clients from 127.0.0.1 guess at the costly password.
async fn beside_guesses(serving: &Serving, logins: impl Future<Output = Result<()>>) -> Result<()> {
    let logins = Box::pin(logins);
    let port = serving.server.port();
    let enough = AtomicBool::new(false);
    let guessing = try_join_all((0..CLIENTS).map(|_| async {
        while !enough.load(Ordering::Relaxed) {
            let guess = json!({ "user": "mallory", "pass": "a-guess", "name": "mallory" });
            Wire::open(port).await?.log_in(&guess).await?;
        }
        anyhow::Ok(())
    }));
    let logging_in = async {
        // Every thread has a costly hash once one of the guesses is decided.
        let begun = serving.host.decision("mallory").await.map(drop);
        let logins = match begun {
            Ok(()) => logins.await,
            Err(error) => Err(error),
        };
        enough.store(true, Ordering::Relaxed);
        logins
    };
    let (guesses, logins) = tokio::join!(guessing, logging_in);
    guesses?;
    logins
}
