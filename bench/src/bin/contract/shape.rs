//! The parts that all contracts share.

use std::sync::Arc;

use anyhow::Result;
use portcullis_engine::measure;
use portcullis_test_support::benchmark_guest;
pub(crate) use wasmtime::component::Instance as Started;
use wasmtime::component::{Component, ResourceTable};
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder};

use crate::login::{Login, Verdict};

/// A contract, with a guest that implements it.
pub(crate) trait Shape: Sized {
    /// An instance of the guest.
    type Instance: Instance;

    /// Links the guest.
    fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Self>;

    /// Instantiates the guest for decisions about a login.
    fn start(&self, login: &Arc<Login>) -> wasmtime::Result<Self::Instance>;

    /// Instantiates the guest, lets it decide, and returns its state.
    fn run(&self, login: &Arc<Login>) -> wasmtime::Result<(Store<State>, Started)>;
}

/// An instance of a guest.
pub(crate) trait Instance: 'static {
    /// Decides the login.
    fn decide(&mut self) -> wasmtime::Result<Verdict>;
}

/// The data of a store, for every contract.
pub(crate) struct State {
    pub(crate) login: Arc<Login>,
    pub(crate) permits: ResourceTable,
    limits: StoreLimits,
}

/// Creates a store with the limits of policies.
pub(crate) fn store(engine: &Engine, login: &Arc<Login>) -> Store<State> {
    let state = State {
        login: Arc::clone(login),
        permits: ResourceTable::new(),
        limits: StoreLimitsBuilder::new().memory_size(16 << 20).build(),
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limits);
    // The engine meters fuel; without fuel, a store would trap at once.
    let _ = store.set_fuel(u64::MAX);
    store.set_hostcall_fuel(1 << 20);
    // The epoch is checked as for policies, but the deadline is so late that no reused instance
    // reaches it.
    store.set_epoch_deadline(1 << 40);
    store
}

/// The built guests.
pub(crate) struct Guests<'engine> {
    engine: &'engine Engine,
}

impl<'engine> Guests<'engine> {
    pub(crate) const fn new(engine: &'engine Engine) -> Self {
        Self { engine }
    }

    /// Componentises, compiles and links a guest. The guest starts from a memory in which it has
    /// already worked, as a policy does. Without that, every decision would first grow the memory,
    /// which costs more than the contract itself.
    pub(crate) fn load<S: Shape>(&self, name: &str) -> Result<S> {
        let module = benchmark_guest(name)?;
        let component = wit_component::ComponentEncoder::default()
            .validate(true)
            .module(&module)?
            .encode()?;
        let login = Arc::new(Login::large());
        measure::snapshot(&component, |component| {
            self.link::<S>(component)?.run(&login)
        })
        .and_then(|component| self.link(&component))
        .map_err(failure)
    }

    fn link<S: Shape>(&self, component: &[u8]) -> wasmtime::Result<S> {
        S::link(
            self.engine,
            &Component::from_binary(self.engine, component)?,
        )
    }
}

/// Converts an error of wasmtime into one of this program.
pub(crate) fn failure(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::from_boxed(error.into())
}
