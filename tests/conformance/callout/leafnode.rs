//! Leafnodes, which log in with the credentials in the address of their remote.

use anyhow::{Context, Result, ensure};
use async_nats::Client;
use futures::StreamExt;
use portcullis_harness::{
    Credentials, Joined, Leafnode, Operator, Release, Remote, Resolver, Site, log_in,
};
use tokio::time::{Duration, timeout};

use crate::rules::Rule;
use crate::stage::{Config, Extra, Stage, user_info};

/// The server's listener for leafnodes.
const LISTEN: &str = "leafnodes { listen: \"127.0.0.1:-1\" }";
/// The time after which a message counts as lost: longer than any message takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Verifies logins with the credentials that all leafnodes share, and a token or a password.
pub(super) async fn operator_mode(release: Release) -> Result<()> {
    let mut operator = Operator::new(&["A"])?;
    operator.allow_accounts(&["*".to_owned()]);
    let extra = Extra {
        server: LISTEN,
        ..Extra::default()
    };
    let site = Site::create(release)?;
    let stage = Stage::operator_at(site, &operator, Resolver::Memory, &rules(), extra).await?;
    let shared = operator.sentinel.credentials()?;
    let responder = stage.log_in_behind(&shared, "token", "responder").await?;
    leafnodes(&stage, responder, Some(&shared)).await
}

/// Verifies logins with a token or a password.
pub(super) async fn config_mode(release: Release) -> Result<()> {
    let config = Config {
        accounts: "  A: {}",
        targets: &["A"],
        top: LISTEN,
        ..Config::GLOBAL
    };
    let stage = Stage::config(release, config, &rules()).await?;
    let responder = stage
        .log_in(Credentials::Token("token"), "responder")
        .await?;
    leafnodes(&stage, responder, None).await
}

fn rules() -> [Rule; 2] {
    [Rule::password("leaf", "pwd"), Rule::token("token")]
        .map(|rule| rule.permits("A").named("user_a").everything())
}

/// Logs in leafnodes with valid and invalid tokens and passwords. A client of a valid leafnode gets
/// an answer from `responder`.
async fn leafnodes(stage: &Stage, responder: Client, shared: Option<&str>) -> Result<()> {
    answer(responder).await?;
    let port = stage.server.leafnode_port()?;
    for (name, user, is_good) in [
        ("bad-token", "tokenx", false),
        ("bad-password", "leaf:pwdx", false),
        ("token", "token", true),
        ("password", "leaf:pwd", true),
    ] {
        let remote = Remote {
            user,
            credentials: shared,
            ..Remote::default()
        };
        let leafnode = Leafnode::start(&stage.site, name, port, remote).await?;
        let joined = leafnode.joins("foo").await?;
        let decision = stage.host.decision(name).await?;
        ensure!(
            decision.text("client.kind") == "Leafnode",
            "another kind: {decision:?}"
        );
        if !is_good {
            ensure!(joined.is_refused_without_reason(), "{name}: {joined:?}");
            continue;
        }
        ensure!(joined == Joined::Hears, "{name}: {joined:?}: {decision:?}");
        let client = log_in(&leafnode.url(), Credentials::None, name).await?;
        let answer = timeout(PATIENCE, client.request("foo", "hello".into())).await;
        let answer = answer.context("no answer through the leafnode")??;
        ensure!(answer.payload == "here", "{name}: {answer:?}");
    }
    Ok(())
}

/// Replies to requests on `foo`, once the server has the subscription.
async fn answer(client: Client) -> Result<()> {
    let mut requests = client.subscribe("foo").await?;
    user_info(&client).await?;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                // If the reply is lost, the requester fails.
                let _ = client.publish(reply, "here".into()).await;
            }
        }
    });
    Ok(())
}
