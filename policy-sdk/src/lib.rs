#![doc = include_str!("../README.md")]

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
pub mod duration;
mod export;
mod hash;
pub mod issuers;
mod key_value;
pub mod log;
mod permit;
mod policy;
pub mod prelude;
pub mod profile;
mod request;
mod settings;
pub mod template;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use hash::{HashError, check_hash};
pub use key_value::{LookUpError, key};
pub use permit::{Permit, Responses};
pub use policy::{Policy, Verdict};
pub use request::{Certificate, Client, Method, Request, Secrets, Server, Strength};
pub use settings::{NoSettings, SettingsError};

/// Items that the expansion of [`export!`] needs; they are not part of the interface.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_arch = "wasm32")]
    pub use crate::bindings::{export_bindings, exports::portcullis::policy::decider};
    pub use crate::export::Slot;
}
