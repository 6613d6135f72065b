//! Servers whose requests reach a host at another server: over a route, a gateway and a leafnode.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use portcullis_harness::{Accounts, Answer, NatsServer, Release, Site, Wire};
use rstest::rstest;
use serde_json::json;

use crate::support::{SENSOR_TOKEN, sensor_site};

/// The time after which propagation counts as failed: longer than a server needs to learn of the
/// host.
const PATIENCE: Duration = Duration::from_mins(1);

/// The connection between the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    Route,
    Gateway,
    /// A leafnode connection: the host's server is a leafnode of the asking server.
    Leafnode,
}

impl Joint {
    /// Returns the settings of the asking server.
    const fn asking(self) -> &'static str {
        match self {
            Self::Route => "cluster { name: one, listen: \"127.0.0.1:-1\" }\n",
            Self::Gateway => {
                "cluster { name: asks, listen: \"127.0.0.1:-1\" }\n\
                 gateway { name: asks, listen: \"127.0.0.1:-1\" }\n"
            }
            Self::Leafnode => "leafnodes { listen: \"127.0.0.1:-1\" }\n",
        }
    }

    /// Returns the settings of the host's server.
    async fn answering(self, asking: &NatsServer) -> Result<String> {
        let (observer, password) = Site::OBSERVER;
        Ok(match self {
            Self::Route => format!(
                "cluster {{ name: one, listen: \"127.0.0.1:-1\", routes: [ \"nats://127.0.0.1:{}\" ] }}\n",
                asking.port_for("route connections").await?
            ),
            Self::Gateway => format!(
                "cluster {{ name: answers, listen: \"127.0.0.1:-1\" }}\n\
                 gateway {{ name: answers, listen: \"127.0.0.1:-1\", gateways: [ {{ name: asks, url: \"nats://127.0.0.1:{}\" }} ] }}\n",
                asking.port_for("gateways connections").await?
            ),
            Self::Leafnode => format!(
                "leafnodes {{ remotes: [ {{ url: \"nats://{observer}:{password}@127.0.0.1:{}\", account: AUTH }} ] }}\n",
                asking.leafnode_port()?
            ),
        })
    }
}

#[rstest]
#[case::route(Joint::Route)]
#[case::gateway(Joint::Gateway)]
#[case::leafnode(Joint::Leafnode)]
#[tokio::test]
async fn a_server_far_from_the_host_has_its_logins_decided(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[case] joint: Joint,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let asking = site
        .start_server_named("asks", Accounts::Several, joint.asking())
        .await?;
    let joined = joint.answering(&asking).await?;
    let answering = site
        .start_server_named("answers", Accounts::Several, &joined)
        .await?;
    let host = site.start_host(&answering).await?;

    let name = logs_in(&asking).await?;

    let decision = host.decision(&name).await?;
    assert_eq!(decision.text("server.name"), "asks", "{decision:?}");
    assert_eq!(decision.text("reply"), "sent", "{decision:?}");
    assert!(decision.text("server.id").starts_with('N'), "{decision:?}");
    let refused = host
        .log()
        .all()
        .iter()
        .any(|event| event.says("request refused"));
    assert!(!refused, "a request was refused");
    Ok(())
}

/// Logs in as soon as the server has learned of the host. Returns the name of the connection.
async fn logs_in(server: &NatsServer) -> Result<String> {
    let began = Instant::now();
    let mut number = 0;
    loop {
        number += 1;
        let name = format!("sensor-{number}");
        // Without an answer, the server sends a PING after two seconds, which client libraries take
        // for an accepted login.
        let presented = json!({ "auth_token": SENSOR_TOKEN, "name": name });
        let mut wire = Wire::open(server.port()).await?;
        if wire.log_in(&presented).await? == Answer::Admitted {
            return Ok(name);
        }
        ensure!(began.elapsed() < PATIENCE, "no login is let in");
    }
}
