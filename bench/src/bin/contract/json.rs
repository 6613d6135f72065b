//! The JSON contract: JSON in, JSON out.

use std::sync::Arc;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use self::generated::{Policy, PolicyPre};
use crate::login::{Login, Verdict};
use crate::shape::{Instance, Shape, Started, State, store};

mod generated {
    //! Bindings generated from `bench/wit/json`.
    wasmtime::component::bindgen!({
        path: "wit/json",
        world: "policy",
    });
}

/// The contract with one guest.
pub(crate) struct Json {
    engine: Engine,
    pre: PolicyPre<State>,
}

pub(crate) struct JsonInstance {
    store: Store<State>,
    policy: Policy,
}

impl Shape for Json {
    type Instance = JsonInstance;

    fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Self> {
        let pre = Linker::new(engine).instantiate_pre(component)?;
        Ok(Self {
            engine: engine.clone(),
            pre: PolicyPre::new(pre)?,
        })
    }

    fn start(&self, login: &Arc<Login>) -> wasmtime::Result<JsonInstance> {
        let mut store = store(&self.engine, login);
        let policy = self.pre.instantiate(&mut store)?;
        Ok(JsonInstance { store, policy })
    }

    fn run(&self, login: &Arc<Login>) -> wasmtime::Result<(Store<State>, Started)> {
        let mut store = store(&self.engine, login);
        let instance = self.pre.instance_pre().instantiate(&mut store)?;
        let policy = Policy::new(&mut store, &instance)?;
        let mut running = JsonInstance { store, policy };
        running.decide()?;
        Ok((running.store, instance))
    }
}

impl Instance for JsonInstance {
    fn decide(&mut self) -> wasmtime::Result<Verdict> {
        let login = serde_json::to_string(&*self.store.data().login)?;
        let verdict = self.policy.call_decide(&mut self.store, &login)?;
        Ok(serde_json::from_str(&verdict)?)
    }
}
