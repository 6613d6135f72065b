//! Snapshots of the memory after `configure`, from which every decision starts.
//!
//! A snapshot needs a component whose whole state is in memories and globals. A component that may
//! change its tables, or that instantiates a module twice, has other state. [`instrument`] reports
//! this. Such a policy runs `configure` again before every decision.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::text::one_line;
use wasmtime::Store;
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime_wizer::{ComponentContext, ComponentInstanceState, Wizer};

/// A component with accessors for its memory.
pub(crate) struct Instrumented<'a> {
    context: ComponentContext<'a>,
    /// Component to compile and configure.
    pub(crate) component: Vec<u8>,
}

/// The reason why a component's state cannot be read out.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) String);

/// Adds the accessors to a valid component.
pub(crate) fn instrument(component: &[u8]) -> Result<Instrumented<'_>, Unreadable> {
    let (context, component) = Wizer::new()
        .instrument_component(component)
        .map_err(|error| Unreadable(one_line(&format!("{error:#}"))))?;
    Ok(Instrumented { context, component })
}

impl Instrumented<'_> {
    /// Returns the original component with the current memory of `instance`.
    pub(crate) fn snapshot<T: Send + 'static>(
        &self,
        store: &mut Store<T>,
        instance: Instance,
    ) -> wasmtime::Result<Vec<u8>> {
        let mut accessors = Accessors {
            store,
            instance,
            memories: HashMap::new(),
            failure: None,
        };
        let bytes = ready(Wizer::new().snapshot_component(&self.context, &mut accessors))
            .ok_or_else(|| wasmtime::Error::msg("the snapshot did not complete"))??;
        match accessors.failure {
            None => Ok(bytes),
            Some(error) => Err(error),
        }
    }
}

/// Polls a future once. The accessors never wait, so the future is either ready or broken.
fn ready<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

struct Accessors<'a, T: 'static> {
    store: &'a mut Store<T>,
    instance: Instance,
    /// Content of each memory, by its accessor. Empty for a memory that could not be read.
    memories: HashMap<String, Vec<u8>>,
    /// First failure, because the trait's methods cannot return one.
    failure: Option<wasmtime::Error>,
}

impl<S> Accessors<'_, S> {
    fn call<R, T>(
        &mut self,
        instance: &str,
        function: &str,
        take: impl FnOnce(&Store<S>, R) -> T,
    ) -> wasmtime::Result<T>
    where
        R: Lift + 'static,
    {
        let missing = || wasmtime::Error::msg(format!("no accessor `{instance}#{function}`"));
        let outer = self
            .instance
            .get_export_index(&mut *self.store, None, instance)
            .ok_or_else(missing)?;
        let inner = self
            .instance
            .get_export_index(&mut *self.store, Some(&outer), function)
            .ok_or_else(missing)?;
        let function = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *self.store, inner)?;
        let (value,) = function.call(&mut *self.store, ())?;
        Ok(take(self.store, value))
    }

    fn answer<T: Default>(&mut self, result: wasmtime::Result<T>) -> T {
        result.unwrap_or_else(|error| {
            self.failure.get_or_insert(error);
            T::default()
        })
    }
}

impl<S: Send> ComponentInstanceState for Accessors<'_, S> {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        // The caller reads each memory twice and relies on equal answers. Reading grows the memory,
        // so it is read once and cached.
        if let Some(memory) = self.memories.get(func) {
            return contents(memory);
        }
        let result = self.call(instance, func, |store, list: WasmList<u8>| {
            list.as_le_slice(store).to_vec()
        });
        let memory = self.answer(result);
        contents(&memory);
        self.memories.insert(func.to_owned(), memory);
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        let result = self.call(instance, func, |_, value: i32| value);
        self.answer(result)
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        let result = self.call(instance, func, |_, value: i64| value);
        self.answer(result)
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        let result = self.call(instance, func, |_, value: f32| value.to_bits());
        self.answer(result)
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        let result = self.call(instance, func, |_, value: f64| value.to_bits());
        self.answer(result)
    }
}
