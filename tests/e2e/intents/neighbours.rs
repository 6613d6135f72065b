//! What the server accepts of a client with one intent, and what it refuses, over the raw protocol.

use std::collections::BTreeSet;

use anyhow::Result;
use portcullis_harness::{Answer, Release, Wire};
use rstest::rstest;
use serde_json::json;

use super::cases::{CASES, Case, PUBLISH, SUBSCRIBE};
use super::stage::{Stage, inbox, password};

#[rstest]
#[tokio::test]
async fn each_intent_reaches_its_own_subjects_and_no_neighbour(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::start(release).await?;
    for case in CASES {
        let mut wire = Wire::open(stage.port()).await?;
        let login = json!({ "user": case.name, "pass": password(case.name) });
        assert_eq!(
            wire.log_in(&login).await?,
            Answer::Admitted,
            "{}",
            case.name
        );

        let mut published = BTreeSet::new();
        for subject in PUBLISH {
            let literal = subject.replace('@', "$JS.API.");
            if accepts(&mut wire, &format!("PUB {literal} 0\r\n\r\n")).await? {
                published.insert(*subject);
            }
        }
        let expected = case.publish.iter().copied().collect();
        assert_eq!(published, expected, "published by `{}`", case.name);
        assert_eq!(
            subscribed(case, &mut wire).await?,
            expected_subscriptions(case),
            "`{}`",
            case.name
        );
    }
    Ok(())
}

/// Returns the subjects that the client may subscribe to.
async fn subscribed(case: &Case, wire: &mut Wire) -> Result<BTreeSet<String>> {
    let inbox = inbox(case.name);
    let own = [
        format!("{inbox}.>"),
        format!("{inbox}.1"),
        format!("{inbox}.1.2"),
    ];
    let tried = SUBSCRIBE.iter().map(|subject| (*subject).to_owned());
    let mut subscribed = BTreeSet::new();
    for (id, subject) in tried.chain(own).enumerate() {
        if accepts(wire, &format!("SUB {subject} {id}\r\n")).await? {
            subscribed.insert(subject);
        }
    }
    Ok(subscribed)
}

fn expected_subscriptions(case: &Case) -> BTreeSet<String> {
    let mut expected: BTreeSet<String> = case
        .subscribe
        .iter()
        .map(|text| (*text).to_owned())
        .collect();
    if case.profile.contains("private-inbox = true") {
        let inbox = inbox(case.name);
        expected.extend([
            format!("{inbox}.>"),
            format!("{inbox}.1"),
            format!("{inbox}.1.2"),
        ]);
    }
    expected
}

/// Returns whether the server accepts a command.
async fn accepts(wire: &mut Wire, command: &str) -> Result<bool> {
    wire.say(command).await?;
    match wire.answer().await? {
        Answer::Admitted => Ok(true),
        Answer::Refused(error) if error.starts_with("Permissions Violation") => Ok(false),
        other => anyhow::bail!("{command}: {other:?}"),
    }
}
