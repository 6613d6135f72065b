//! The host of a test bed.

use std::time::Duration;

use portcullis::{Host, HostHandle, RunError};
use portcullis_config::{Config, Secrets};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::prove::child_prover;

/// Maximum time until the host decides logins.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A host that runs in this process.
pub(super) struct RunningHost {
    handle: HostHandle,
    ready: oneshot::Receiver<()>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), RunError>>,
}

impl RunningHost {
    /// Starts a host.
    ///
    /// # Errors
    ///
    /// Fails if the parts of the configuration do not fit together.
    pub(super) fn start(config: Config, secrets: Secrets) -> Result<Self, Failure> {
        let (is_ready, ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let host = Host::builder(config)
            .secrets(secrets)
            .prover(child_prover())
            .on_ready(move |_| {
                // Without a receiver, the run has ended.
                let _ = is_ready.send(());
            })
            .build()?;
        let handle = host.handle();
        let task = tokio::spawn(host.run(async {
            // A dropped sender stops the host too.
            let _ = stopped.await;
        }));
        Ok(Self {
            handle,
            ready,
            stop,
            task,
        })
    }

    /// Waits until the host decides logins.
    ///
    /// # Errors
    ///
    /// Fails if the host ends, or is not ready in time.
    pub(super) async fn ready(&mut self) -> Result<(), Failure> {
        match timeout(START_LIMIT, &mut self.ready).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.lost().await),
            Err(_) => {
                let reasons = self.handle.status().reasons;
                let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
                let error = anyhow::anyhow!("the host decides no logins: {}", reasons.join("; "));
                Err(Failure::new(ExitCode::Unreachable, error))
            }
        }
    }

    /// Waits until the host has ended by itself. Returns why that is a failure.
    pub(super) async fn lost(&mut self) -> Failure {
        match (&mut self.task).await {
            Ok(Ok(())) => Failure::internal(anyhow::anyhow!("the host ended")),
            Ok(Err(error)) => error.into(),
            Err(error) => Failure::internal(error),
        }
    }

    /// Ends the host.
    ///
    /// # Errors
    ///
    /// Fails if the host ended with an error.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        if self.task.is_finished() {
            return Ok(());
        }
        // A host that has ended in the meantime has no receiver.
        let _ = self.stop.send(());
        match self.task.await {
            Ok(ended) => ended.map_err(Failure::from),
            Err(error) => Err(Failure::internal(error)),
        }
    }
}
