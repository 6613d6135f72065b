//! The limit on the time without any connection.

use std::time::{Duration, Instant};

use portcullis_connect::ConnectionStatus;

/// Maximum interval of checks. A shorter limit shortens it.
const INTERVAL: Duration = Duration::from_secs(1);

/// All connections have been lost for longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no connection to nats for {}, which is `max-disconnected`",
    humantime::format_duration(*.0)
)]
pub struct LostForTooLong(Duration);

/// A tracker of the current outage.
#[derive(Debug)]
struct Outage {
    limit: Duration,
    since: Option<Instant>,
}

impl Outage {
    /// Records whether a connection exists now. Returns whether there has been none for the time of
    /// the limit.
    fn look(&mut self, now: Instant, connected: bool) -> bool {
        if connected {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.saturating_duration_since(since) >= self.limit
    }
}

/// Returns once none of `connections` has been up for `limit`. Never returns without a limit.
pub(crate) async fn lost_for_too_long(
    connections: &[ConnectionStatus],
    limit: Option<Duration>,
) -> LostForTooLong {
    let Some(limit) = limit else {
        return std::future::pending().await;
    };
    let mut outage = Outage { limit, since: None };
    let mut ticks = tokio::time::interval((limit / 4).clamp(Duration::from_millis(1), INTERVAL));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let connected = connections.iter().any(ConnectionStatus::is_connected);
        if outage.look(Instant::now(), connected) {
            return LostForTooLong(limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_too_long_once_the_limit_has_passed_without_a_connection() {
        let limit = Duration::from_secs(10);
        let mut outage = Outage { limit, since: None };
        let start = Instant::now();
        let mut look =
            |seconds, connected| outage.look(start + Duration::from_secs(seconds), connected);
        assert!(!look(0, true));
        assert!(!look(1, false));
        assert!(!look(10, false));
        assert!(!look(10, true), "it came back in time");
        assert!(!look(11, false));
        assert!(!look(20, false));
        assert!(look(21, false));
    }

    #[test]
    fn the_message_names_the_key() {
        let message = LostForTooLong(Duration::from_mins(5)).to_string();
        assert_eq!(
            message,
            "no connection to nats for 5m, which is `max-disconnected`"
        );
    }
}
