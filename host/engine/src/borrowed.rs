//! Compiled code that is kept by another process: for one that may open no files.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::code::{Authentic, CodeName};
use crate::policy::TransferKey;

/// Asks another process for compiled code.
pub trait CodeStore: Send + Sync {
    /// Returns the code of `name`, as [`Engine::lend_code`](crate::Engine::lend_code) sealed it; `None` if there is none.
    fn get(&self, name: &CodeName) -> Option<Vec<u8>>;

    /// Offers code that was compiled now.
    fn put(&self, name: &CodeName, code: &[u8]);
}

/// A store, and the key that its code is sealed with.
pub(crate) struct Borrowed {
    pub(crate) store: Arc<dyn CodeStore>,
    pub(crate) key: TransferKey,
}

impl Borrowed {
    /// The compiled component: from the store, else compiled now and offered.
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
