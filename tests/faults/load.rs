//! Clients that log in without a pause, and the result of each login.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The number of concurrent clients.
pub(crate) const AT_ONCE: usize = 8;
/// The delay after a failed login, so that clients do not poll a stopped server all the time.
const PAUSE: Duration = Duration::from_millis(20);
/// The time after which a fault counts as permanent: longer than any fault lasts.
const PATIENCE: Duration = Duration::from_mins(1);

/// A finished login.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Login {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) admitted: bool,
}

/// The numbers of successful and failed logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) admitted: usize,
    pub(crate) failed: usize,
}

/// The clients, [`AT_ONCE`] in number. They stop when the load is dropped.
pub(crate) struct Load {
    logins: watch::Receiver<Vec<Login>>,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts the clients. `log_in` returns whether the login was permitted.
    pub(crate) fn start<F>(log_in: impl Fn() -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = bool> + Send,
    {
        let (record, logins) = watch::channel(Vec::new());
        let (stop, stopped) = watch::channel(false);
        let mut clients = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (log_in, record, stopped) = (log_in.clone(), record.clone(), stopped.clone());
            clients.spawn(async move {
                while !*stopped.borrow() {
                    let began = Instant::now();
                    let admitted = log_in().await;
                    let ended = Instant::now();
                    let ended = Login {
                        began,
                        ended,
                        admitted,
                    };
                    record.send_modify(|logins| logins.push(ended));
                    if !admitted {
                        sleep(PAUSE).await;
                    }
                }
            });
        }
        Self {
            logins,
            stop,
            clients,
        }
    }

    /// Waits until `number` logins that begin from now on have been permitted.
    pub(crate) async fn admits(&self, number: usize) -> Result<()> {
        self.ends(number, |login| login.admitted)
            .await
            .context("logins do not work")
    }

    /// Waits until `number` logins that begin from now on have failed.
    pub(crate) async fn fails(&self, number: usize) -> Result<()> {
        self.ends(number, |login| !login.admitted)
            .await
            .context("logins go on working")
    }

    /// Waits until `number` logins that begin from now on have ended with any result.
    pub(crate) async fn goes_on(&self, number: usize) -> Result<()> {
        self.ends(number, |_| true)
            .await
            .context("logins do not end")
    }

    /// Returns the logins that have ended so far.
    pub(crate) fn so_far(&self) -> Vec<Login> {
        self.logins.borrow().clone()
    }

    /// Stops the clients and waits for their last logins.
    pub(crate) async fn stop(mut self) -> Vec<Login> {
        let _ = self.stop.send(true);
        while self.clients.join_next().await.is_some() {}
        self.logins.borrow().clone()
    }

    async fn ends(&self, number: usize, wanted: impl Fn(&Login) -> bool) -> Result<()> {
        let (mark, now) = (self.logins.borrow().len(), Instant::now());
        let mut logins = self.logins.clone();
        let enough = logins.wait_for(|logins| {
            let new = logins.iter().skip(mark).filter(|login| login.began >= now);
            new.filter(|login| wanted(login)).count() >= number
        });
        timeout(PATIENCE, enough).await??;
        Ok(())
    }
}

impl Tally {
    /// Counts logins by result.
    pub(crate) fn of<'a>(logins: impl IntoIterator<Item = &'a Login>) -> Self {
        let mut tally = Self::default();
        for login in logins {
            if login.admitted {
                tally.admitted += 1;
            } else {
                tally.failed += 1;
            }
        }
        tally
    }
}
