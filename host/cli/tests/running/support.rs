//! A folder with a policy, and runs of the program in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Blocking, Stdio};

use portcullis_harness::{Finished, PATIENCE, Release};
use portcullis_test_support::policy_file;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The token of the only user.
pub(crate) const TOKEN: &str = "a-token-for-tests-of-applications";

/// A folder with the policy `users.wasm`, which admits [`TOKEN`] to the account `APP`.
pub(crate) struct Author {
    home: TempDir,
}

/// A run whose command has started.
pub(crate) struct Running {
    process: Child,
    /// The lines that the command has printed.
    printed: Vec<String>,
    rest: Lines<BufReader<ChildStdout>>,
}

impl Author {
    pub(crate) fn with_policy() -> Self {
        let home = TempDir::new().unwrap();
        let module = policy_file("static-users").unwrap();
        fs::copy(module, home.path().join("users.wasm")).unwrap();
        let hash = Blocking::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["hash", "--token"])
            .stdin(fs_input(home.path(), TOKEN))
            .output()
            .unwrap();
        let hash = String::from_utf8(hash.stdout).unwrap();
        let settings = format!(
            "[settings.profiles.app]\npublish = {{ allow = [\"app.>\"] }}\nsubscribe = {{ allow = [\"app.>\"] }}\n\
             [settings.users.alice]\ntoken = \"{}\"\naccount = \"APP\"\nprofile = \"app\"\n",
            hash.trim()
        );
        fs::write(home.path().join("users.toml"), settings).unwrap();
        Self { home }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs the program until it ends.
    pub(crate) async fn portcullis<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        let output = self.command(arguments).output();
        let output = timeout(PATIENCE, output).await.unwrap().unwrap();
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs `portcullis run` until it ends. A server among `options` replaces the usual one.
    pub(crate) async fn finish(&self, options: &[&str], command: &[&str]) -> Finished {
        self.portcullis(&arguments(options, command)).await
    }

    /// Starts `portcullis run` with a command that prints its environment and then `ready`.
    pub(crate) async fn run(&self, options: &[&str], command: &[&str]) -> Running {
        let mut process = self.command(&arguments(options, command)).spawn().unwrap();
        let mut rest = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut printed = Vec::new();
        loop {
            let line = timeout(PATIENCE, rest.next_line()).await.unwrap();
            match line.unwrap() {
                Some(line) if line == "ready" => break,
                Some(line) => printed.push(line),
                None => {
                    let mut stderr = String::new();
                    let mut pipe = process.stderr.take().unwrap();
                    pipe.read_to_string(&mut stderr).await.unwrap();
                    panic!("the command did not start: {stderr}");
                }
            }
        }
        Running {
            process,
            printed,
            rest,
        }
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

impl Running {
    /// Returns the value of an environment variable of the command.
    pub(crate) fn variable(&self, name: &str) -> String {
        let mut values = self.printed.iter().filter_map(|line| {
            let (variable, value) = line.split_once('=')?;
            (variable == name).then(|| value.to_owned())
        });
        values.next().unwrap()
    }

    /// Returns the process id of the program.
    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Returns the process id of the server.
    pub(crate) fn server(&self) -> u32 {
        let ports = Path::new(&self.variable("PORTCULLIS_RUN_DIRECTORY")).join("ports");
        let file = fs::read_dir(ports).unwrap().next().unwrap().unwrap();
        let name = file.file_name().into_string().unwrap();
        let (_, id) = name
            .strip_suffix(".ports")
            .unwrap()
            .rsplit_once('_')
            .unwrap();
        id.parse().unwrap()
    }

    /// Ends the input of the command.
    pub(crate) fn close_input(&mut self) {
        self.process.stdin.take();
    }

    /// Waits until the program has ended.
    pub(crate) async fn finish(mut self) -> Finished {
        let mut stderr = String::new();
        let mut pipe = self.process.stderr.take().unwrap();
        let ended = async {
            pipe.read_to_string(&mut stderr).await.unwrap();
            let mut stdout = String::new();
            let mut rest = self.rest.into_inner();
            rest.read_to_string(&mut stdout).await.unwrap();
            (self.process.wait().await.unwrap(), stdout)
        };
        let (status, stdout) = timeout(PATIENCE, ended).await.unwrap();
        Finished {
            code: status.code(),
            stdout,
            stderr,
        }
    }
}

/// Returns the arguments of `portcullis run`, with a server of the tests unless `options` name one.
fn arguments(options: &[&str], command: &[&str]) -> Vec<String> {
    let server = Release::Newest.program().unwrap();
    let server = ["--nats-server", server.to_str().unwrap()];
    let server = (!options.contains(&"--nats-server")).then_some(server);
    let server = server.as_ref().map(<[_; 2]>::as_slice);
    let parts = [
        &["run"],
        options,
        server.unwrap_or_default(),
        &["--"],
        command,
    ];
    parts.concat().into_iter().map(str::to_owned).collect()
}

/// Sends a signal to the process `id`.
pub(crate) fn signal(name: &str, id: u32) {
    let sent = Blocking::new("kill").args([name, &id.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Returns whether no process `id` runs.
pub(crate) fn has_ended(id: u32) -> bool {
    !Path::new(&format!("/proc/{id}")).exists()
}

/// Returns a file with this text, as the input of a program.
fn fs_input(folder: &Path, text: &str) -> fs::File {
    let file = folder.join("input");
    fs::write(&file, text).unwrap();
    fs::File::open(file).unwrap()
}
