//! A value that is read again at an interval, such as a certificate or a token in a file.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::sleep;

/// Interval at which a value is read again.
const INTERVAL: Duration = Duration::from_mins(1);

/// A value that is read again each minute, until this is dropped. If that fails, the last value
/// stays in use. `Debug` does not show the value.
pub struct Refreshed<T> {
    current: Arc<RwLock<Arc<T>>>,
    /// The task that reads the value again, which ends with this.
    task: JoinSet<()>,
}

/// A reason why there is no value at first.
#[derive(Debug, thiserror::Error)]
pub enum NotRead<E: Error + 'static> {
    /// The value cannot be used.
    #[error(transparent)]
    Unusable(E),
    /// The task that reads the value did not end, because it panicked or the runtime stops.
    #[error("the task that reads a file failed")]
    Task(#[source] JoinError),
}

impl<T: Send + Sync + 'static> Refreshed<T> {
    /// Returns a value that is never read again.
    pub fn fixed(value: T) -> Self {
        Self {
            current: Arc::new(RwLock::new(Arc::new(value))),
            task: JoinSet::new(),
        }
    }

    /// Reads the value with `read`, on the blocking pool, and goes on to do so each minute.
    /// `failed` records why a later attempt failed.
    ///
    /// # Errors
    ///
    /// Fails if the value cannot be used at first.
    pub async fn start<E, R>(
        read: R,
        failed: impl Fn(&E) + Send + 'static,
    ) -> Result<Self, NotRead<E>>
    where
        E: Error + Send + 'static,
        R: Fn() -> Result<T, E> + Send + Sync + 'static,
    {
        Self::with_interval(INTERVAL, read, failed).await
    }

    /// Reads the value as [`start`](Self::start) does, at each `interval`.
    pub(crate) async fn with_interval<E, R>(
        interval: Duration,
        read: R,
        failed: impl Fn(&E) + Send + 'static,
    ) -> Result<Self, NotRead<E>>
    where
        E: Error + Send + 'static,
        R: Fn() -> Result<T, E> + Send + Sync + 'static,
    {
        let read = Arc::new(read);
        let value = blocking(&read).await.map_err(NotRead::Task)?;
        let mut refreshed = Self::fixed(value.map_err(NotRead::Unusable)?);
        let current = Arc::clone(&refreshed.current);
        refreshed.task.spawn(async move {
            loop {
                sleep(interval).await;
                match blocking(&read).await {
                    Ok(Ok(value)) => *current.write() = Arc::new(value),
                    Ok(Err(error)) => failed(&error),
                    // The runtime shuts down.
                    Err(_) => return,
                }
            }
        });
        Ok(refreshed)
    }

    /// Returns the value as last read.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.current.read())
    }
}

impl<T> fmt::Debug for Refreshed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Refreshed").finish_non_exhaustive()
    }
}

/// Runs `read` on the blocking pool.
async fn blocking<T: Send + 'static>(
    read: &Arc<impl Fn() -> T + Send + Sync + 'static>,
) -> Result<T, JoinError> {
    let read = Arc::clone(read);
    spawn_blocking(move || read()).await
}
