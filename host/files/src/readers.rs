//! Threads for system calls that may hang. A thread that has ended its work waits for more, because
//! starting one takes several times as long as the read of a small file.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::ReadError;

/// Time after which a thread without work ends.
const IDLE_TIME: Duration = Duration::from_secs(10);
/// Maximum number of threads that wait for work. Others end with their work.
const MAX_IDLE: usize = 8;

/// The threads that wait for work, of which the last one is the first to get some.
static IDLE: Mutex<Vec<IdleThread>> = Mutex::new(Vec::new());
/// Number of threads that were started.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// The work of a thread. The last thing that it does is to call what it is given, before it tells
/// its result: the next caller then finds the thread idle.
pub(crate) type Work = Box<dyn FnOnce(&mut Reader) + Send>;

/// A thread that waits for work.
struct IdleThread {
    number: u64,
    work: Sender<Work>,
}

/// A thread that works.
pub(crate) struct Reader {
    number: u64,
    sender: Sender<Work>,
    receiver: Receiver<Work>,
    is_idle: bool,
}

/// Runs `work` on a thread that waits for work, or on a new one.
///
/// # Errors
///
/// Fails if a thread is needed and cannot be started.
pub(crate) fn run(mut work: Work) -> Result<(), ReadError> {
    // The lock is not held while a thread is woken up.
    while let Some(idle) = pop() {
        match idle.work.send(work) {
            Ok(()) => return Ok(()),
            // A thread takes itself off the list before it ends, so this does not happen.
            Err(unsent) => work = unsent.0,
        }
    }
    let (sender, receiver) = channel();
    let mut reader = Reader {
        number: STARTED.fetch_add(1, Ordering::Relaxed),
        sender,
        receiver,
        is_idle: false,
    };
    let started = Builder::new()
        .name("portcullis-read".to_owned())
        .spawn(move || reader.work(work));
    started.map(drop).map_err(ReadError::NoThread)
}

fn pop() -> Option<IdleThread> {
    IDLE.lock().pop()
}

impl Reader {
    /// Puts the thread on the list of those that wait for work, unless there are enough.
    pub(crate) fn become_idle(&mut self) {
        let mut idle = IDLE.lock();
        self.is_idle = idle.len() < MAX_IDLE;
        if self.is_idle {
            idle.push(IdleThread {
                number: self.number,
                work: self.sender.clone(),
            });
        }
    }

    /// Works until no more work arrives in time.
    fn work(&mut self, first: Work) {
        let mut next = Some(first);
        while let Some(work) = next {
            // If the work panics, the thread ends. It is not on the list then.
            work(self);
            next = if mem::take(&mut self.is_idle) {
                self.wait()
            } else {
                None
            };
        }
    }

    fn wait(&self) -> Option<Work> {
        if let Ok(work) = self.receiver.recv_timeout(IDLE_TIME) {
            return Some(work);
        }
        {
            let mut idle = IDLE.lock();
            if let Some(place) = idle.iter().position(|it| it.number == self.number) {
                idle.remove(place);
                return None;
            }
        }
        // A caller has taken the thread off the list in this moment, and sends its work.
        self.receiver.recv().ok()
    }
}
