//! Items that the expansions of [`export!`](crate::export) and [`subject!`](crate::subject!)
//! need. They are not part of the interface, and change without notice.

#[cfg(target_arch = "wasm32")]
pub mod bindings;
mod pattern;
mod slot;

#[cfg(target_arch = "wasm32")]
pub use self::bindings::{
    export_bindings,
    exports::portcullis::policy::{decider, description},
};
pub use self::pattern::Pattern;
pub use self::slot::Slot;
