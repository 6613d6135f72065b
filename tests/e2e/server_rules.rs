//! The verdicts of [`server_verdict`], compared with real servers of several releases.
//!
//! Each case is a response that is correct except for one change. A real client logs in, and the
//! response is the answer to the real request. The result must be what the function says for that
//! version. The login is accepted with this account, name, expiry and these permissions, or refused
//! for this reason.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "cases are tests, though they are no test functions: what is not there fails them"
)]

mod config_mode;
mod draft;
mod mint;
mod operator_mode;
mod roles;
mod servers;
mod times;
mod world;

use anyhow::{Result, ensure};
use portcullis_claims::{
    Accepted, EffectivePermissions, LoginFacts, RoleTemplate, ServerVerdict, ServerVersion,
    Signatures, server_verdict,
};
use portcullis_core::{ConnectionType, PermissionSubject};
use portcullis_harness::Release;
use rstest::rstest;
use serde_json::{Value, json};

use draft::{Draft, Facts};
use servers::{Answered, Outcome, Stage, curve};
use world::World;

/// A response with its name.
struct Case {
    name: &'static str,
    edit: for<'a> fn(&mut Draft<'a>, &'a World, &Facts),
}

/// The subjects of requests and answers.
const CALLOUT_SUBJECTS: [&str; 2] = ["$SYS.REQ.USER.AUTH", "$SYS._INBOX.>"];

/// The tolerance of a remaining time, in seconds: the server reports it later than the test
/// computes it.
const LATER: u64 = 60;

#[rstest]
#[tokio::test]
async fn servers_in_config_mode_do_what_the_verdict_says(
    #[values(
        Release::Nats2_10,
        Release::Nats2_11,
        Release::Nats2_12,
        Release::Nats2_14,
        Release::Nats2_15,
        Release::Nats2_14Newest,
        Release::Nats2_15Newest,
        Release::Named
    )]
    release: Release,
) -> Result<()> {
    if release.missing().is_some() {
        return Ok(());
    }
    let stage = Stage::set(release, World::config_mode(None)).await?;
    run(stage, &config_mode::cases(), release).await?;
    let stage = Stage::set(release, World::config_mode(Some(curve()?))).await?;
    run(stage, &config_mode::sealed_cases(), release).await
}

#[rstest]
#[tokio::test]
async fn servers_in_operator_mode_do_what_the_verdict_says(
    #[values(
        Release::Nats2_10,
        Release::Nats2_11,
        Release::Nats2_12,
        Release::Nats2_14,
        Release::Nats2_15,
        Release::Nats2_14Newest,
        Release::Nats2_15Newest,
        Release::Named
    )]
    release: Release,
) -> Result<()> {
    if release.missing().is_some() {
        return Ok(());
    }
    let stage = Stage::set(release, World::operator_mode(None)).await?;
    run(stage, &operator_mode::cases(release), release).await?;
    let stage = Stage::set(release, World::operator_mode(Some(curve()?))).await?;
    run(stage, &operator_mode::sealed_cases(), release).await
}

/// Verifies the verdict that a role's template crashes a server of release 2.11.11.
#[tokio::test]
async fn an_unknown_placeholder_crashes_a_server_that_does_not_bound_templates() -> Result<()> {
    let release = Release::Nats2_11;
    let mut stage = Stage::set(release, World::operator_mode(None)).await?;
    let case = operator_mode::unknown_placeholder();
    let answered = stage.answer(case.edit).await?;
    ensure!(answered.outcome == Outcome::Gone, "{:?}", answered.outcome);
    let refusal = verdict(&stage, &answered, version(release)).unwrap_err();
    let said = std::error::Error::source(&refusal).map(ToString::to_string);
    ensure!(
        said.is_some_and(|said| said.contains("crashes")),
        "{refusal}"
    );
    Ok(())
}

/// Verifies the verdict that white space in place of a subject crashes these releases. Newer ones
/// drop the subject.
#[rstest]
#[tokio::test]
async fn white_space_for_a_subject_crashes_servers_that_do_not_look(
    #[values(
        Release::Nats2_10,
        Release::Nats2_11,
        Release::Nats2_12,
        Release::Nats2_14,
        Release::Nats2_15
    )]
    release: Release,
) -> Result<()> {
    let crashes = version(release) < ServerVersion::new(2, 12, 14);
    for case in operator_mode::blank_entries() {
        let mut stage = Stage::set(release, World::operator_mode(None)).await?;
        let answered = stage.answer(case.edit).await?;
        let gone = answered.outcome == Outcome::Gone;
        ensure!(gone == crashes, "{}: {:?}", case.name, answered.outcome);
        let verdict = verdict(&stage, &answered, version(release));
        let said = verdict.err().map(|refusal| {
            let cause = std::error::Error::source(&refusal).map(ToString::to_string);
            cause.unwrap_or_else(|| refusal.to_string())
        });
        let says_so = said.is_some_and(|said| said.contains("crashes"));
        ensure!(says_so == crashes, "{}", case.name);
    }
    Ok(())
}

