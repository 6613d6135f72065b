//! The three acts of the demo.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, Result};
use portcullis_harness::{Built, Credentials, Event};
use tokio::sync::watch;

use crate::installation::{ALICE, Client, Login, POLICY, Stage};
use crate::table::{Row, Table, decided_by, short};

/// The number of logins before and after the change.
const LOGINS: usize = 5;

/// Shows which logins are permitted, and their permissions.
pub(crate) async fn decisions(stage: &Stage, table: &mut Table) -> Result<()> {
    table.part("1. A policy decides who gets in, and what they may do there");
    let login = stage.log_in(ALICE, "alice").await?;
    show_login(table, "alice logs in with her password", "let in", &login);
    let mut alice = login.client.context("alice was not let in")?;
    publish(stage, table, &mut alice, "alice.hello", "delivered").await?;
    publish(stage, table, &mut alice, "bob.hello", "refused").await?;
    let bob = Credentials::Password("bob", "guess");
    let login = stage.log_in(bob, "bob").await?;
    show_login(
        table,
        "bob logs in with a wrong password",
        "refused",
        &login,
    );
    let mallory = Credentials::Password("mallory", "guess");
    let login = stage.log_in(mallory, "mallory").await?;
    show_login(
        table,
        "mallory, whom no policy knows, logs in",
        "refused",
        &login,
    );
    Ok(())
}

/// Replaces the module while alice logs in repeatedly.
pub(crate) async fn change(stage: &Stage, table: &mut Table) -> Result<()> {
    table.part(
        "2. While alice logs in again and again, a new module: now everybody may only listen",
    );
    let module = Built::policy("demo-read-only")?;
    let done = watch::Sender::new(0);
    let stop = Cell::new(false);
    let replace = async {
        done.subscribe().wait_for(|done| *done >= LOGINS).await?;
        let mark = stage.host.log().len();
        stage.site.policies.put_module(POLICY, &module)?;
        stage.host.published_from(mark, POLICY).await?;
        let enough = *done.borrow() + LOGINS;
        done.subscribe().wait_for(|done| *done >= enough).await?;
        stop.set(true);
        Ok(())
    };
    let logins = async {
        let mut logins = Vec::new();
        while !stop.get() {
            let name = format!("alice-again-{}", logins.len());
            logins.push(stage.log_in(ALICE, &name).await?);
            done.send_modify(|done| *done += 1);
        }
        Ok::<_, anyhow::Error>(logins)
    };
    let ((), logins) = tokio::try_join!(replace, logins)?;
    show_logins(table, &logins);

    let login = stage.log_in(ALICE, "alice-after-change").await?;
    show_login(table, "alice logs in once more", "let in", &login);
    let mut alice = login.client.context("alice was not let in")?;
    publish(stage, table, &mut alice, "alice.hello", "refused").await
}

/// Writes a broken module while alice logs in repeatedly.
pub(crate) async fn breakage(stage: &Stage, table: &mut Table) -> Result<()> {
    table.part("3. A broken module is dropped next");
    let module = Built::policy("demo-read-only")?;
    let half = module.get(..module.len() / 2).unwrap_or_default();
    let mark = stage.host.log().len();
    stage.site.policies.put_module(POLICY, half)?;
    let wanted = |event: &Event| event.says("policy rejected");
    let rejected = stage
        .host
        .wait_from(mark, "the broken module to be rejected", wanted)
        .await?;
    table.row(&Row {
        tried: "the first half of the module is put in place",
        expected: "rejected",
        seen: "rejected",
        by: format!("{POLICY} {} stays", short(rejected.text("policy.serving"))),
        host: None,
        login: None,
    });
    table.say(&format!("    {}", rejected.text("error")));
    let login = stage.log_in(ALICE, "alice-after-breakage").await?;
    show_login(table, "alice logs in with her password", "let in", &login);
    Ok(())
}

fn show_login(table: &mut Table, tried: &str, expected: &str, login: &Login) {
    let agreed = login.client.is_some() == (login.decision.text("decision") == "permit");
    table.row(&Row {
        tried,
        expected,
        seen: match (agreed, &login.client) {
            (false, _) => "unclear",
            (true, Some(_)) => "let in",
            (true, None) => "refused",
        },
        by: decided_by(&login.decision),
        host: host_time(&login.decision),
        login: Some(login.took),
    });
}

/// Shows a row for each version of the policy that decided; two are expected.
fn show_logins(table: &mut Table, logins: &[Login]) {
    let same =
        |a: &Login, b: &Login| a.decision.text("policy.digest") == b.decision.text("policy.digest");
    let versions: Vec<_> = logins.chunk_by(same).collect();
    for version in &versions {
        let refused = version
            .iter()
            .filter(|login| login.client.is_none())
            .count();
        let mean = |times: Vec<Duration>| {
            let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
            times.iter().sum::<Duration>().checked_div(count)
        };
        table.row(&Row {
            tried: &format!("alice logs in {} times (times are means)", version.len()),
            expected: "all let in",
            seen: &match refused {
                0 => "all let in".to_owned(),
                refused => format!("{refused} refused"),
            },
            by: version
                .first()
                .map(|login| decided_by(&login.decision))
                .unwrap_or_default(),
            host: mean(
                version
                    .iter()
                    .filter_map(|login| host_time(&login.decision))
                    .collect(),
            ),
            login: mean(version.iter().map(|login| login.took).collect()),
        });
    }
    table.row(&Row {
        tried: "versions that decided, one after the other",
        expected: "2",
        seen: &versions.len().to_string(),
        by: String::new(),
        host: None,
        login: None,
    });
}

async fn publish(
    stage: &Stage,
    table: &mut Table,
    alice: &mut Client,
    subject: &'static str,
    expected: &str,
) -> Result<()> {
    let delivered = stage.publish(alice, subject).await?;
    table.row(&Row {
        tried: &format!("alice publishes on {subject}"),
        expected,
        seen: if delivered { "delivered" } else { "refused" },
        by: "nats-server".to_owned(),
        host: None,
        login: None,
    });
    Ok(())
}

fn host_time(decision: &Event) -> Option<Duration> {
    decision.number("elapsed_us").map(Duration::from_micros)
}
