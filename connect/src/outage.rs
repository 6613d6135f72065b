//! Outages of a connection, each reported once.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The state of a connection, for a watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// The connection is up.
    Up,
    /// The connection is down. The number tells one outage from the next; that before the first
    /// connection is zero.
    Down(u64),
    /// The connection has ended and will not be made again.
    Ended,
}

/// The reason for which a service cannot rely on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The connection has been down for longer than the limit. It will be made again.
    Lasting,
    /// The connection has ended and will not be made again.
    Closed,
}

/// A watcher that reports each outage once, when it has lasted for a limit.
#[derive(Debug)]
pub struct OutageWatcher {
    link: watch::Receiver<Link>,
    limit: Duration,
    seen: Seen,
}

/// The outage that the watcher knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    None,
    /// The outage of this number, which is reported at this time.
    Running(u64, Instant),
    Reported(u64),
    ReportedEnd,
}

impl OutageWatcher {
    pub(crate) const fn new(link: watch::Receiver<Link>, limit: Duration) -> Self {
        Self {
            link,
            limit,
            seen: Seen::None,
        }
    }

    /// Waits for the next outage. An outage that is over before the limit is not reported. Returns
    /// `None` after the end of the connection was reported.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Outage> {
        while self.seen != Seen::ReportedEnd {
            let link = *self.link.borrow_and_update();
            let report_at = match (link, self.seen) {
                (Link::Ended, _) => return Some(self.end()),
                (Link::Up, _) => {
                    self.seen = Seen::None;
                    None
                }
                (Link::Down(number), Seen::Reported(reported)) if number == reported => None,
                (Link::Down(number), Seen::Running(running, at)) if number == running => {
                    Some((number, at))
                }
                (Link::Down(number), _) => {
                    let at = Instant::now() + self.limit;
                    self.seen = Seen::Running(number, at);
                    Some((number, at))
                }
            };
            let changed = match report_at {
                None => self.link.changed().await,
                Some((number, at)) => tokio::select! {
                    changed = self.link.changed() => changed,
                    () = sleep_until(at) => {
                        self.seen = Seen::Reported(number);
                        return Some(Outage::Lasting);
                    }
                },
            };
            if changed.is_err() {
                return Some(self.end());
            }
        }
        None
    }

    const fn end(&mut self) -> Outage {
        self.seen = Seen::ReportedEnd;
        Outage::Closed
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// A limit that passes at once, and one that does not pass while a test runs.
    const SHORT: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_hours(1);

    fn watched(link: Link, limit: Duration) -> (watch::Sender<Link>, OutageWatcher) {
        let (sender, receiver) = watch::channel(link);
        (sender, OutageWatcher::new(receiver, limit))
    }

    #[tokio::test]
    async fn a_lasting_outage_is_reported_once() {
        let (link, mut watcher) = watched(Link::Up, SHORT);
        for number in 1..3 {
            link.send_replace(Link::Up);
            assert_eq!(watcher.next().now_or_never(), None);
            link.send_replace(Link::Down(number));
            assert_eq!(watcher.next().await, Some(Outage::Lasting));
            assert_eq!(watcher.next().now_or_never(), None);
            assert_eq!(watcher.seen, Seen::Reported(number));
        }
    }

    #[tokio::test]
    async fn an_outage_counts_from_its_beginning_and_ends_with_a_connection() {
        let (link, mut watcher) = watched(Link::Down(1), LONG);
        assert_eq!(watcher.next().now_or_never(), None);
        let first = watcher.seen;
        // Waiting again does not begin the time again.
        assert_eq!(watcher.next().now_or_never(), None);
        assert_eq!(watcher.seen, first);
        // The connection comes back and is lost again before the watcher looks.
        link.send_replace(Link::Up);
        link.send_replace(Link::Down(2));
        assert_eq!(watcher.next().now_or_never(), None);
        assert!(matches!(watcher.seen, Seen::Running(2, _)));
        link.send_replace(Link::Up);
        assert_eq!(watcher.next().now_or_never(), None);
        assert_eq!(watcher.seen, Seen::None);
    }

    #[tokio::test]
    async fn a_connection_that_is_never_made_is_an_outage() {
        let (_link, mut watcher) = watched(Link::Down(0), SHORT);
        assert_eq!(watcher.next().await, Some(Outage::Lasting));
    }

    #[tokio::test]
    async fn the_end_is_reported_once() {
        for drops in [false, true] {
            let (link, mut watcher) = watched(Link::Up, LONG);
            if drops {
                drop(link);
                assert_eq!(watcher.next().await, Some(Outage::Closed));
            } else {
                link.send_replace(Link::Ended);
                assert_eq!(watcher.next().await, Some(Outage::Closed));
            }
            assert_eq!(watcher.next().await, None);
        }
    }
}
