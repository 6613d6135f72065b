//! The thread that makes time pass.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::EngineWeak;

use crate::functions::Functions;

/// How often the epoch advances: how late a runaway policy is noticed.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// An OS thread that counts the epochs of engines, and has what is kept for compilations forgotten in time. Not a task: a task
/// could starve behind the very policy it is to interrupt.
pub(crate) struct Ticker {
    engines: Arc<Mutex<Vec<EngineWeak>>>,
    _stop: Sender<()>,
}

impl Ticker {
    pub(crate) fn start(functions: Arc<Functions>) -> io::Result<Self> {
        let (stop, stopped) = channel::<()>();
        let engines = Arc::new(Mutex::new(Vec::<EngineWeak>::new()));
        let ticking = Arc::clone(&engines);
        std::thread::Builder::new()
            .name("portcullis-epoch".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    for engine in locked(&ticking).iter().filter_map(EngineWeak::upgrade) {
                        engine.increment_epoch();
                    }
                    functions.forget_by(Instant::now());
                }
            })?;
        Ok(Self {
            engines,
            _stop: stop,
        })
    }

    pub(crate) fn tick_for(&self, engine: &wasmtime::Engine) {
        locked(&self.engines).push(engine.weak());
    }
}

/// Nothing that holds this lock can panic half-way.
fn locked(engines: &Mutex<Vec<EngineWeak>>) -> MutexGuard<'_, Vec<EngineWeak>> {
    engines.lock().unwrap_or_else(PoisonError::into_inner)
}
