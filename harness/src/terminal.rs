//! A program in a pseudo terminal, and what it shows there.

mod picture;

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{Built, PATIENCE};
use picture::Picture;

/// The program of Python that holds the other end of the terminal. Opening one in Rust takes
/// `unsafe`, or features of rustix with which wasmtime would be compiled again.
const PTY: &str = include_str!("terminal/pty.py");

/// A program whose standard input, output and errors are a terminal; dropping it ends the program.
#[derive(Debug)]
pub struct PseudoTerminal {
    python: Child,
    commands: ChildStdin,
    picture: watch::Receiver<Picture>,
}

impl PseudoTerminal {
    /// Starts `portcullis` in a terminal of this size, in columns and lines.
    ///
    /// # Errors
    ///
    /// Fails if the program cannot be started.
    pub fn portcullis(arguments: &[&str], size: (u16, u16)) -> Result<Self> {
        Self::spawn(&Built::portcullis()?, arguments, size)
    }

    /// Starts a program in a terminal of this size, in columns and lines.
    ///
    /// # Errors
    ///
    /// Fails if Python cannot be started.
    pub fn spawn(program: &Path, arguments: &[&str], size: (u16, u16)) -> Result<Self> {
        let (columns, lines) = size;
        let mut python = Command::new("python3")
            .args(["-c", PTY, &columns.to_string(), &lines.to_string()])
            .arg(program)
            .args(arguments)
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start `python3`")?;
        let commands = python.stdin.take().context("python has no stdin")?;
        let output = python.stdout.take().context("python has no stdout")?;
        let (sender, picture) = watch::channel(Picture::new(size));
        tokio::spawn(read(output, sender));
        Ok(Self {
            python,
            commands,
            picture,
        })
    }

    /// Waits until the terminal shows all `texts`. Returns what it shows then.
    ///
    /// # Errors
    ///
    /// Fails if it does not show them in time.
    pub async fn shows(&self, texts: &[&str]) -> Result<String> {
        self.until(&format!("{texts:?}"), |shown| {
            texts.iter().all(|text| shown.contains(text))
        })
        .await
    }

    /// Waits until `wanted` accepts what the terminal shows, and returns it. Lines end in no
    /// blanks.
    ///
    /// # Errors
    ///
    /// Fails if the terminal does not show it in time.
    pub async fn until(&self, awaited: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let mut picture = self.picture.clone();
        let waiting = picture.wait_for(|picture| wanted(&picture.text()));
        if let Ok(Ok(picture)) = timeout(PATIENCE, waiting).await {
            return Ok(picture.text());
        }
        let shown = self.picture.borrow().text();
        bail!("the terminal does not show {awaited}:\n{shown}")
    }

    /// Presses keys.
    ///
    /// # Errors
    ///
    /// Fails if the program has ended.
    pub async fn press(&mut self, keys: &str) -> Result<()> {
        self.command(&json!({ "keys": keys })).await
    }

    /// Gives the terminal another size, in columns and lines.
    ///
    /// # Errors
    ///
    /// Fails if the program has ended.
    pub async fn resize(&mut self, (columns, lines): (u16, u16)) -> Result<()> {
        self.command(&json!({ "size": [columns, lines] })).await
    }

    /// Asks the program to stop (SIGTERM).
    ///
    /// # Errors
    ///
    /// Fails if the program has ended.
    pub async fn ask_to_stop(&mut self) -> Result<()> {
        self.command(&json!({ "signal": 15 })).await
    }

    async fn command(&mut self, command: &Value) -> Result<()> {
        let line = format!("{command}\n");
        Ok(self.commands.write_all(line.as_bytes()).await?)
    }

    /// Waits until the program has ended. Returns its exit code, which is negative if a signal
    /// ended it, and what the terminal shows then.
    ///
    /// # Errors
    ///
    /// Fails if the program does not end in time, or does not leave the terminal as it found it:
    /// its modes, its main screen, and a visible cursor.
    pub async fn ended(self) -> Result<(i64, String)> {
        let Self {
            python,
            commands,
            mut picture,
        } = self;
        let done = timeout(PATIENCE, python.wait_with_output()).await;
        let done = done.context("the program did not end in time")??;
        drop(commands);
        let report: Value = serde_json::from_slice(&done.stderr)
            .with_context(|| String::from_utf8_lossy(&done.stderr).into_owned())?;
        ensure!(
            report.get("restored") == Some(&Value::Bool(true)),
            "the modes of the terminal are others"
        );
        let is_restored = |picture: &Picture| picture.is_main && picture.has_cursor;
        let shown = timeout(PATIENCE, picture.wait_for(is_restored)).await;
        let Ok(Ok(picture)) = shown else {
            bail!("the program has left its own screen there");
        };
        let code = report.get("code").and_then(Value::as_i64);
        let code = code.context("there is no exit code")?;
        Ok((code, picture.text()))
    }
}

/// Reads what the program writes, until it ends.
async fn read(mut output: ChildStdout, picture: watch::Sender<Picture>) {
    let mut bytes = [0; 4096];
    while let Ok(length) = output.read(&mut bytes).await {
        let Some(read) = bytes.get(..length).filter(|read| !read.is_empty()) else {
            return;
        };
        picture.send_modify(|picture| picture.write(read));
    }
}
