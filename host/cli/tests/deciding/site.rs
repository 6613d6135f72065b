//! A configuration with policies, and the commands on it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

/// Alice's password, which no output may repeat.
pub(crate) const PASSWORD: &str = "correct horse battery";

static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut child = program()
        .arg("hash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(PASSWORD.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
});

/// A configuration with its keys and policies.
pub(crate) struct Site(TempDir);

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
}

impl Site {
    /// Makes a site without a policy. `config` follows the configuration that `init` writes.
    pub(crate) fn new(config: &str) -> Self {
        let site = Self(TempDir::new().unwrap());
        let made = program().arg("init").arg(site.path()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let file = site.path().join("portcullis.toml");
        let written = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{written}\n{config}")).unwrap();
        site
    }

    /// Makes a site whose policy `users` permits Alice `profile`.
    pub(crate) fn with_alice(config: &str, profile: &str) -> Self {
        let site = Self::new(config);
        let module = portcullis_test_support::policy("static-users").unwrap();
        site.put("policies/users.wasm", module);
        let hash = &*HASH;
        let settings = format!(
            "[settings.profiles.own]\n{profile}\n[settings.users.alice]\npassword = \"{hash}\"\naccount = \"APP\"\nprofile = \"own\"\n"
        );
        site.put("policies/users.toml", settings);
        site
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn put(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path().join(file), content).unwrap();
    }

    /// Runs the program with the site's configuration, in the site's folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        let output = program()
            .args(arguments)
            .args(["--config", "portcullis.toml"])
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let finished = Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        for said in [&finished.stdout, &finished.stderr] {
            assert!(!said.contains(PASSWORD), "a secret in {finished:?}");
        }
        finished
    }

    /// Runs `decide` for Alice with her password.
    pub(crate) fn decide_alice(&self, arguments: &[&str]) -> Finished {
        let login = ["decide", "--user", "alice", "--password", PASSWORD];
        self.run(&[&login, arguments].concat())
    }
}

impl Finished {
    /// Returns the JSON on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Checks the exit code and the parts of standard output, in order.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let mut rest = self.stdout.as_str();
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else {
                panic!("`{part}` is missing in {rest}")
            };
            rest = after;
        }
    }
}
