//! The option `--keep`: the processes keep running, and the operator can try commands.

use anyhow::Result;
use portcullis_harness::{Built, Event};
use tokio::signal;

use crate::installation::{PASSWORD, POLICY, Stage};
use crate::table::{Table, decided_by};

/// Prints commands to try, then every decision, until ctrl-c.
pub(crate) async fn running(stage: &Stage, table: &Table) -> Result<()> {
    let mark = stage.host.log().len();
    stage
        .site
        .policies
        .put_module(POLICY, &Built::policy(POLICY)?)?;
    stage.host.published_from(mark, POLICY).await?;
    table.say(&commands(stage)?);
    tokio::select! {
        interrupted = signal::ctrl_c() => interrupted?,
        () = follow(stage, table) => table.say("\nThe host has ended."),
    }
    Ok(())
}

async fn follow(stage: &Stage, table: &Table) {
    let mut next = stage.host.log().len();
    while let Some(event) = stage.host.log().get(next).await {
        next += 1;
        if let Some(line) = worth_showing(&event) {
            table.say(&line);
        }
    }
}

fn worth_showing(event: &Event) -> Option<String> {
    if event.says("authorization decided") {
        let who = event.text("client.user");
        let decision = event.text("decision");
        let reason = event.text("denial.reason");
        return Some(format!(
            "{decision} {who}, by {} {reason}",
            decided_by(event)
        ));
    }
    let shown = ["policy loaded", "policy rejected", "policy removed"];
    let message = shown.into_iter().find(|message| event.says(message))?;
    Some(format!(
        "{message}: {} {}",
        event.text("policy.name"),
        event.text("error")
    ))
}

fn commands(stage: &Stage) -> Result<String> {
    let url = stage.server.url();
    let port = stage.server.port();
    let settings = stage.site.policies.path().join(format!("{POLICY}.toml"));
    let module = settings.with_extension("wasm");
    let other = Built::policy_file("demo-read-only")?;
    let (settings, module, other) = (settings.display(), module.display(), other.display());
    Ok(format!(
        r#"
Everything goes on running, with the first module back in place. From another terminal:

  log in and publish, with nothing but bash:
    exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'CONNECT {{"user":"alice","pass":"{PASSWORD}","verbose":true}}\r\nPUB alice.hello 2\r\nhi\r\n' >&3; timeout 1 cat <&3
  the same with the nats command:
    nats --server {url} --user alice --password {PASSWORD} pub alice.hello hi
  the same with nats-py (`pip install nats-py`):
    python3 -m asyncio   # then: import nats; await nats.connect("{url}", user="alice", password="{PASSWORD}")
  change the settings (`portcullis hash` makes password hashes):
    $EDITOR {settings}
  replace the module:
    cp {other} {module}

Decisions appear below. Ctrl-c ends everything."#
    ))
}
