//! `portcullis run`: commands next to a real server and host.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod serving;
mod support;

use std::fs;
use std::path::Path;

use portcullis_harness::{Credentials, is_refused, log_in};

use crate::support::{Author, TOKEN, has_ended, signal};

/// A command that prints its environment and ends with code 7 when its input ends.
const PRINTS: [&str; 3] = ["sh", "-c", "env; echo ready; cat; exit 7"];
/// A command that prints its environment and ends with code 3 at SIGTERM.
const WAITS: [&str; 3] = [
    "sh",
    "-c",
    "trap 'kill $!; exit 3' TERM; sleep 600 & env; echo ready; wait",
];

#[tokio::test]
async fn a_command_finds_a_server_whose_logins_the_policy_decides() {
    let author = Author::with_policy();
    let mut running = author.run(&["--policy", "users.wasm"], &PRINTS).await;
    let url = running.variable("NATS_URL");

    let alice = log_in(&url, Credentials::Token(TOKEN), "alice").await;
    alice.unwrap().flush().await.unwrap();
    let wrong = log_in(&url, Credentials::Token("wrong"), "mallory").await;
    assert!(is_refused(&wrong), "{wrong:?}");

    let (user, password) = (
        running.variable("PORTCULLIS_ADMIN_USER"),
        running.variable("PORTCULLIS_ADMIN_PASSWORD"),
    );
    let admin = log_in(&url, Credentials::Password(&user, &password), "admin").await;
    let answer = admin.unwrap().request("$JS.API.INFO", "".into()).await;
    let answer = String::from_utf8(answer.unwrap().payload.to_vec()).unwrap();
    assert!(answer.contains("\"streams\":0"), "{answer}");

    let directory = running.variable("PORTCULLIS_RUN_DIRECTORY");
    assert!(Path::new(&directory).join("nats-server.log").exists());
    let server = running.server();
    running.close_input();
    let finished = running.finish().await;
    assert_eq!(finished.code, Some(7), "{finished:?}");
    assert!(!Path::new(&directory).exists());
    assert!(has_ended(server));
}

#[tokio::test]
async fn users_are_placed_in_the_accounts_of_the_command_line() {
    let author = Author::with_policy();
    let settings = fs::read_to_string(author.path("users.toml")).unwrap();
    let moved = settings.replace("\"APP\"", "\"ORDERS\"");
    fs::write(author.path("users.toml"), moved).unwrap();
    let options = ["--policy", "users.wasm", "--account", "OTHER"];
    let options = [&options[..], &["--account", "ORDERS"]].concat();
    let mut running = author.run(&options, &PRINTS).await;
    let url = running.variable("NATS_URL");
    let alice = log_in(&url, Credentials::Token(TOKEN), "alice").await;
    alice.unwrap().flush().await.unwrap();
    running.close_input();
    assert_eq!(running.finish().await.code, Some(7));
}

#[tokio::test]
async fn accounts_of_the_server_itself_are_refused() {
    let author = Author::with_policy();
    for account in ["AUTH", "SYS", "$G"] {
        let options = ["--policy", "users.wasm", "--account", account];
        let finished = author.finish(&options, &["touch", "started"]).await;
        assert_eq!(finished.code, Some(64), "{finished:?}");
        for part in [account, "the server has this account for itself"] {
            assert!(finished.stderr.contains(part), "{finished:?}");
        }
        assert!(!author.path("started").exists());
    }
}

#[tokio::test]
async fn a_configuration_is_served_on_another_port_and_without_its_state() {
    let author = Author::with_policy();
    let made = author.portcullis(&["init", "site"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    for file in ["users.wasm", "users.toml"] {
        let target = author.path("site/policies").join(file);
        fs::copy(author.path(file), target).unwrap();
    }
    let options = ["--config", "site/portcullis.toml"];
    let mut running = author.run(&options, &PRINTS).await;
    let url = running.variable("NATS_URL");
    assert!(!url.ends_with(":4222"), "{url}");
    let alice = log_in(&url, Credentials::Token(TOKEN), "alice").await;
    alice.unwrap().flush().await.unwrap();
    running.close_input();
    assert_eq!(running.finish().await.code, Some(7));
    assert!(!author.path("site/state").exists());
}

#[tokio::test]
async fn a_signal_ends_the_command_and_everything_else() {
    let author = Author::with_policy();
    for name in ["-TERM", "-INT", "-HUP"] {
        let running = author.run(&["--policy", "users.wasm"], &WAITS).await;
        let server = running.server();
        signal(name, running.id());
        let finished = running.finish().await;
        assert_eq!(finished.code, Some(3), "{name}: {finished:?}");
        assert!(has_ended(server), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_dies_ends_the_command() {
    let author = Author::with_policy();
    let running = author.run(&["--policy", "users.wasm"], &WAITS).await;
    signal("-KILL", running.server());
    let finished = running.finish().await;
    assert_eq!(finished.code, Some(69), "{finished:?}");
    assert!(
        finished.stderr.contains("portcullis: nats-server ended"),
        "{finished:?}"
    );
}

#[tokio::test]
async fn a_policy_that_cannot_serve_keeps_the_command_from_starting() {
    let author = Author::with_policy();
    let test = "[[tests]]\nname = \"nobody is let in\"\nlogin = {}\nabstain = false\n";
    fs::write(author.path("users.tests.toml"), test).unwrap();
    let started = ["touch", "started"];
    let finished = author.finish(&["--policy", "users.wasm"], &started).await;
    assert_eq!(finished.code, Some(65), "{finished:?}");
    assert!(finished.stderr.contains("users.tests.toml"), "{finished:?}");
    assert!(!author.path("started").exists());
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let author = Author::with_policy();
    let policy = ["--policy", "users.wasm"];
    for (options, command, code, named) in [
        (&["--policy", "other.wasm"][..], "true", 66, "`other.wasm`"),
        (&policy, "no-such-command", 66, "`no-such-command`"),
        (
            &[&policy[..], &["--nats-server", "no-such-server"]].concat(),
            "true",
            72,
            "`no-such-server`",
        ),
        (&[], "true", 64, "--policy"),
        (
            &["--config", "none/portcullis.toml"],
            "true",
            78,
            "none/portcullis.toml",
        ),
    ] {
        let finished = author.finish(options, &[command]).await;
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.stderr.contains(named), "{finished:?}");
    }
}

#[tokio::test]
async fn policies_of_one_name_are_refused() {
    let author = Author::with_policy();
    let options = ["--policy", "users.wasm", "--policy", "./users.wasm"];
    let finished = author.finish(&options, &PRINTS).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    let problem = "two policies have the file name `users.wasm`: rename one";
    assert!(finished.stderr.contains(problem), "{finished:?}");
}
