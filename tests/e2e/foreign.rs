//! Requests that a user of the callout account signs with a server key of its own: the host must
//! not answer them.

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions, HeaderMap};
use futures::{FutureExt, StreamExt};
use portcullis_harness::{
    Accounts, CALLOUT, Credentials, Host, NatsServer, Operator, Release, RequestSigner, Resolver,
    Site, log_in, server_inbox,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{SENSOR_TOKEN, sensor_site};

/// The subject that the insider's stream stores.
const KEPT: &str = "hands.request";

/// The way in which the insider's request reaches the callout subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A consumer with `deliver_subject`.
    Push,
    /// A pull request with the callout subject as its reply subject.
    Pull,
    /// A stream that republishes to the callout subject.
    Republish,
    /// A direct read of the stream with the callout subject as its reply subject.
    DirectGet,
}

impl Way {
    /// Returns the host's reason for refusing requests of this kind.
    const fn refusal(self) -> &'static str {
        match self {
            Self::Push | Self::Pull => "foreign",
            Self::Republish | Self::DirectGet => "no-reply-subject",
        }
    }
}

/// A server whose callout account has streams, a host, and a user of that account.
struct Stage {
    host: Host,
    insider: Client,
    /// The signer of requests that the host would take for a server's.
    signer: RequestSigner,
    _server: NatsServer,
    _site: Site,
}

impl Stage {
    async fn config_mode(release: Release) -> Result<Self> {
        let site = sensor_site(release).await?;
        let server = site.start_server(Accounts::Buckets).await?;
        let host = site.start_host(&server).await?;
        let (user, password) = Site::OBSERVER;
        let insider = Credentials::Password(user, password);
        Ok(Self {
            host,
            insider: log_in(&server.url(), insider, "insider").await?,
            signer: RequestSigner::new(&site.keys.issuer.public_key()),
            _server: server,
            _site: site,
        })
    }

    async fn operator_mode(release: Release) -> Result<Self> {
        let site = sensor_site(release).await?;
        let mut operator = Operator::new(&["APP"])?;
        operator.callout.use_jetstream();
        operator.write(site.path())?;
        let store = site.path().join("jetstream");
        let streams = format!("jetstream {{ store_dir: \"{}\" }}\n", store.display());
        let config = operator.server_config(Resolver::Memory, site.path(), &streams)?;
        let server = site.start_server_with(&config).await?;
        let host = site.spawn_host_with(&operator.host_config(&server.url(), ""))?;
        host.ready().await?;
        // The insider uses the service's credentials, because other users cannot bypass the
        // callout.
        let insider = ConnectOptions::with_credentials(&operator.service.credentials()?)?;
        Ok(Self {
            host,
            insider: insider.connect(server.url()).await?,
            signer: RequestSigner::new(&operator.callout.public_key()),
            _server: server,
            _site: site,
        })
    }

    fn request(&self) -> Result<String> {
        self.signer.sign(&self.signer.claims(SENSOR_TOKEN))
    }

    async fn api(&self, call: &str, body: Value) -> Result<()> {
        let subject = format!("$JS.API.{call}");
        let answer = self.insider.request(subject, body.to_string().into());
        let answer: Value = serde_json::from_slice(&answer.await?.payload)?;
        ensure!(answer.get("error").is_none(), "{call}: {answer}");
        Ok(())
    }

    /// Delivers a valid request on the callout subject, signed by a key of the insider's own.
    async fn deliver(&self, way: Way) -> Result<()> {
        let republish = json!({ "src": KEPT, "dest": CALLOUT });
        let stream = json!({
            "name": "HANDS", "subjects": ["hands.>"], "storage": "memory", "allow_direct": true,
            "republish": (way == Way::Republish).then_some(republish),
        });
        self.api("STREAM.CREATE.HANDS", stream).await?;
        let consumer = match way {
            Way::Push => json!({
                "durable_name": "hand", "ack_policy": "explicit", "deliver_subject": CALLOUT, "deliver_group": "q",
            }),
            _ => json!({ "durable_name": "hand", "ack_policy": "explicit" }),
        };
        if matches!(way, Way::Push | Way::Pull) {
            let consumer = json!({ "stream_name": "HANDS", "config": consumer });
            let call = "CONSUMER.DURABLE.CREATE.HANDS.hand";
            self.api(call, consumer).await?;
        }
        self.insider.request(KEPT, self.request()?.into()).await?;
        let asked = match way {
            Way::Push | Way::Republish => return Ok(()),
            Way::Pull => ("CONSUMER.MSG.NEXT.HANDS.hand", json!({ "batch": 1 })),
            Way::DirectGet => ("DIRECT.GET.HANDS", json!({ "last_by_subj": KEPT })),
        };
        let (call, body) = asked;
        let subject = format!("$JS.API.{call}");
        let body = body.to_string().into();
        self.insider
            .publish_with_reply(subject, CALLOUT, body)
            .await?;
        Ok(self.insider.flush().await?)
    }
}

