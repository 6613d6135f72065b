//! Compiled code in the store of another process, for a process that may open no files.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::code::{Authentic, CodeName};
use crate::transfer_key::TransferKey;

/// A store of compiled code in another process.
pub trait CodeStore: Send + Sync {
    /// Returns the code of `name`, sealed by [`Engine::lend_code`](crate::Engine::lend_code).
    /// `None` if the store does not have it.
    fn get(&self, name: &CodeName) -> Option<Vec<u8>>;

    /// Offers newly compiled code to the store.
    fn put(&self, name: &CodeName, code: &[u8]);
}

/// A store, and the key that seals its code.
pub(crate) struct Borrowed {
    pub(crate) store: Arc<dyn CodeStore>,
    pub(crate) key: TransferKey,
}

impl Borrowed {
    /// Returns the compiled component, from the store if possible. Otherwise compiles it and offers
    /// the code.
    pub(crate) fn compile(&self, engine: &Engine, component: &[u8]) -> wasmtime::Result<Component> {
        let name = CodeName::new(engine, component);
        if let Some(component) = self.find(engine, &name) {
            return Ok(component);
        }
        let component = Component::from_binary(engine, component)?;
        self.store.put(&name, &component.serialize()?);
        Ok(component)
    }

    fn find(&self, engine: &Engine, name: &CodeName) -> Option<Component> {
        let sealed = self.store.get(name)?;
        let code = Authentic::verify(self.key.hmac(), &sealed)?;
        let code = code.after(&name.to_bytes())?;
        code.deserialize(engine).ok()
    }
}
