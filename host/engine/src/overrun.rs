//! Recognition of wasmtime's error for a call that passes too many bytes
//! (`Store::set_hostcall_fuel`).
//!
//! wasmtime's type for this error is not public, so no downcast finds it. The host's functions
//! could check lengths, but only after everything was copied, which the limit prevents.
//!
//! So this module provokes one such error with a component that returns one byte too many, and
//! compares other errors with it. The text comes from the wasmtime that runs the policies, and
//! contains no word of a policy. A new version may change the text, and a policy cannot forge it.

use std::sync::OnceLock;

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

/// Text of the error. `None` if it could not be provoked.
static SPECIMEN: OnceLock<Option<String>> = OnceLock::new();

/// A component whose function `f` returns a text of one byte:
///
/// ```wat
/// (component
///   (core module
///     (memory (export "m") 1)
///     (data (i32.const 0) "\00\00\00\00\01\00\00\00")
///     (func (export "f") (result i32) i32.const 0))
///   (core instance (instantiate 0))
///   (func (export "f") (result string)
///     (canon lift (core func 0 "f") (memory 0 "m"))))
/// ```
#[rustfmt::skip]
pub(crate) const COMPONENT: &[u8] = &[
    0x00, b'a', b's', b'm', 0x0d, 0x00, 0x01, 0x00, // a component
    0x01, 0x3b, // with a core module of 59 bytes
    0x00, b'a', b's', b'm', 0x01, 0x00, 0x00, 0x00,
    0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f, // type: () -> i32
    0x03, 0x02, 0x01, 0x00, // function
    0x05, 0x03, 0x01, 0x00, 0x01, // memory
    0x07, 0x09, 0x02, 0x01, b'm', 0x02, 0x00, 0x01, b'f', 0x00, 0x00, // exports
    0x0a, 0x06, 0x01, 0x04, 0x00, 0x41, 0x00, 0x0b, // code
    0x0b, 0x0e, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x08, 0, 0, 0, 0, 1, 0, 0, 0, // data
    0x02, 0x04, 0x01, 0x00, 0x00, 0x00, // instantiated
    0x06, 0x0d, 0x02, // of which are taken
    0x00, 0x00, 0x01, 0x00, 0x01, b'f', // the function
    0x00, 0x02, 0x01, 0x00, 0x01, b'm', // and the memory
    0x07, 0x05, 0x01, 0x40, 0x00, 0x00, 0x73, // type: () -> string
    0x08, 0x08, 0x01, 0x00, 0x00, 0x00, 0x01, 0x03, 0x00, 0x00, // lifted
    0x0b, 0x07, 0x01, 0x00, 0x01, b'f', 0x01, 0x00, 0x00, // exported
];

/// Provokes the error unless that was done. Takes some milliseconds, so it is done before any
/// login.
pub(crate) fn prepare() {
    SPECIMEN.get_or_init(specimen);
}

/// Returns whether `error` means that the policy passed too many bytes in one call.
pub(crate) fn is_overrun(error: &wasmtime::Error) -> bool {
    let specimen = SPECIMEN.get_or_init(specimen);
    specimen.as_ref() == Some(&error.root_cause().to_string())
}

fn specimen() -> Option<String> {
    match overrun() {
        Ok(error) => Some(error.root_cause().to_string()),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "policies that hand over too much are reported as invalid-output, not as policy-output"
            );
            None
        }
    }
}

/// Returns the error of a call that passes one byte where none is allowed.
fn overrun() -> wasmtime::Result<wasmtime::Error> {
    let mut config = Config::new();
    config.wasm_component_model(true).concurrency_support(false);
    let engine = Engine::new(&config)?;
    let component = Component::from_binary(&engine, COMPONENT)?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &component)?;
    let function = instance.get_typed_func::<(), (String,)>(&mut store, "f")?;
    let (byte,) = function.call(&mut store, ())?;
    store.set_hostcall_fuel(0);
    match function.call(&mut store, ()) {
        Err(error) => Ok(error),
        Ok(_) => Err(wasmtime::Error::msg(format!(
            "{} byte was taken where none may be",
            byte.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overrun_differs_from_other_traps() {
        assert!(is_overrun(&overrun().unwrap()));
        assert!(!is_overrun(&wasmtime::Error::msg("a message")));
        assert!(!is_overrun(&wasmtime::Trap::UnreachableCodeReached.into()));
    }
}
