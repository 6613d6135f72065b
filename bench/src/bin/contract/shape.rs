//! What all contracts have in common.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use portcullis_engine::measure;
pub(crate) use wasmtime::component::Instance as Started;
use wasmtime::component::{Component, ResourceTable};
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder};

use crate::login::{Login, Verdict};

/// A contract, with a guest that keeps to it.
pub(crate) trait Shape: Sized {
    /// An instance of the guest.
    type Instance: Instance;

    /// Links the guest.
    fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Self>;

    /// Instantiates the guest for decisions about a login.
    fn start(&self, login: &Arc<Login>) -> wasmtime::Result<Self::Instance>;

    /// Instantiates the guest, has it decide and returns what it has become.
    fn run(&self, login: &Arc<Login>) -> wasmtime::Result<(Store<State>, Started)>;
}

/// An instance of a guest.
pub(crate) trait Instance: 'static {
    /// Decides.
    fn decide(&mut self) -> wasmtime::Result<Verdict>;
}

/// What a store holds, whichever the contract is.
pub(crate) struct State {
    pub(crate) login: Arc<Login>,
    pub(crate) permits: ResourceTable,
    limits: StoreLimits,
}

/// A store with the limits that policies have.
pub(crate) fn store(engine: &Engine, login: &Arc<Login>) -> Store<State> {
    let state = State {
        login: Arc::clone(login),
        permits: ResourceTable::new(),
        limits: StoreLimitsBuilder::new().memory_size(16 << 20).build(),
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limits);
    // The engine meters fuel; a store without any could not take a step.
    let _ = store.set_fuel(u64::MAX);
    store.set_hostcall_fuel(1 << 20);
    // Checked as for policies, but so late that a reused instance does not meet it.
    store.set_epoch_deadline(1 << 40);
    store
}

/// The built guests.
pub(crate) struct Guests<'engine> {
    engine: &'engine Engine,
    folder: PathBuf,
}

impl<'engine> Guests<'engine> {
    pub(crate) fn new(engine: &'engine Engine, folder: &Path) -> Self {
        Self {
            engine,
            folder: folder.to_owned(),
        }
    }

    /// Componentises, compiles and links a guest. Like a policy it starts from a memory in which it has already worked:
    /// otherwise every decision would begin with growing it, which costs more than all that crosses.
    pub(crate) fn load<S: Shape>(&self, name: &str) -> Result<S> {
        let file = self.folder.join(format!("{name}.wasm"));
        let module = std::fs::read(&file).with_context(|| format!("`{}`", file.display()))?;
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

/// wasmtime's error as that of a program.
pub(crate) fn failure(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::from_boxed(error.into())
}
