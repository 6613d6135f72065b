//! Whether this process may do what every policy needs: run code that it has compiled, and reserve address space for instances.
//!
//! A service manager or a shell can forbid both. Without a look at the start, the first policy would fail, and its file would be
//! blamed for it.

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::overrun::COMPONENT;

/// What keeps this process from running any policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// Compiled code cannot be made executable.
    #[error(
        "this process may not make memory executable, so it cannot run policies, which are compiled to machine code: if its systemd \
         unit sets `MemoryDenyWriteExecute=`, remove that line"
    )]
    Code(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Address space is limited.
    #[error(
        "this process has no address space for {wanted} decisions at the same time, 4 GiB each, of which little is ever used: raise its \
         limit (`ulimit -v`, `LimitAS=` in a systemd unit), or lower `max-in-flight` under [callout]"
    )]
    AddressSpace {
        /// How many instances were to be there at the same time.
        wanted: u32,
        /// Why one of them could not be made.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Compiles something small, and has it made executable.
pub(crate) fn code(engine: &Engine) -> Result<(), Unfit> {
    match Component::from_binary(engine, COMPONENT) {
        Ok(_) => Ok(()),
        Err(error) => Err(Unfit::Code(error.into())),
    }
}

/// Makes as many instances as there may be decisions at the same time, and drops them.
pub(crate) fn instances(engine: &Engine, wanted: u32) -> Result<(), Unfit> {
    let made = || {
        let component = Component::from_binary(engine, COMPONENT)?;
        let linker = Linker::new(engine);
        let mut stores = Vec::new();
        for _ in 0..wanted {
            let mut store = Store::new(engine, ());
            linker.instantiate(&mut store, &component)?;
            stores.push(store);
        }
        Ok(())
    };
    made().map_err(|error: wasmtime::Error| Unfit::AddressSpace {
        wanted,
        source: error.into(),
    })
}
