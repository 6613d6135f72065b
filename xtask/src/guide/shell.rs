//! The shell that the commands of a page run in.
//!
//! One shell runs all commands of a page, so that `cd`, variables and programs in the background
//! carry over. It is the first process of its group. When its standard input ends, it ends every
//! process of the group, so that no program of a page outlives this one.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::process;

/// Ends the processes of the group, and waits for them.
const AT_THE_END: &str = "trap 'trap \"\" TERM; kill -TERM 0; wait' EXIT\n";

/// Longest time until the programs of a page have ended.
const END: Duration = Duration::from_mins(1);

/// Variables of the developer's own that would change what the commands do.
const FOREIGN: [&str; 9] = [
    "CARGO_BUILD_TARGET",
    "NATS_CONTEXT",
    "NATS_CREDS",
    "NATS_NKEY",
    "NATS_PASSWORD",
    "NATS_TOKEN",
    "NATS_URL",
    "NATS_USER",
    "RUSTFLAGS",
];

/// The folders that a page uses.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// The folder that the page begins in.
    pub(super) home: &'a Path,
    /// The folder of the outputs.
    pub(super) outputs: &'a Path,
    /// The folder of programs that comes first on `PATH`.
    pub(super) programs: &'a Path,
    /// The folder of Python packages.
    pub(super) python: &'a Path,
    /// The target directory of cargo.
    pub(super) target: &'a Path,
}

/// A running shell.
#[derive(Debug)]
pub(super) struct Shell {
    process: Child,
    input: ChildStdin,
    /// The exit code of each command, once the command has ended.
    codes: Receiver<i32>,
    outputs: PathBuf,
    /// The number of commands so far.
    commands: usize,
}

/// A command that has ended, or goes on in the background.
#[derive(Debug)]
pub(super) struct Finished {
    /// The exit code.
    pub(super) code: i32,
    output: PathBuf,
}

impl Finished {
    /// Reads standard output and standard error of the command so far.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read.
    pub(super) fn output(&self) -> Result<String> {
        let bytes = fs::read(&self.output).map_err(Failure::at("read", &self.output))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Shell {
    /// Starts the shell of a page.
    ///
    /// # Errors
    ///
    /// Fails if the shell does not start.
    pub(super) fn start(place: &Place<'_>) -> Result<Self> {
        let mut paths = vec![place.programs.to_owned()];
        let own = std::env::var_os("PATH").unwrap_or_default();
        paths.extend(std::env::split_paths(&own));
        let paths = std::env::join_paths(paths)
            .map_err(|error| Failure::new(format!("cannot set PATH: {error}")))?;
        let mut command = Command::new("sh");
        command
            .current_dir(place.home)
            .env("PATH", paths)
            .env("PYTHONPATH", place.python)
            .env("XDG_CONFIG_HOME", place.outputs)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", place.target)
            .env("CARGO_TERM_COLOR", "never")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        for variable in FOREIGN {
            command.env_remove(variable);
        }
        let cannot = || Failure::new("cannot start `sh`");
        let mut process = command
            .spawn()
            .map_err(|cause| Failure::new(format!("cannot start `sh`: {cause}")))?;
        let input = process.stdin.take().ok_or_else(cannot)?;
        let output = process.stdout.take().ok_or_else(cannot)?;
        let (sender, codes) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(output)
                .lines()
                .map_while(std::result::Result::ok);
            for code in lines.filter_map(|line| line.parse().ok()) {
                // Without a receiver, the page has ended.
                let _ = sender.send(code);
            }
        });
        let mut shell = Self {
            process,
            input,
            codes,
            outputs: place.outputs.to_owned(),
            commands: 0,
        };
        shell.write(AT_THE_END)?;
        Ok(shell)
    }

    /// Runs a command, and waits for its end.
    ///
    /// # Errors
    ///
    /// Fails if the command does not end before `deadline`, or ends the shell.
    pub(super) fn run(&mut self, line: &str, deadline: Instant) -> Result<Finished> {
        self.commands += 1;
        let output = self.outputs.join(format!("{}.output", self.commands));
        // A command must not read the commands behind it.
        let path = output.display();
        self.write(&format!(
            "{{ {line}\n}} </dev/null >'{path}' 2>&1\necho $?\n"
        ))?;
        let time = deadline.saturating_duration_since(Instant::now());
        match self.codes.recv_timeout(time) {
            Ok(code) => Ok(Finished { code, output }),
            Err(RecvTimeoutError::Timeout) => {
                self.end_group();
                let said = Finished { code: 0, output }.output()?;
                Err(Failure::new(format!("`{line}` does not end:\n{said}")))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(Failure::new(format!("`{line}` ends the shell")))
            }
        }
    }

    /// Waits for `time`, unless the shell ends.
    ///
    /// # Errors
    ///
    /// Fails if the shell has ended.
    pub(super) fn pause(&self, time: Duration) -> Result<()> {
        match self.codes.recv_timeout(time) {
            Err(RecvTimeoutError::Disconnected) => Err(Failure::new("the shell has ended")),
            _ => Ok(()),
        }
    }

    /// Ends every program of the page.
    ///
    /// # Errors
    ///
    /// Fails if a program does not end.
    pub(super) fn end(self) -> Result<()> {
        let Self {
            mut process,
            input,
            codes,
            ..
        } = self;
        drop(input);
        match codes.recv_timeout(END) {
            Err(RecvTimeoutError::Disconnected) => {}
            _ => return Err(Failure::new(": a program of the page does not end")),
        }
        process
            .wait()
            .map(drop)
            .map_err(|cause| Failure::new(format!(": cannot wait for `sh`: {cause}")))
    }

    /// Ends the processes of the group while the shell waits for one of them.
    fn end_group(&self) {
        let group = format!("-{}", self.process.id());
        // If `kill` fails, the program that does not end stays.
        let _ = process::run_quietly(Command::new("kill").args(["-TERM", "--", &group]));
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.input
            .write_all(text.as_bytes())
            .map_err(|cause| Failure::new(format!("the shell has ended: {cause}")))
    }
}
