//! Replies that leave together.
//!
//! A reply that is handed to a connection wakes the connection's task, which writes at once: one write of the host and one read of the
//! server for hardly more than one reply, however many are about to follow. So while requests have come that nobody has begun to work on,
//! replies wait for each other. Nobody waits for nothing: when the last request has been begun, the next reply takes along whatever waits,
//! and the first that waits goes at the latest when its thread has nothing else to do.

use std::fmt;
use std::mem::take;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Client, PublishError, Subject};
use bytes::Bytes;

/// Most replies that wait.
const MOST: usize = 32;

/// The replies of one connection on their way to it.
#[derive(Debug)]
pub(crate) struct Outbox {
    client: Client,
    replies: Arc<Together<Outgoing>>,
}

/// A reply, and what is done once it has been handed to the connection, or could not be.
pub(crate) struct Outgoing {
    pub(crate) subject: Subject,
    pub(crate) body: Bytes,
    pub(crate) then: Box<dyn FnOnce(Result<(), PublishError>) + Send>,
}

/// What waits for company.
#[derive(Debug)]
struct Together<T> {
    /// How many requests have come that nobody has begun to work on.
    unbegun: AtomicUsize,
    waiting: Mutex<Vec<T>>,
}

/// A request that nobody has begun to work on; dropping it is the beginning.
#[derive(Debug)]
pub(crate) struct Unbegun(Arc<Together<Outgoing>>);

impl Outbox {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            replies: Arc::default(),
        }
    }

    /// The connection, for everything that does not wait.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// One more request has come on this connection.
    pub(crate) fn expect(&self) -> Unbegun {
        self.replies.unbegun.fetch_add(1, Ordering::Relaxed);
        Unbegun(Arc::clone(&self.replies))
    }

    /// Sends a reply, alone or with others, or leaves it to somebody who is here already.
    pub(crate) async fn send(&self, reply: Outgoing) {
        for reply in self.replies.join(reply).await {
            let sent = self.client.publish(reply.subject, reply.body).await;
            (reply.then)(sent);
        }
    }
}

impl<T> Together<T> {
    /// Adds one. Returns all that the caller has to see to: nothing if somebody else does.
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
        // Everything that this thread has to do comes first. Then it is time, whoever is still at work.
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

    /// What each of so many has to see to, if they come one after the other and so many requests are not begun.
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
        // Which of those that have given way comes next is the runtime's business.
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
