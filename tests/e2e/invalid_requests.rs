//! Invalid requests: with the wrong encryption, damaged, for a different service, or by a different
//! server. Also covers invalid answers.
//!
//! A test publishes requests that no server would send by hand, at a server without callout.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use async_nats::{Client, HeaderMap};
use nkeys::{KeyPair, XKey};
use portcullis_harness::{
    Accounts, Built, Credentials, Event, Host, Keys, NatsServer, Release, RequestSigner, Site,
    Wire, ask_as_server, log_in, set, unix_now,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{SENSOR_TOKEN, sensor_site};

/// The setting of a host with an xkey.
const WITH_XKEY: &str = "xkey-seed-file = \"keys/curve.nk\"";
/// The setting of a host without an xkey.
const WITHOUT_XKEY: &str = "";

/// Creates a site whose policy knows the sensor. Returns the curve key too, which is written next
/// to the other keys.
async fn site(release: Release) -> Result<(Site, XKey)> {
    let site = sensor_site(release).await?;
    let curve = XKey::new();
    std::fs::write(site.path().join("keys/curve.nk"), curve.seed()?)?;
    Ok((site, curve))
}

async fn start_host(site: &Site, server: &NatsServer, callout: &str) -> Result<Host> {
    let config = site.host_config(&server.url(), "");
    let config = config.replace("[callout]\n", &format!("[callout]\n{callout}\n"));
    let host = site.spawn_host_with(&config)?;
    host.ready().await?;
    Ok(host)
}

/// A server without callout, a host, and a client that sends requests in the server's place.
struct ByHand {
    host: Host,
    client: Client,
    signer: RequestSigner,
    curve: XKey,
    _server: NatsServer,
    _site: Site,
}

impl ByHand {
    async fn start(release: Release, callout: &str) -> Result<Self> {
        let (site, curve) = site(release).await?;
        let server = site.start_server(Accounts::NoCallout).await?;
        let host = start_host(&site, &server, callout).await?;
        let (user, password) = Site::OBSERVER;
        let credentials = Credentials::Password(user, password);
        Ok(Self {
            host,
            client: log_in(&server.url(), credentials, "by-hand").await?,
            signer: RequestSigner::new(&site.keys.issuer.public_key()),
            curve,
            _server: server,
            _site: site,
        })
    }

    fn claims(&self) -> Value {
        self.signer.claims(SENSOR_TOKEN)
    }

    /// Sends `payload` as a request. Returns whether the answer has a body.
    async fn ask(&self, headers: HeaderMap, payload: Vec<u8>) -> Result<bool> {
        let answer = ask_as_server(&self.client, headers, payload);
        Ok(!answer.await?.payload.is_empty())
    }

    /// Sends claims that are wrong in one place. Verifies that the host refuses them, counts that
    /// as `kind`, and logs `why`, the client and the server.
    async fn refuses(&self, claims: &Value, kind: &str, why: &str) -> Result<()> {
        let token = self.signer.sign(claims)?;
        let refused = self
            .refuses_payload(HeaderMap::new(), token.into_bytes(), kind, why)
            .await?;
        let client = claims.pointer("/nats/client_info/host");
        let client = client.and_then(Value::as_str);
        // The server is the one that signed, also if the request names a different one.
        let server = self.signer.server_key();
        assert_eq!(refused.text("server.id"), server, "{refused:?}");
        assert_eq!(Some(refused.text("client.host")), client, "{refused:?}");
        Ok(())
    }

    async fn refuses_payload(
        &self,
        headers: HeaderMap,
        payload: Vec<u8>,
        kind: &str,
        why: &str,
    ) -> Result<Event> {
        let before = self.counted(kind).await?;
        assert!(!self.ask(headers, payload).await?, "{kind} was answered");
        // The log has one line for all refusals with the same error.
        let refused = |event: &Event| {
            event.says("request refused")
                && event.text("refusal.reason") == kind
                && event.text("error").contains(why)
        };
        let refused = self.host.wait_for("a refusal", refused).await?;
        assert_eq!(self.counted(kind).await?, before + 1, "{kind}");
        Ok(refused)
    }

    /// Returns the number of requests that the host has refused as `kind`, by its own count.
    async fn counted(&self, kind: &str) -> Result<u64> {
        let stats = self.client.request("$SRV.STATS.portcullis", "".into());
        let stats: Value = serde_json::from_slice(&stats.await?.payload)?;
        let count = stats.pointer(&format!("/endpoints/0/data/refusals.{kind}"));
        Ok(count.and_then(Value::as_u64).unwrap_or(0))
    }
}

/// Covers a server and a host that disagree about encryption.
#[rstest]
#[case::server_encrypts(
    true,
    WITHOUT_XKEY,
    "the request is encrypted and this host has no xkey"
)]
#[case::host_demands_it(
    false,
    WITH_XKEY,
    "the request is not encrypted and this host demands it"
)]
#[tokio::test]
async fn a_mismatch_of_encryption_admits_no_client_and_is_logged(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
    #[case] encrypts: bool,
    #[case] callout: &str,
    #[case] why: &str,
) -> Result<()> {
    let (site, curve) = site(release).await?;
    let xkey = encrypts.then(|| curve.public_key());
    let server = site.start_encrypting_server(xkey.as_deref()).await?;
    let host = start_host(&site, &server, callout).await?;

    let mut wire = Wire::open(server.port()).await?;
    let answer = wire.log_in(&json!({ "auth_token": SENSOR_TOKEN })).await?;

    assert!(answer.is_refused_without_reason(), "{answer:?}");
    let refused = host
        .wait_for("a refusal", |event| event.says("request refused"))
        .await?;
    assert!(refused.text("error").contains(why), "{refused:?}");
    Ok(())
}

