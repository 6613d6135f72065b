//! When the operator wants the service to stop.

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
