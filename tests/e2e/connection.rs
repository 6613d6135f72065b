//! The host and its server: start, stop, garbage messages, and two hosts at the same time.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::future::{join_all, ready};
use futures::{StreamExt, stream};
use portcullis_harness::{
    Accounts, CALLOUT, Credentials, Event, Host, Keys, Release, Site, barely_log_in, is_refused,
    log_in, server_inbox,
};
use rstest::rstest;

use crate::support::{ALICE, SENSOR, SENSOR_TOKEN, Serving, alice, sensor_site, settings};

/// The number of concurrent clients.
const AT_ONCE: usize = 4;

#[rstest]
#[tokio::test]
async fn the_host_may_start_before_the_server(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::Several).await?;
    let config = site.host_config(&server.url(), "");
    let config = site.write_config("portcullis.toml", &config)?;
    let start_again = server.stop().await?;

    let host = Host::spawn(&config, &[])?;
    host.wait_for("a failed attempt", |event| {
        event.says("nats connection failed")
    })
    .await?;
    let server = start_again.await?;
    host.ready().await?;

    log_in(&server.url(), SENSOR, "roof").await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn the_host_comes_back_after_the_server_does(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let Serving {
        site: _site,
        server,
        host,
    } = Serving::start_at(sensor_site(release).await?).await?;

    let start_again = server.stop().await?;
    host.wait_for("the loss", |event| event.says("nats disconnected"))
        .await?;
    let mark = host.log().len();
    let server = start_again.await?;
    host.wait_from(mark, "the return", |event| event.says("nats reconnected"))
        .await?;

    // A connected host is not yet subscribed, so the first logins may be too early.
    let mut attempts = 0;
    while log_in(&server.url(), SENSOR, "roof").await.is_err() {
        attempts += 1;
        assert!(
            attempts < 10,
            "no login succeeds after the server came back"
        );
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn rubbish_on_the_callout_subject_is_refused_and_survived(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    // A server without callout: a server with callout lets no client publish on this subject.
    let site = sensor_site(release).await?;
    let server = site.start_server(Accounts::NoCallout).await?;
    let mut host = site.start_host(&server).await?;
    let (user, password) = Site::OBSERVER;
    let vandal = log_in(
        &server.url(),
        Credentials::Password(user, password),
        "vandal",
    )
    .await?;

    let unsigned = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJuYXRzIjp7fX0.AAAA";
    let rubbish = [
        Vec::new(),
        vec![0xff; 1000],
        b"failed".to_vec(),
        unsigned.as_bytes().to_vec(),
        vec![b'.'; 900_000],
        b"xkv1".repeat(20),
    ];
    let mark = host.log().len();
    for rubbish in &rubbish {
        // A reply subject that only a server can use: the host ignores requests with any other.
        vandal
            .publish_with_reply(CALLOUT, "$SYS._INBOX.rubbish", rubbish.clone().into())
            .await?;
    }
    // Without a subject to reply to.
    vandal.publish(CALLOUT, "rubbish".into()).await?;
    vandal.flush().await?;
    let mut missing = u64::try_from(rubbish.len())? + 1;
    let pick = |event: &Event| {
        missing = missing.saturating_sub(event.refusals());
        (missing == 0).then_some(())
    };
    host.log().first_from(mark, "every refusal", pick).await?;
    let lines = host.log().all();
    for refused in lines.iter().filter(|event| event.says("request refused")) {
        assert_eq!(refused.text("subject"), CALLOUT);
        assert!(!refused.text("error").is_empty(), "{refused:?}");
        assert!(refused.line().len() < 2000, "the log repeats the rubbish");
    }

    assert!(host.is_running()?);
    host.ask_to_stop().await?;
    assert_eq!(host.ended().await?, Some(0));
    Ok(())
}

#[rstest]
#[tokio::test]
async fn an_issuer_that_the_server_does_not_trust_admits_no_client(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = sensor_site(release).await?;
    let stranger = Keys::generate().issuer.public_key();
    let server = site
        .start_server_trusting(Accounts::Several, &stranger)
        .await?;
    let mut host = site.start_host(&server).await?;

    let mark = host.log().len();
    assert!(is_refused(&log_in(&server.url(), SENSOR, "roof").await));

    host.wait_from(mark, "a line about the issuer", |event| {
        event.line().contains("issuer")
    })
    .await?;
    assert!(host.is_running()?);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn two_hosts_answer_each_login_once(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let Serving { site, server, host } = Serving::start_at(sensor_site(release).await?).await?;
    let second = site.start_host(&server).await?;

    let names = log_in_in_groups(&server.url(), 10).await?;

    let mut shares = [0, 0];
    for name in &names {
        let decided = |host: &Host| {
            let events = host.log().all();
            events.iter().filter(|event| event.decides(name)).count()
        };
        // The login succeeded, so one of the hosts logs a decision.
        let both = tokio::select! {
            found = host.decision(name) => found.map(|_| ()),
            found = second.decision(name) => found.map(|_| ()),
        };
        both?;
        let counts = [decided(&host), decided(&second)];
        assert_eq!(counts.iter().sum::<usize>(), 1, "{name}: {counts:?}");
        for (share, count) in shares.iter_mut().zip(counts) {
            *share += count;
        }
    }
    assert!(
        shares.iter().all(|share| *share > 0),
        "one host did nothing: {shares:?}"
    );
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_that_is_stopped_loses_no_login(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let Serving {
        site,
        server,
        mut host,
    } = Serving::start_at(sensor_site(release).await?).await?;
    let _second = site.start_host(&server).await?;

    let url = server.url();
    let logins = log_in_in_groups(&url, 25);
    let stop = async {
        host.wait_for("a decision", |event| event.says("authorization decided"))
            .await?;
        host.ask_to_stop().await?;
        host.ended().await
    };
    let (names, code) = tokio::join!(logins, stop);

    assert_eq!(names?.len(), 25 * AT_ONCE);
    assert_eq!(code?, Some(0));
    let said = |message| {
        host.log()
            .all()
            .iter()
            .any(|event: &Event| event.says(message))
    };
    assert!(said("draining") && said("stopped"));
    Ok(())
}

#[tokio::test]
async fn refusals_of_one_kind_are_summed_up() -> Result<()> {
    const MESSAGES: u64 = 500;
    let site = sensor_site(Release::Nats2_15).await?;
    // A server with callout lets no user publish on the callout subject.
    let server = site.start_server(Accounts::NoCallout).await?;
    let host = site.start_host(&server).await?;
    let (user, password) = Site::OBSERVER;
    let credentials = Credentials::Password(user, password);
    let vandal = log_in(&server.url(), credentials, "vandal").await?;

    for _ in 0..MESSAGES {
        vandal.publish(CALLOUT, "rubbish".into()).await?;
        let inbox = server_inbox(&vandal);
        vandal
            .publish_with_reply(CALLOUT, inbox, "xkv1".repeat(20).into())
            .await?;
    }
    vandal.flush().await?;

    let mut counts = BTreeMap::new();
    let pick = |event: &Event| {
        let reason = event.text("refusal.reason").to_owned();
        *counts.entry(reason).or_insert(0) += event.refusals();
        let all = ["no-reply-subject", "encrypted"];
        all.iter()
            .all(|reason| counts.get(*reason) == Some(&MESSAGES))
            .then_some(())
    };
    host.log().first_from(0, "the summaries", pick).await?;
    let lines = host.log().all();
    let lines = lines.iter().filter(|event| event.refusals() > 0);
    // A first line each, and a summary for each interval that the messages took.
    assert!(lines.count() < 40, "{:#?}", host.log().all());
    Ok(())
}

/// Returns why a host has refused logins and requests so far, with the numbers that the log has.
fn refusals(host: &Host) -> BTreeMap<String, u64> {
    let mut refusals = BTreeMap::new();
    for event in host.log().all() {
        let (why, number) = match event.refusals() {
            0 => (event.text("denial.class"), 1),
            number => (event.text("error"), number),
        };
        if !why.is_empty() {
            *refusals.entry(why.to_owned()).or_default() += number;
        }
    }
    refusals
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_are_stopped_under_load_lose_no_login(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    const ROUNDS: usize = 3;
    const LOGINS: usize = 3000;
    const AT_ONCE: usize = 300;
    let Serving {
        site,
        server,
        host: first,
    } = Serving::start_at(sensor_site(release).await?).await?;
    let port = server.port();
    for round in 0..ROUNDS {
        let mut host = site.start_host(&server).await?;
        let logins = stream::iter(0..LOGINS)
            .map(|_| tokio::spawn(barely_log_in(port, SENSOR_TOKEN)))
            .buffer_unordered(AT_ONCE)
            .filter(|login| ready(!matches!(login, Ok(Ok(true)))))
            .collect::<Vec<_>>();
        let stop = async {
            // Under full load: the host has decided as many logins as are pending.
            let mut decided = 0;
            let mark = host.log().len();
            host.log()
                .first_from(mark, "many decisions", |event| {
                    decided += usize::from(event.says("authorization decided"));
                    (decided >= AT_ONCE).then_some(())
                })
                .await?;
            host.ask_to_stop().await?;
            host.ended().await
        };
        let (lost, code) = tokio::join!(logins, stop);
        assert_eq!(code?, Some(0), "round {round}");
        assert!(
            lost.is_empty(),
            "round {round}, {} lost: {lost:?}; refused by the one that stayed: {:?}, by the one that was stopped: {:?}",
            lost.len(),
            refusals(&first),
            refusals(&host)
        );
    }
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_host_that_is_stopped_while_idle_ends_at_once() -> Result<()> {
    let settings = settings(&[alice("").await?]);
    let mut serving = Serving::start(Release::Nats2_15, &settings).await?;
    log_in(&serving.url(), ALICE, "desk").await?;

    serving.host.ask_to_stop().await?;

    assert_eq!(serving.host.ended().await?, Some(0));
    Ok(())
}

/// Logs in `groups` groups of [`AT_ONCE`] clients, and returns the names of the connections.
async fn log_in_in_groups(url: &str, groups: usize) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for group in 0..groups {
        let fresh: Vec<_> = (0..AT_ONCE)
            .map(|client| format!("{group}-{client}"))
            .collect();
        let logins = fresh.iter().map(|name| log_in(url, SENSOR, name));
        for login in join_all(logins).await {
            login?.drain().await?;
        }
        names.extend(fresh);
    }
    Ok(names)
}
