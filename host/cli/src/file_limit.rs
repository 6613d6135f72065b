//! The limit of open files of the process.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Raises the limit of open files as far as the system allows. The usual one, 1024, is from times
/// of programs that call `select`, and is less than the connections of the exchange.
pub(crate) fn raise_file_limit() {
    raise_by(|raised| Ok(setrlimit(Resource::Nofile, raised)?));
}

/// Raises the limit with `set`, or says in the log why that failed.
fn raise_by(set: impl FnOnce(Rlimit) -> io::Result<()>) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Some systems refuse their own maximum. The limit then stays, and the exchange heeds it.
    if let Err(error) = set(raised) {
        warn!(%error, open_files = limit.current, "limit of open files not raised");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// A log in memory.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the log of an attempt that `set` makes, and the limit that it was to set.
    fn attempt(set: impl FnOnce() -> io::Result<()>) -> (String, Option<Rlimit>) {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        let mut asked = None;
        tracing::subscriber::with_default(subscriber, || {
            raise_by(|raised| {
                asked = Some(raised);
                set()
            });
        });
        let text = String::from_utf8(log.0.lock().clone()).unwrap();
        (text, asked)
    }

    #[test]
    fn the_limit_is_raised_to_the_maximum() {
        let (log, asked) = attempt(|| Ok(()));
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(asked.unwrap().current, limit.maximum);
        assert_eq!(log, "");
    }

    #[test]
    fn a_limit_that_stays_is_logged_with_the_reason() {
        let refused = || Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let (log, _) = attempt(refused);
        for part in [
            "WARN",
            "limit of open files not raised",
            "permission denied",
        ] {
            assert!(log.contains(part), "{log}");
        }
    }
}