#[rstest]
#[case::push(Way::Push)]
#[case::pull(Way::Pull)]
#[case::republish(Way::Republish)]
#[case::direct_get(Way::DirectGet)]
#[tokio::test]
async fn what_a_stream_delivers_is_not_decided(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(false, true)] operator_mode: bool,
    #[case] way: Way,
) -> Result<()> {
    let stage = if operator_mode {
        Stage::operator_mode(release).await?
    } else {
        Stage::config_mode(release).await?
    };
    // The insider subscribes to every subject that a reply could use.
    let mut replies = stage.insider.subscribe("$JS.ACK.>").await?;
    let mut inboxes = stage.insider.subscribe("_INBOX.>").await?;
    stage.insider.flush().await?;
    let mark = stage.host.log().len();

    stage.deliver(way).await?;

    let refused = |event: &portcullis_harness::Event| event.says("request refused");
    let refused = stage.host.wait_from(mark, "a refusal", refused).await?;
    assert_eq!(refused.text("refusal.reason"), way.refusal(), "{refused:?}");
    // The server processes a connection in order: a reply would have arrived by now.
    let stats = stage.insider.request("$SRV.STATS.portcullis", "".into());
    let stats: Value = serde_json::from_slice(&stats.await?.payload)?;
    let counted = format!("/endpoints/0/data/refusals.{}", way.refusal());
    let counted = stats.pointer(&counted).and_then(Value::as_u64);
    assert_eq!(counted, Some(1), "{stats}");
    assert!(replies.next().now_or_never().is_none(), "a reply");
    while let Some(Some(message)) = inboxes.next().now_or_never() {
        assert!(!message.payload.starts_with(b"eyJ"), "a response");
    }
    let decided = |event: &portcullis_harness::Event| event.says("authorization decided");
    assert!(!stage.host.log().all().iter().any(decided));
    Ok(())
}

/// Verifies that servers keep users from publishing requests, so that the host does not have to.
#[rstest]
#[tokio::test]
async fn a_user_of_the_callout_account_cannot_ask_itself(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[values(false, true)] operator_mode: bool,
) -> Result<()> {
    let stage = if operator_mode {
        Stage::operator_mode(release).await?
    } else {
        Stage::config_mode(release).await?
    };
    let reply = server_inbox(&stage.insider);
    let mut answers = stage.insider.subscribe(reply.clone()).await?;
    let mark = stage.host.log().len();
    for subject in [CALLOUT.to_owned(), format!("_GR_.abcdef.ghijkl.{CALLOUT}")] {
        let (reply, request) = (reply.clone(), stage.request()?);
        stage
            .insider
            .publish_with_reply_and_headers(subject, reply, HeaderMap::new(), request.into())
            .await?;
    }
    let info = stage
        .insider
        .request("$SYS.REQ.USER.INFO", "".into())
        .await?;
    let info: Value = serde_json::from_slice(&info.payload)?;
    let denied = info.pointer("/data/permissions/publish/deny");
    let denied = denied.context("nothing is denied")?.to_string();
    assert!(denied.contains(CALLOUT), "{info}");
    // A message that got through would arrive before this one.
    let ping = stage.insider.request("$SRV.PING.portcullis", "".into());
    ping.await?;
    assert!(answers.next().now_or_never().is_none(), "an answer");
    let all = stage.host.log().all();
    let heard = |event: &&portcullis_harness::Event| {
        event.says("request refused") || event.says("authorization decided")
    };
    assert_eq!(all.iter().skip(mark).filter(heard).count(), 0);
    Ok(())
}
