#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod __private;
mod account;
#[cfg(any(doc, doctest))]
#[doc = include_str!("../COOKBOOK.md")]
pub mod cookbook {}
pub mod duration;
mod export;
mod hash;
pub mod intent;
pub mod issuers;
mod key_value;
pub mod log;
mod names;
mod permit;
mod policy;
pub mod prelude;
pub mod profile;
mod request;
pub mod restriction;
mod settings;
mod subjects;
pub mod template;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

#[cfg(target_arch = "wasm32")]
use __private::bindings::portcullis::policy as host;

pub use account::{AccountNameError, check_account};
pub use hash::{HashError, check_hash};
pub use key_value::{LookUpError, key};
pub use names::{AccountLimit, ClientKind, ConnectionType, Method, Transport};
pub use permit::{Permit, Responses, Subjects, TimeRange};
pub use policy::{Policy, Verdict};
pub use request::{Certificate, ClaimError, Client, Request, Secrets, Server, Strength};
pub use settings::{KeyDoc, NoSettings, SettingsDoc, SettingsError, read_json};
pub use subjects::{Subject, SubjectError};
