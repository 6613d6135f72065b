//! The output lines of a process, and how to wait for one.

use std::fmt::Debug;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::PATIENCE;

/// The number of last lines that a failure quotes.
const QUOTED: usize = 15;

/// All output lines so far.
#[derive(Clone, Debug)]
pub struct Recording<T> {
    lines: watch::Receiver<Vec<T>>,
}

impl<T: Clone + Debug + Send + Sync + 'static> Recording<T> {
    /// Records `stream` line by line until it ends. `read` converts each line.
    pub fn of(stream: impl AsyncRead + Send + Unpin + 'static, read: fn(String) -> T) -> Self {
        let (sender, lines) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                sender.send_modify(|lines| lines.push(read(line)));
            }
        });
        Self { lines }
    }

    /// Returns the number of lines so far, which is a mark for [`Self::first_from`].
    pub fn len(&self) -> usize {
        self.lines.borrow().len()
    }

    /// Returns whether no line was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all lines so far.
    pub fn all(&self) -> Vec<T> {
        self.lines.borrow().clone()
    }

    /// Waits until `pick` accepts a line, from `mark` on, and returns what `pick` returns.
    ///
    /// # Errors
    ///
    /// Fails if the process ends or [`PATIENCE`] passes. The message says what was awaited and
    /// quotes the last lines.
    pub async fn first_from<R>(
        &self,
        mark: usize,
        awaited: &str,
        mut pick: impl FnMut(&T) -> Option<R>,
    ) -> Result<R> {
        let mut lines = self.lines.clone();
        let mut seen = mark;
        let mut found = None;
        let search = lines.wait_for(|lines| {
            found = lines.iter().skip(seen).find_map(&mut pick);
            seen = seen.max(lines.len());
            found.is_some()
        });
        let outcome = timeout(PATIENCE, search).await.map(|ended| ended.is_ok());
        if let Some(found) = found {
            return Ok(found);
        }
        let why = match outcome {
            Ok(_) => "the process ended",
            Err(_) => "nothing came in time",
        };
        let lines = self.all();
        let last = lines.get(lines.len().saturating_sub(QUOTED)..);
        bail!("waited for {awaited}, but {why}; its last lines: {last:#?}")
    }

    /// Waits for the line at `index` without a deadline. Returns `None` if the process ends before.
    pub async fn get(&self, index: usize) -> Option<T> {
        let mut lines = self.lines.clone();
        let lines = lines.wait_for(|lines| lines.len() > index).await.ok()?;
        lines.get(index).cloned()
    }

    /// Waits until the process has closed this output.
    ///
    /// # Errors
    ///
    /// Fails if [`PATIENCE`] passes.
    pub async fn ended(&self) -> Result<()> {
        let mut lines = self.lines.clone();
        timeout(PATIENCE, async { while lines.changed().await.is_ok() {} })
            .await
            .context("the process did not end in time")
    }
}