fn version(release: Release) -> ServerVersion {
    let (major, minor, patch) = release.version();
    ServerVersion::new(major, minor, patch)
}

async fn run(mut stage: Stage, cases: &[Case], release: Release) -> Result<()> {
    let mut differences = Vec::new();
    for case in cases {
        let answered = stage.answer(case.edit).await?;
        let verdict = verdict(&stage, &answered, version(release));
        if let Err(difference) = compare(&verdict, &answered) {
            differences.push(format!("{}: {difference}", case.name));
        }
    }
    ensure!(
        differences.is_empty(),
        "{release:?}:\n{}",
        differences.join("\n")
    );
    Ok(())
}

fn verdict(
    stage: &Stage,
    answered: &Answered,
    version: ServerVersion,
) -> Result<ServerVerdict, portcullis_claims::Refusal> {
    let facts = &answered.facts;
    let login = LoginFacts {
        user_nkey: &facts.user_nkey,
        server_id: &facts.server_id,
        client_user: facts.client_user.as_deref(),
        client_host: Some("127.0.0.1"),
        connection_type: Some(ConnectionType::Standard),
        proxied: false,
        sealed: answered.sealed,
    };
    let mode = stage.world().mode();
    let response = &answered.response;
    server_verdict(
        response,
        &login,
        &mode,
        version,
        facts.now,
        Signatures::Verify,
    )
}

fn compare(
    verdict: &Result<ServerVerdict, portcullis_claims::Refusal>,
    answered: &Answered,
) -> Result<()> {
    match (verdict, &answered.outcome) {
        (Ok(ServerVerdict::Accepted(accepted)), Outcome::In(info)) => match info {
            Some(info) => compare_info(accepted, info, answered.facts.now),
            None => Ok(()),
        },
        (Ok(ServerVerdict::Denied(reason)), Outcome::Out(said)) => {
            ensure!(
                said.contains(reason),
                "denied with `{reason}`, the server says `{said}`"
            );
            Ok(())
        }
        (Err(refusal), Outcome::Out(said)) => {
            let words = refusal.in_the_servers_words().unwrap_or_default();
            ensure!(
                said.contains(words),
                "refused: {refusal}; the server says `{said}`"
            );
            Ok(())
        }
        (verdict, outcome) => anyhow::bail!("expected {verdict:?}, the server did {outcome:?}"),
    }
}

/// Compares what the server knows about an accepted user with the verdict.
fn compare_info(accepted: &Accepted, info: &Value, now: u64) -> Result<()> {
    ensure!(
        info["account"] == json!(accepted.account),
        "account {}, not {}",
        info["account"],
        accepted.account
    );
    let user = accepted.shown_user.as_deref();
    ensure!(
        info["user"].as_str() == user,
        "user {}, not {user:?}",
        info["user"]
    );
    let remaining = info["expires"]
        .as_u64()
        .map(|nanoseconds| nanoseconds / 1_000_000_000);
    match (remaining, accepted.expires_at) {
        (None, None) => {}
        // Servers report whole seconds, and omit less than one.
        (None, Some(expires_at)) if expires_at <= now + 1 => {}
        (Some(remaining), Some(expires_at)) if (now + remaining).abs_diff(expires_at) <= LATER => {}
        (remaining, expires_at) => {
            anyhow::bail!("expires in {remaining:?}, not at {expires_at:?} (now {now})")
        }
    }
    let nothing = RoleTemplate::default();
    let template = match &accepted.permissions {
        EffectivePermissions::Own(template) | EffectivePermissions::Role(_, Some(template)) => {
            template
        }
        EffectivePermissions::Role(_, None) | EffectivePermissions::AccountDefault => &nothing,
    };
    let permissions = &info["permissions"];
    for (side, rule) in [
        ("publish", &template.publish),
        ("subscribe", &template.subscribe),
    ] {
        for (list, expected) in [("allow", &rule.allow), ("deny", &rule.deny)] {
            let said = permissions[side][list].as_array().into_iter().flatten();
            let mut said: Vec<_> = said
                .filter_map(Value::as_str)
                // Servers deny these subjects to every login in the callout account.
                .filter(|subject| !CALLOUT_SUBJECTS.contains(subject))
                .map(subject_of)
                .collect();
            // A server drops the subjects that it does not accept.
            let expected = expected.iter().map(String::as_str);
            let mut expected: Vec<_> = expected
                .filter(|subject| PermissionSubject::subscribe(subject).is_ok())
                .map(subject_of)
                .collect();
            said.sort_unstable();
            said.dedup();
            expected.sort_unstable();
            expected.dedup();
            ensure!(
                said == expected,
                "{side} {list}: {said:?}, not {expected:?}"
            );
        }
    }
    let responses = permissions["responses"]["max"].as_i64();
    let expected = template.responses.map(|responses| responses.max);
    ensure!(
        responses == expected,
        "replies: {responses:?}, not {expected:?}"
    );
    Ok(())
}

/// Returns the subject without the queue group, which servers before 2.14 do not report.
fn subject_of(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}
