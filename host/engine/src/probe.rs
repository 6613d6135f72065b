//! Checks at the start that this process can run policies: that it may run compiled code, and
//! reserve address space for instances.
//!
//! A service manager or a shell can forbid both. Without these checks, the first policy would fail,
//! and the error would blame its file.

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::overrun::COMPONENT;

/// A reason why this process cannot run any policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// The process may not make compiled code executable.
    #[error(
        "this process may not make memory executable, so it cannot run policies, which are compiled to machine code: if its systemd \
         unit sets `MemoryDenyWriteExecute=`, remove that line"
    )]
    Code(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The process lacks address space.
    #[error(
        "this process has no address space for {wanted} decisions at the same time, 4 GiB each, of which little is ever used: raise its \
         limit (`ulimit -v`, `LimitAS=` in a systemd unit), or lower `max-in-flight` under [callout]"
    )]
    AddressSpace {
        /// Required number of concurrent instances.
        wanted: u32,
        /// Failure of an instantiation.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Compiles a small component and makes it executable.
pub(crate) fn code(engine: &Engine) -> Result<(), Unfit> {
    match Component::from_binary(engine, COMPONENT) {
        Ok(_) => Ok(()),
        Err(error) => Err(Unfit::Code(error.into())),
    }
}

/// Makes an instance for every concurrent decision, and drops them.
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
