//! Signals of the operator: stop, and reload.

use std::io;

use tokio::signal;

/// Starts to listen for SIGTERM and SIGINT. The returned future completes at the first of them.
///
/// # Errors
///
/// Fails if the operating system refuses.
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

/// The SIGHUPs since the creation of this value.
pub(crate) struct HangUps(signal::unix::Signal);

/// Starts to listen for SIGHUP.
///
/// # Errors
///
/// Fails if the operating system refuses.
pub(crate) fn hang_ups() -> io::Result<HangUps> {
    signal::unix::signal(signal::unix::SignalKind::hangup()).map(HangUps)
}

impl HangUps {
    /// Waits for the first SIGHUP.
    pub(crate) async fn first(mut self) {
        self.0.recv().await;
    }

    /// Calls `reload` at every SIGHUP, and waits for its end. One call answers the SIGHUPs that
    /// arrive meanwhile.
    pub(crate) async fn call<F: Future<Output = ()>>(mut self, reload: impl Fn() -> F) {
        while self.0.recv().await.is_some() {
            reload().await;
        }
    }
}
