//! The thread that advances the epoch.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wasmtime::EngineWeak;

use crate::function_cache::FunctionCache;

/// Interval at which the epoch advances, which bounds the delay before a runaway policy is stopped:
/// 5 ms.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// An OS thread that advances the epochs of engines and clears the cache of functions in time. A
/// task could starve behind the very policy that it has to interrupt.
pub(crate) struct Ticker {
    engines: Arc<Mutex<Vec<EngineWeak>>>,
    _stop: Sender<()>,
}

impl Ticker {
    pub(crate) fn start(functions: Arc<FunctionCache>) -> io::Result<Self> {
        let (stop, stopped) = channel::<()>();
        let engines = Arc::new(Mutex::new(Vec::<EngineWeak>::new()));
        let ticking = Arc::clone(&engines);
        std::thread::Builder::new()
            .name("portcullis-epoch".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    for engine in ticking.lock().iter().filter_map(EngineWeak::upgrade) {
                        engine.increment_epoch();
                    }
                    functions.clear_unused(Instant::now());
                }
            })?;
        Ok(Self {
            engines,
            _stop: stop,
        })
    }

    pub(crate) fn tick_for(&self, engine: &wasmtime::Engine) {
        self.engines.lock().push(engine.weak());
    }
}
