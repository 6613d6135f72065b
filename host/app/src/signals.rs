//! When the operator wants the service to stop, or to look at its policies.

use std::io;

use tokio::signal;

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

/// SIGHUPs, from the moment this is made.
pub(crate) struct HangUps(signal::unix::Signal);

/// Starts listening for SIGHUP.
///
/// # Errors
///
/// When the operating system refuses.
pub(crate) fn hang_ups() -> io::Result<HangUps> {
    signal::unix::signal(signal::unix::SignalKind::hangup()).map(HangUps)
}

impl HangUps {
    /// Calls `reload` at every SIGHUP.
    pub(crate) async fn call(mut self, reload: impl Fn()) {
        while self.0.recv().await.is_some() {
            reload();
        }
    }
}
