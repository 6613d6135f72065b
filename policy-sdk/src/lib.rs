#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod __private;
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

#[cfg(target_arch = "wasm32")]
use __private::bindings::portcullis::policy as host;

pub use hash::{HashError, check_hash};
pub use key_value::{LookUpError, key};
pub use permit::{Permit, Responses};
pub use policy::{Policy, Verdict};
pub use request::{Certificate, Client, Method, Request, Secrets, Server, Strength};
pub use settings::{NoSettings, SettingsError};
