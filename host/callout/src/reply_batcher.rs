//! The batcher of replies.
//!
//! A reply wakes the connection's task, which writes at once. Single replies thus cost one write of
//! the host and one read of the server each.
//!
//! The host therefore queues replies while the connection has requests that no task has started on.
//! A reply empties the queue if no such request is left or 32 replies are queued. Otherwise the
//! first queued reply empties it after the runtime thread has run its other tasks. The task that
//! empties the queue publishes all its replies; none waits for a flush of the client.

use std::fmt;
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use portcullis_connect::{Nats, PublishError, Subject};

/// Maximum number of queued replies.
const MAX_BATCH: usize = 32;

/// The reply batcher of one connection.
#[derive(Debug)]
pub(crate) struct ReplyBatcher<N> {
    client: N,
    replies: Arc<ReplyQueue<Outgoing>>,
}

/// A reply and its callback. The callback runs once the reply was handed to the NATS client or
/// could not be.
pub(crate) struct Outgoing {
    pub(crate) subject: Subject,
    pub(crate) body: Bytes,
    pub(crate) then: Box<dyn FnOnce(Result<(), PublishError>) + Send>,
}

/// The queue of a batcher.
#[derive(Debug)]
struct ReplyQueue<T> {
    /// Number of received requests that no task has started on.
    pending: AtomicUsize,
    queued: Mutex<Vec<T>>,
}

/// A request that no task has started on. Dropping this value marks the start.
#[derive(Debug)]
pub(crate) struct Pending(Arc<ReplyQueue<Outgoing>>);

impl<N: Nats> ReplyBatcher<N> {
    pub(crate) fn new(client: N) -> Self {
        Self {
            client,
            replies: Arc::default(),
        }
    }

    /// Returns the connection, for messages that are not batched.
    pub(crate) const fn client(&self) -> &N {
        &self.client
    }

    /// Counts a new request on this connection.
    pub(crate) fn add_pending(&self) -> Pending {
        self.replies.pending.fetch_add(1, Ordering::Relaxed);
        Pending(Arc::clone(&self.replies))
    }

    /// Sends a reply with the queued ones, or leaves it to the task that sends the queue.
    pub(crate) async fn send(&self, reply: Outgoing) {
        for reply in self.replies.push(reply).await {
            let sent = self.client.publish(reply.subject, reply.body).await;
            (reply.then)(sent);
        }
    }
}

impl<T> ReplyQueue<T> {
    /// Adds `one` to the queue. Returns the items that the caller must send. The list is empty if
    /// another task sends them.
    async fn push(&self, one: T) -> Vec<T> {
        {
            let mut queued = self.queued.lock();
            queued.push(one);
            let is_more_pending = self.pending.load(Ordering::Relaxed) > 0;
            if queued.len() >= MAX_BATCH || !is_more_pending {
                return take(&mut *queued);
            }
            if queued.len() > 1 {
                return Vec::new();
            }
        }
        // The other tasks of this thread run first. Then the queue is sent, even if tasks of
        // other threads are still at work.
        tokio::task::yield_now().await;
        take(&mut *self.queued.lock())
    }
}

impl<T> Default for ReplyQueue<T> {
    fn default() -> Self {
        Self {
            pending: AtomicUsize::new(0),
            queued: Mutex::default(),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
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

    /// Returns what each of `number` concurrent callers has to send while `pending` requests are
    /// not started.
    async fn sent_by(number: usize, pending: usize) -> Vec<Vec<usize>> {
        let queue = ReplyQueue::default();
        queue.pending.store(pending, Ordering::Relaxed);
        join_all((0..number).map(|one| queue.push(one))).await
    }

    #[tokio::test]
    async fn a_reply_is_sent_if_no_request_is_pending() {
        assert_eq!(sent_by(3, 0).await, [[0], [1], [2]]);
    }

    #[tokio::test]
    async fn the_first_reply_takes_those_queued_meanwhile() {
        let none = Vec::new();
        assert_eq!(sent_by(3, 1).await, [vec![0, 1, 2], none.clone(), none]);
    }

    #[tokio::test]
    async fn the_reply_that_fills_the_queue_sends_it() {
        let mut sent = sent_by(MAX_BATCH + 2, 1).await;
        assert!(sent.swap_remove(MAX_BATCH - 1).into_iter().eq(0..MAX_BATCH));
        // The runtime decides which of the yielded tasks runs next.
        let rest: Vec<_> = sent.into_iter().filter(|all| !all.is_empty()).collect();
        assert_eq!(rest, [[MAX_BATCH, MAX_BATCH + 1]]);
    }

    #[tokio::test]
    async fn the_reply_after_the_last_pending_request_sends_the_queue() {
        let queue = ReplyQueue::default();
        queue.pending.store(1, Ordering::Relaxed);
        let (first, last) = tokio::join!(queue.push(0), async {
            queue.pending.store(0, Ordering::Relaxed);
            queue.push(1).await
        });
        assert_eq!((first, last), (vec![], vec![0, 1]));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_reply_is_sent_once_in_any_order() {
        const NUMBER: usize = 20_000;
        let queue = Arc::new(ReplyQueue::default());
        queue.pending.store(NUMBER, Ordering::Relaxed);
        let tasks = (0..NUMBER).map(|one| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                queue.pending.fetch_sub(1, Ordering::Relaxed);
                queue.push(one).await
            })
        });
        let mut all = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            let sent = task.await.unwrap();
            assert!(sent.len() <= MAX_BATCH, "{}", sent.len());
            all.extend(sent);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..NUMBER));
    }
}