/// Covers a denial without a reply: the client is refused after the server's timeout.
#[rstest]
#[tokio::test]
async fn a_dropped_denial_leaves_the_client_to_the_servers_timeout(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let (site, _) = site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    let host = start_host(&site, &server, "deny = { default = \"drop\" }").await?;

    let mut wire = Wire::open(server.port()).await?;
    let began = Instant::now();
    let answer = wire
        .log_in(&json!({ "auth_token": "wrong", "name": "wrong" }))
        .await?;
    let took = began.elapsed();

    assert!(answer.is_refused_without_reason(), "{answer:?}");
    assert!(took > Duration::from_secs(4), "after {took:?}");
    let decision = host.decision("wrong").await?;
    assert_eq!(decision.text("reply"), "dropped", "{decision:?}");
    // The host answers other logins in the meantime.
    let mut wire = Wire::open(server.port()).await?;
    let answer = wire.log_in(&json!({ "auth_token": SENSOR_TOKEN })).await?;
    assert_eq!(answer, portcullis_harness::Answer::Admitted);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_permit_that_no_server_would_take_is_a_denial(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    let module = Built::guest("permits_nonsense")?;
    site.policies.put_module("nonsense", &module)?;
    let server = site.start_server(Accounts::Several).await?;
    let host = start_host(&site, &server, "").await?;

    let mut wire = Wire::open(server.port()).await?;
    let answer = wire.log_in(&json!({ "name": "anybody" })).await?;

    assert!(answer.is_refused_without_reason(), "{answer:?}");
    let decision = host.decision("anybody").await?;
    assert_eq!(decision.text("denial.class"), "invalid-permit");
    assert_eq!(decision.text("denial.blame"), "guest");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn requests_that_no_server_would_send_are_refused(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let asker = ByHand::start(release, "").await?;
    let good = asker.signer.sign(&asker.claims())?.into_bytes();
    assert!(asker.ask(HeaderMap::new(), good.clone()).await?);

    let refuses =
        |payload: Vec<u8>, kind, why| asker.refuses_payload(HeaderMap::new(), payload, kind, why);
    refuses(good, "replayed", "seen before").await?;
    refuses(Vec::new(), "empty", "").await?;
    refuses(b"\r\n".to_vec(), "malformed", "").await?;
    refuses(b"bad".to_vec(), "malformed", "").await?;

    let changed = |pointer: &str, value: Value| {
        let mut claims = asker.claims();
        set(&mut claims, pointer, value).map(|()| claims)
    };
    let audience = changed("/aud", json!("somebody else"))?;
    asker.refuses(&audience, "audience", "audience").await?;
    let stranger = Keys::generate().issuer.public_key();
    let issuer = changed("/sub", json!(stranger))?;
    asker.refuses(&issuer, "issuer", &stranger).await?;
    // Signed by one server, about a different one.
    let server = changed(
        "/nats/server_id/id",
        json!(KeyPair::new_server().public_key()),
    )?;
    asker.refuses(&server, "server-id", "server").await?;
    let mut late = changed("/exp", json!(unix_now() - 60))?;
    set(&mut late, "/iat", json!(unix_now() - 65))?;
    asker.refuses(&late, "clock", "expired").await?;
    let mut early = changed("/iat", json!(unix_now() + 600))?;
    set(&mut early, "/exp", json!(unix_now() + 605))?;
    asker.refuses(&early, "clock", "s behind").await?;
    let lasting = changed("/exp", json!(unix_now() + 90))?;
    asker.refuses(&lasting, "clock", "at most 60 s").await?;

    // A signature of a different login over its server's nonce.
    let signed = |nonce: &str| {
        let mut claims = asker.claims();
        let request = claims.get_mut("nats").context("no request")?;
        request["client_info"]["nonce"] = json!(nonce);
        request["connect_opts"]["sig"] = json!("AAAA");
        anyhow::Ok(claims)
    };
    let captured = asker.signer.sign(&signed("captured")?)?.into_bytes();
    assert!(asker.ask(HeaderMap::new(), captured).await?);
    asker
        .refuses(&signed("captured")?, "replayed", "nonce")
        .await?;

    // Signed by a different key than the claims name.
    let mut forged = asker.signer.sign(&asker.claims())?;
    let other = RequestSigner::new(&asker.signer.server_key()).sign(&asker.claims())?;
    let signature = other.rsplit_once('.').context("no signature")?.1;
    forged.truncate(forged.rfind('.').context("no signature")? + 1);
    forged.push_str(signature);
    refuses(forged.into_bytes(), "malformed", "signature").await?;

    let good = asker.signer.sign(&asker.claims())?.into_bytes();
    assert!(asker.ask(HeaderMap::new(), good).await?, "wedged");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn requests_that_are_badly_encrypted_are_refused(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let asker = ByHand::start(release, WITH_XKEY).await?;
    let server = XKey::new();
    let mut claims = asker.claims();
    let id = claims.pointer_mut("/nats/server_id").context("no server")?;
    if let Some(id) = id.as_object_mut() {
        id.insert("xkey".to_owned(), json!(server.public_key()));
    }
    let token = asker.signer.sign(&claims)?.into_bytes();
    let from = |key: &XKey| {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Server-Xkey", key.public_key().as_str());
        headers
    };
    let sealed = server.seal(&token, &asker.curve)?;
    let refuses =
        |headers, payload, why| asker.refuses_payload(headers, payload, "encryption", why);

    let other = XKey::new();
    let for_other = server.seal(&token, &other)?;
    refuses(from(&server), for_other, "cannot open").await?;
    let mut damaged = sealed.clone();
    if let Some(last) = damaged.last_mut() {
        *last ^= 1;
    }
    refuses(from(&server), damaged, "cannot open").await?;
    refuses(from(&server), b"xkv1".to_vec(), "cannot open").await?;
    refuses(HeaderMap::new(), sealed.clone(), "Nats-Server-Xkey").await?;
    refuses(from(&other), sealed.clone(), "cannot open").await?;
    // Encrypted by a different key than the one that the server signed for.
    let by_other = other.seal(&token, &asker.curve)?;
    refuses(from(&other), by_other, "not the one its server signed for").await?;
    asker
        .refuses_payload(from(&server), token, "not-encrypted", "not encrypted")
        .await?;

    assert!(
        asker.ask(from(&server), sealed).await?,
        "a good one is not answered"
    );
    Ok(())
}
