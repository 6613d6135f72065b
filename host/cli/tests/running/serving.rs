//! `portcullis serve`, and the limits of its process.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use portcullis_harness::PATIENCE;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::Author;

/// Lowers the limit of open files, and becomes the program with its log on standard output.
const LOWERS: &str = "ulimit -S -n 128; exec \"$@\" 2>&1";

#[tokio::test]
async fn serve_raises_its_limit_of_open_files() {
    let author = Author::with_policy();
    let made = author.portcullis(&["init", "site"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    // A server that never answers: the host waits for it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = author.path("site/portcullis.toml");
    let config = fs::read_to_string(&file).unwrap();
    let config = config
        .replace("127.0.0.1:4222", &silent.local_addr().unwrap().to_string())
        .replace("127.0.0.1:9222", "127.0.0.1:0");
    fs::write(&file, config).unwrap();
    let mut host = Command::new("sh")
        .args(["-c", LOWERS, "sh", env!("CARGO_BIN_EXE_portcullis")])
        .args(["serve", "--config"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(host.stdout.take().unwrap()).lines();
    // The host raises the limit before its first line.
    let line = timeout(PATIENCE, log.next_line()).await.unwrap().unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", host.id().unwrap())).unwrap();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let files: Vec<_> = files.unwrap().split_whitespace().collect();
    assert_eq!(files.first(), files.get(1), "{line:?}: {limits}");
    assert_ne!(files.first(), Some(&"128"), "{limits}");
    host.kill().await.unwrap();
}
