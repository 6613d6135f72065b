//! The second part of the demo: a system in operator mode, from an empty directory to a login.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use portcullis_harness::{
    Answer, Built, Host, NatsServer, PolicyDirectory, Release, Wire, hash, run_portcullis,
};
use serde_json::json;

use crate::installation::{PASSWORD, POLICY, settings};
use crate::table::{Row, Table, decided_by};

/// Makes an operator with its accounts, and logs users in.
pub(crate) async fn from_nothing(table: &mut Table) -> Result<()> {
    table.part("4. Operator mode: `portcullis init --mode operator` makes a whole system");
    let home = tempfile::tempdir()?;
    let directory = home.path().join("site");
    let path = |name: &str| directory.join(name).display().to_string();
    // Any release of servers is on this machine, and clients present the sentinel themselves.
    let made = [
        "init",
        "--mode",
        "operator",
        "--oldest-server",
        "2.10.26",
        &path(""),
    ];
    run(&made).await?;
    let config = directory.join("portcullis.toml");
    let server = NatsServer::start(Release::Any, &directory.join("nats-server.conf")).await?;
    let text = fs::read_to_string(&config)?.replace("nats://127.0.0.1:4222", &server.url());
    fs::write(&config, text.replace("127.0.0.1:9222", "127.0.0.1:0"))?;
    let policies = PolicyDirectory::create(directory.join("policies"))?;
    let settings = settings(&hash(PASSWORD, &[]).await?);
    policies.put_policy(POLICY, &Built::policy(POLICY)?, &settings)?;
    let host = Host::spawn(&config, &[])?;
    host.ready().await?;

    let sentinel = jwt(&path("creds/sentinel.creds"))?;
    for (tried, password, expected) in [
        (
            "alice logs in with sentinel and password",
            PASSWORD,
            "let in",
        ),
        ("alice logs in with a wrong password", "guess", "refused"),
    ] {
        let mark = host.log().len();
        let fields = json!({ "jwt": sentinel, "user": "alice", "pass": password });
        let start = Instant::now();
        let answer = Wire::open(server.port()).await?.log_in(&fields).await?;
        let took = start.elapsed();
        let decided = |event: &portcullis_harness::Event| event.says("authorization decided");
        let decision = host.wait_from(mark, "a decision", decided).await?;
        table.row(&Row {
            tried,
            expected,
            seen: seen(&answer),
            by: decided_by(&decision),
            host: None,
            login: Some(took),
        });
    }

    let (store, creds) = (path("store"), path("tool.creds"));
    let user = [
        "user",
        "add",
        "tool",
        "--account",
        "APP",
        "--creds",
        &creds,
        "--store",
        &store,
    ];
    run(&user).await?;
    let verified = run(&["creds", "verify", &creds, "--store", &store]).await?;
    let is_good = verified.trim_end().ends_with(": ok");
    table.row(&Row {
        tried: "a credentials file of a new user of APP",
        expected: "accepted",
        seen: if is_good { "accepted" } else { "refused" },
        by: "creds verify".to_owned(),
        host: None,
        login: None,
    });
    Ok(())
}

async fn run(arguments: &[&str]) -> Result<String> {
    let finished = run_portcullis(arguments, "").await?;
    ensure!(
        finished.code == Some(0),
        "`{}`: {}",
        arguments.join(" "),
        finished.stderr
    );
    Ok(finished.stdout)
}

/// Returns the JWT in a credentials file.
fn jwt(path: &str) -> Result<String> {
    let text = fs::read_to_string(path)?;
    let line = text.lines().find(|line| line.starts_with("eyJ"));
    Ok(line.context("the credentials have no JWT")?.to_owned())
}

fn seen(answer: &Answer) -> &'static str {
    match answer {
        Answer::Admitted => "let in",
        Answer::Refused(_) | Answer::Closed => "refused",
    }
}
