//! What a policy says about itself, through the optional interface `description`.

use portcullis_core::PolicyName;
use wasmtime::component::TypedFunc;

use super::{Phase, Policy, State, store};
use crate::engine::Engine;
use crate::evaluation::EvaluationError;
use crate::limits::Limits;
use crate::load::LoadError;
use crate::module::ungranted_component;
use crate::overrun;

/// Function of the interface that returns the schema of the settings.
const SETTINGS_SCHEMA: &str = "settings-schema";

impl Policy {
    /// Asks a module for the JSON Schema of its settings, in an instance of its own, without
    /// `configure`. `None` if the module does not describe itself. Blocks for the compilation.
    ///
    /// `interface` is the full name of the interface, as [`Description::describes`] has it.
    ///
    /// [`Description::describes`]: crate::Description::describes
    ///
    /// # Errors
    ///
    /// Fails if the module cannot be compiled, or if the function does not return.
    pub fn settings_schema(
        engine: &Engine,
        name: &PolicyName,
        module: &[u8],
        interface: &str,
    ) -> Result<Option<String>, LoadError> {
        overrun::prepare();
        let engine = engine.on_demand();
        let component = engine
            .compile(&ungranted_component(module)?)
            .map_err(|error| LoadError::compile(&error))?;
        let (limits, time) = (Limits::default(), Limits::CONFIGURE_DEADLINE);
        let state = State::new(
            name.clone(),
            Phase::Configure,
            engine.verifier(),
            limits,
            time,
        );
        let mut store = store(&engine, state);
        // The function sees no login, so it needs no grant.
        let instance = engine
            .linker(true)
            .instantiate(&mut store, &component)
            .map_err(|error| {
                LoadError::start(EvaluationError::of_start(&error, store.data(), time))
            })?;
        let function = instance
            .get_export_index(&mut store, None, interface)
            .and_then(|found| instance.get_export_index(&mut store, Some(&found), SETTINGS_SCHEMA));
        let Some(function) = function else {
            return Ok(None);
        };
        let function: TypedFunc<(), (String,)> = instance
            .get_typed_func(&mut store, function)
            .map_err(|error| LoadError::instantiate(&error))?;
        let (schema,) = function.call(&mut store, ()).map_err(|error| {
            LoadError::Description(EvaluationError::of_call(&error, store.data(), time))
        })?;
        Ok(Some(schema))
    }
}
