//! `policy watch`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::{Author, edit, prepare};

/// A program that runs until the test ends.
struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Watching {
    /// Returns the next line. A build server ends a test that waits for ever.
    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_good_version_is_shipped_at_every_save_and_a_bad_one_is_not() {
    let author = Author::new();
    let folder = author.new_policy("seen", "empty");
    let policies = author.home().join("policies");
    fs::create_dir(&policies).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["policy", "watch", "seen", "--into", "policies"]);
    let mut child = prepare(&mut command, author.home())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut watching = Watching { child, lines };

    let first = watching.line();
    assert!(
        first.starts_with("seen: 2 tests passed, put into `policies`"),
        "{first}"
    );
    let module = fs::read(policies.join("seen.wasm")).unwrap();
    for file in ["seen.toml", "seen.tests.toml"] {
        let shipped = fs::read(policies.join(file)).unwrap();
        assert_eq!(shipped, fs::read(folder.join(file)).unwrap(), "{file}");
    }

    let source = folder.join("src/lib.rs");
    edit(&source, "the client presents nothing", "it keeps silent");
    let broken = watching.line();
    assert!(
        broken.starts_with("seen: FAILED, not put into `policies`"),
        "{broken}"
    );
    assert!(broken.contains("seen.tests.toml, line 2"), "{broken}");
    assert_eq!(fs::read(policies.join("seen.wasm")).unwrap(), module);

    edit(
        &folder.join("seen.tests.toml"),
        "presents nothing",
        "keeps silent",
    );
    let second = watching.line();
    assert!(second.starts_with("seen: 2 tests passed"), "{second}");
    assert_ne!(fs::read(policies.join("seen.wasm")).unwrap(), module);
}
