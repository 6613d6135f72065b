//! When the operator wants the service to stop, or to look at its policies.

use std::io;

use tokio::signal;
use tokio::task::JoinHandle;

/// Starts listening for SIGTERM and SIGINT; the future is done at the first of them.
///
/// # Errors
///
/// When the operating system refuses.
pub(crate) fn stop_requested() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    let mut interrupt = signal::unix::signal(signal::unix::SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Calls `reload` at every SIGHUP, until the task is aborted.
///
/// # Errors
///
/// When the operating system refuses.
pub(crate) fn on_reload(reload: impl Fn() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let mut hang_up = signal::unix::signal(signal::unix::SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            reload();
        }
    }))
}
