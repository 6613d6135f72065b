//! The batcher of replies.
//!
//! A reply wakes the connection's task, which writes at once. Single replies thus cost one write of
//! the host and one read of the server each.
//!
//! The host therefore queues replies while the connection has requests that no task has started on.
//! A reply flushes the queue if no such request is left or 32 replies are queued. Otherwise the
//! first queued reply flushes it after the runtime thread has run its other tasks.

use std::fmt;
use std::mem::take;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Client, PublishError, Subject};
use bytes::Bytes;

/// Maximum number of queued replies.
const MOST: usize = 32;

/// The reply batcher of one connection.
#[derive(Debug)]
pub(crate) struct Outbox {
    client: Client,
    replies: Arc<Together<Outgoing>>,
}

/// A reply and its callback. The callback runs once the reply was handed to the connection or could
/// not be.
pub(crate) struct Outgoing {
    pub(crate) subject: Subject,
    pub(crate) body: Bytes,
    pub(crate) then: Box<dyn FnOnce(Result<(), PublishError>) + Send>,
}

/// The queue of a batcher.
#[derive(Debug)]
struct Together<T> {
    /// Number of received requests that no task has started on.
    unbegun: AtomicUsize,
    waiting: Mutex<Vec<T>>,
}

/// A request that no task has started on. Dropping this value marks the start.
#[derive(Debug)]
pub(crate) struct Unbegun(Arc<Together<Outgoing>>);

impl Outbox {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            replies: Arc::default(),
        }
    }

    /// Returns the connection, for messages that are not batched.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Counts a new request on this connection.
    pub(crate) fn expect(&self) -> Unbegun {
        self.replies.unbegun.fetch_add(1, Ordering::Relaxed);
        Unbegun(Arc::clone(&self.replies))
    }

    /// Sends a reply with the queued ones, or leaves it to a task that flushes the queue.
    pub(crate) async fn send(&self, reply: Outgoing) {
        for reply in self.replies.join(reply).await {
            let sent = self.client.publish(reply.subject, reply.body).await;
            (reply.then)(sent);
        }
    }
}

impl<T> Together<T> {
    /// Adds `one` to the queue. Returns the items that the caller must send. The list is empty if
    /// another task sends them.
    async fn join(&self, one: T) -> Vec<T> {
        {
            let mut waiting = self.waiting();
            waiting.push(one);
            let more_to_come = self.unbegun.load(Ordering::Relaxed) > 0;
            if waiting.len() >= MOST || !more_to_come {
                return take(&mut *waiting);
            }
            if waiting.len() > 1 {
                return Vec::new();
            }
        }
        // The other tasks of this thread run first. Then the queue is flushed, even if tasks of
        // other threads are still at work.
        tokio::task::yield_now().await;
        take(&mut *self.waiting())
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Together<T> {
    fn default() -> Self {
        Self {
            unbegun: AtomicUsize::new(0),
            waiting: Mutex::default(),
        }
    }
}

impl Drop for Unbegun {
    fn drop(&mut self) {
        self.0.unbegun.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Outgoing")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    /// Returns what each of `number` concurrent callers has to send while `unbegun` requests are
    /// not started.
    async fn seen_to(number: usize, unbegun: usize) -> Vec<Vec<usize>> {
        let together = Together::default();
        together.unbegun.store(unbegun, Ordering::Relaxed);
        join_all((0..number).map(|one| together.join(one))).await
    }

    #[tokio::test]
    async fn nobody_waits_if_nothing_else_is_to_come() {
        assert_eq!(seen_to(3, 0).await, [[0], [1], [2]]);
    }

    #[tokio::test]
    async fn the_first_takes_all_that_came_meanwhile() {
        let none = Vec::new();
        assert_eq!(seen_to(3, 1).await, [vec![0, 1, 2], none.clone(), none]);
    }

    #[tokio::test]
    async fn the_one_that_makes_it_too_many_takes_them() {
        let mut seen_to = seen_to(MOST + 2, 1).await;
        assert!(seen_to.swap_remove(MOST - 1).into_iter().eq(0..MOST));
        // The runtime decides which of the yielded tasks runs next.
        let rest: Vec<_> = seen_to.into_iter().filter(|all| !all.is_empty()).collect();
        assert_eq!(rest, [[MOST, MOST + 1]]);
    }

    #[tokio::test]
    async fn after_the_last_request_has_been_begun_the_next_reply_takes_what_waits() {
        let together = Together::default();
        together.unbegun.store(1, Ordering::Relaxed);
        let (first, last) = tokio::join!(together.join(0), async {
            together.unbegun.store(0, Ordering::Relaxed);
            together.join(1).await
        });
        assert_eq!((first, last), (vec![], vec![0, 1]));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_is_seen_to_once_whoever_comes_when() {
        const NUMBER: usize = 20_000;
        let together = Arc::new(Together::default());
        together.unbegun.store(NUMBER, Ordering::Relaxed);
        let tasks = (0..NUMBER).map(|one| {
            let together = Arc::clone(&together);
            tokio::spawn(async move {
                together.unbegun.fetch_sub(1, Ordering::Relaxed);
                together.join(one).await
            })
        });
        let mut all = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            let seen_to = task.await.unwrap();
            assert!(seen_to.len() <= 2 * MOST, "{}", seen_to.len());
            all.extend(seen_to);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..NUMBER));
    }
}
