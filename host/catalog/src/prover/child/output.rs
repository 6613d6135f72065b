//! The frames that a child sends to its parent.

use std::io::{self, Write as _};
use std::sync::Arc;

use parking_lot::Mutex;

/// Destination of frames, shared with the subscriber that forwards log lines.
pub(super) type Output = Arc<Mutex<io::Stdout>>;

/// Writes frames and flushes them.
pub(super) fn send(
    output: &Output,
    write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>,
) -> io::Result<()> {
    let output = output.lock();
    let mut to = output.lock();
    write(&mut to)?;
    to.flush()
}
