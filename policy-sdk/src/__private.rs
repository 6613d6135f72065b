//! Items that the expansion of [`export!`](crate::export) needs. They are not part of the
//! interface, and change without notice.

#[cfg(target_arch = "wasm32")]
pub mod bindings;
mod slot;

#[cfg(target_arch = "wasm32")]
pub use self::bindings::{export_bindings, exports::portcullis::policy::decider};
pub use self::slot::Slot;
