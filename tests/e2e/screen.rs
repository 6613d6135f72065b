//! `portcullis decisions watch`, in a terminal, next to a host that decides logins.

use std::fs;

use anyhow::Result;
use portcullis_harness::{
    Accounts, Credentials, Host, PseudoTerminal, Relay, Release, is_refused, log_in, run_portcullis,
};

use crate::records::{FILE, record_of};
use crate::support::{ALICE, alice, audit_tables, audited_server, settings, site_with};

#[tokio::test]
async fn the_screen_shows_logins_as_they_are_decided() -> Result<()> {
    let settings = settings(&[alice("").await?]);
    let site = site_with(Release::Nats2_15, &settings)?;
    let server = site.start_server_waiting(Accounts::Several, "1").await?;
    let tables = format!("{FILE}[records.stream]\nsubject = \"portcullis.decisions\"\n");
    let config = site.host_config(&server.url(), &tables);
    let config = site.write_config("portcullis.toml", &config)?;
    let host = Host::spawn(&config, &[])?;
    host.decides().await?;
    let desk = log_in(&server.url(), ALICE, "desk").await?;
    let admitted = host.decision("desk").await?;
    record_of(&site, admitted.text("user_nkey")).await?;
    let config = config.display().to_string();

    let arguments = ["decisions", "watch", "--config", &config];
    let mut screen = PseudoTerminal::portcullis(&arguments, (120, 50))?;
    screen
        .shows(&["1 of 1 records", "admitted", "alice"])
        .await?;
    // The second screen has no history, because no stream captures the subject.
    let arguments = ["decisions", "watch", "--stream", "--config", &config];
    let mut live = PseudoTerminal::portcullis(&arguments, (120, 50))?;
    live.shows(&["subject portcullis.decisions", "only new records"])
        .await?;

    // A record that is written while the screen is open, of a user with a hostile name.
    let hostile = Credentials::Password("bob\u{1b}[2J", "wrong");
    assert!(is_refused(&log_in(&server.url(), hostile, "other").await));
    screen.shows(&["2 of 2 records", "bob\\u001b[2J"]).await?;
    live.shows(&["1 of 1 records", "bob\\u001b[2J"]).await?;

    screen.press("/--user alice\r").await?;
    screen
        .until("alice alone", |shown| {
            shown.contains("1 of 2 records") && !shown.contains("bob")
        })
        .await?;
    screen.press("\r").await?;
    screen.shows(&["account `APP`", "alice.sealed"]).await?;
    let tests = site.path().join("pinned.toml");
    screen.press("p").await?;
    screen.shows(&["[[tests]]"]).await?;
    screen
        .press(&format!("w\u{15}{}\r", tests.display()))
        .await?;
    screen.shows(&["appended to"]).await?;
    assert!(fs::read_to_string(&tests)?.contains("[[tests]]"));
    screen.press("q").await?;
    screen.shows(&["1 of 2 records"]).await?;
    // crossterm holds back a key that comes together with a new size, until the next key.
    screen.resize((50, 10)).await?;
    screen
        .until("fewer columns", |shown| {
            shown.contains("1 of 2 records") && !shown.contains("TIME")
        })
        .await?;
    screen.press("c").await?;
    screen.shows(&["2 of 2 records", "alice"]).await?;

    screen.press("q").await?;
    let (code, _) = screen.ended().await?;
    assert_eq!(code, 0);
    live.ask_to_stop().await?;
    let (code, _) = live.ended().await?;
    assert_eq!(code, 0);
    drop(desk);
    Ok(())
}

#[tokio::test]
async fn the_screen_has_the_records_of_a_time_without_a_connection() -> Result<()> {
    let settings = settings(&[alice("").await?]);
    let site = site_with(Release::Nats2_15, &settings)?;
    let server = audited_server(&site).await?;
    let tables = audit_tables(&server.url());
    let config = site.host_config(&server.url(), &tables);
    let config = site.write_config("portcullis.toml", &config)?;
    let host = Host::spawn(&config, &[])?;
    host.decides().await?;
    host.says("decision records go to a stream").await?;

    let relay = Relay::start(server.port()).await?;
    let desk = site.write_config(
        "desk.toml",
        &site.host_config(&server.url(), &audit_tables(&relay.url())),
    )?;
    let arguments = [
        "decisions",
        "watch",
        "--config",
        &desk.display().to_string(),
    ];
    let screen = PseudoTerminal::portcullis(&arguments, (120, 20))?;
    let guess = |name| Credentials::Password(name, "wrong");
    assert!(is_refused(
        &log_in(&server.url(), guess("one"), "one").await
    ));
    screen.shows(&["1 of 1 records", "one"]).await?;

    relay.cut("portcullis-decisions");
    screen.shows(&["DISCONNECTED"]).await?;
    assert!(is_refused(
        &log_in(&server.url(), guess("two"), "two").await
    ));
    host.decision("two").await?;
    relay.cut("nobody");
    screen.shows(&["2 of 2 records", "two"]).await?;
    // Nothing is shown twice, and new records come as before.
    assert!(is_refused(
        &log_in(&server.url(), guess("three"), "three").await
    ));
    screen.shows(&["3 of 3 records", "three"]).await?;
    Ok(())
}

#[tokio::test]
async fn the_screen_asks_hosts_for_the_records_in_their_memory() -> Result<()> {
    let settings = settings(&[alice("").await?]);
    let site = site_with(Release::Nats2_15, &settings)?;
    let server = site.start_server(Accounts::Several).await?;
    let tables = "[records.live]\nsubject = \"audit.records\"\n";
    let config = site.host_config(&server.url(), tables);
    let config = site.write_config("portcullis.toml", &config)?;
    let mut host = Host::spawn(&config, &[])?;
    host.decides().await?;
    let guess = |name| Credentials::Password(name, "wrong");
    assert!(is_refused(
        &log_in(&server.url(), guess("one"), "one").await
    ));

    let shown = config.display().to_string();
    let arguments = ["decisions", "watch", "--config", &shown];
    let screen = PseudoTerminal::portcullis(&arguments, (120, 20))?;
    screen
        .shows(&["1 of 1 records", "hosts on audit.records", "one"])
        .await?;
    assert!(is_refused(
        &log_in(&server.url(), guess("two"), "two").await
    ));
    screen.shows(&["2 of 2 records", "two"]).await?;

    // The screen keeps what a host that has ended had in its memory, and finds the next host.
    host.kill().await?;
    let host = Host::spawn(&config, &[])?;
    host.decides().await?;
    assert!(is_refused(
        &log_in(&server.url(), guess("three"), "three").await
    ));
    screen.shows(&["3 of 3 records", "one", "three"]).await?;
    Ok(())
}

#[tokio::test]
async fn the_screen_needs_a_terminal_and_names_the_way_out() -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    let file = file.path().display().to_string();
    let done = run_portcullis(&["decisions", "watch", "--file", &file], "").await?;
    assert_eq!(done.code, Some(64), "{done:?}");
    let expected = "standard output is no terminal: `portcullis decisions follow`";
    assert!(done.stderr.contains(expected), "{done:?}");

    // A file that is missing is an error on the usual screen.
    let arguments = ["decisions", "watch", "--file", "no-such-file"];
    let missing = PseudoTerminal::portcullis(&arguments, (80, 24))?;
    let (code, shown) = missing.ended().await?;
    assert_eq!(code, 66);
    assert!(shown.contains("cannot read `no-such-file`"), "{shown}");
    Ok(())
}
