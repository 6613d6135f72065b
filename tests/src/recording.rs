//! Lines as a process writes them, and how to wait for one.

use std::fmt::Debug;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::PATIENCE;

/// How many of the last lines a failure quotes.
const QUOTED: usize = 15;

/// Everything that was written so far.
#[derive(Clone, Debug)]
pub struct Recording<T> {
    lines: watch::Receiver<Vec<T>>,
}

impl<T: Clone + Debug + Send + Sync + 'static> Recording<T> {
    /// Records `stream` line by line, as `read` understands it, until it ends.
    pub(crate) fn of(
        stream: impl AsyncRead + Send + Unpin + 'static,
        read: fn(String) -> T,
    ) -> Self {
        let (sender, lines) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                sender.send_modify(|lines| lines.push(read(line)));
            }
        });
        Self { lines }
    }

    /// How many lines there are so far: a mark for [`Self::first_from`].
    pub fn len(&self) -> usize {
        self.lines.borrow().len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All lines so far.
    pub fn all(&self) -> Vec<T> {
        self.lines.borrow().clone()
    }

    /// Waits until one of the lines from `mark` on is the one that `pick` wants.
    ///
    /// # Errors
    ///
    /// If the process ends or [`PATIENCE`] passes; the message says what was awaited and quotes the
    /// last lines.
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

    /// The line at `index`, waiting for it as long as it takes; none if the process ends before.
    pub async fn get(&self, index: usize) -> Option<T> {
        let mut lines = self.lines.clone();
        let lines = lines.wait_for(|lines| lines.len() > index).await.ok()?;
        lines.get(index).cloned()
    }

    /// Waits until the process has closed this output.
    ///
    /// # Errors
    ///
    /// If [`PATIENCE`] passes.
    pub async fn ended(&self) -> Result<()> {
        let mut lines = self.lines.clone();
        timeout(PATIENCE, async { while lines.changed().await.is_ok() {} })
            .await
            .context("the process did not end in time")
    }
}
